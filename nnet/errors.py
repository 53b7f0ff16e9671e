"""The exception for errors that the user can fix: bad data, configuration or files."""

LONGEST = 1000  # characters of a message; a damaged file may hold a "word" of megabytes


class InputError(Exception):
    """Error in the input; one line that says what is wrong, in which file and entry, and what to do.

    `nnet.bin.cli.run` prints it without a traceback and exits with status 1. Any other exception is a bug and keeps its
    traceback.

    >>> try:
    ...     nnet.read_table("no/such/table")
    ... except nnet.InputError as error:
    ...     print(error)
    no/such/table: No such file or directory
    """

    def __init__(self, message: str) -> None:
        super().__init__(shortened(message))


def shortened(message: str) -> str:
    """Returns a message without its middle if it is longer than LONGEST characters."""
    if len(message) <= LONGEST:
        return message
    return f"{message[: LONGEST // 2]} [... {len(message) - LONGEST} characters ...] {message[-LONGEST // 2 :]}"
