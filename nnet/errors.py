"""The exception for errors that the user can fix: bad data, configuration or files."""


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
