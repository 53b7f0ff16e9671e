"""Reading of a log.jsonl, the line that training writes for each epoch."""

from nnet.files import check_entries, parse_json
from nnet.kaldi.tables import read_lines

EPOCH = {"epoch": None, "train_loss": None, "valid_loss": None, "dev_eer": None}  # what is plotted


def read_epochs(path):
    """Reads a log.jsonl as a list of dicts; InputError for a damaged line."""
    epochs = []
    for place, line in read_lines(path):
        if line:
            epochs.append(parse_json(line, f"{path}:{place}"))
            numbers = dict.fromkeys(EPOCH, (int, float, type(None))) | {"epoch": int}
            check_entries({**EPOCH, **epochs[-1]}, numbers, f"{path}:{place}")
    return epochs
