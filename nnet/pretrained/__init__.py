"""Converts checkpoints of other toolkits; needs neither those toolkits nor PyTorch."""
