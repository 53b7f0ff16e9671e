"""The one exception for what a user can mend: bad data, bad configuration, bad files."""


class InputError(Exception):
    """One line that says what is wrong, in which file and entry, and what to do.

    `nnet.bin.cli.run` prints it without a traceback and exits with 1; any other
    exception is a defect of this project and keeps its traceback.

    >>> try:
    ...     nnet.read_table("no/such/table")
    ... except nnet.InputError as error:
    ...     print(error)
    no/such/table: No such file or directory
    """
