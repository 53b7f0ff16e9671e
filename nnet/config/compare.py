"""Compares two configurations."""

# Keys that change neither the trained weights nor what a checkpoint holds.
FREE = {
    "training.log_every",
    "training.tensorboard",
    "training.keep_checkpoints",
    "training.save_every",
    "data.num_workers",
    "note",
}
# Of these, what matters to several processes: each save averages their running statistics.
NOT_FREE_JOINTLY = {"training.save_every"}


def differing_settings(first, second, processes=1):
    """Returns the dotted names of keys that differ between two configurations and matter to a training."""
    free = FREE if processes == 1 else FREE - NOT_FREE_JOINTLY
    return [key for key in differing_keys(first, second) if key not in free]


def differing_keys(first, second, prefix=""):
    """Returns the dotted names of keys that differ between two nested dicts.

    For a section whose type differs, only `type` is returned.
    """
    if first.get("type") != second.get("type"):
        return [f"{prefix}type"]
    keys = []
    for key in sorted(first.keys() | second.keys()):
        a, b = first.get(key), second.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            keys += differing_keys(a, b, f"{prefix}{key}.")
        elif a != b:
            keys.append(f"{prefix}{key}")
    return keys
