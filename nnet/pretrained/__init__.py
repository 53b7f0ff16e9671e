"""Checkpoints of other toolkits, read without those toolkits and without PyTorch."""
