"""The command-line entry shared by utils/run.sh and utils/slurm.sh.

It does not use nnet.bin.cli, whose imports would take as long as a short job.
"""

import sys

from nnet.errors import InputError
from nnet.jobs.call import Interrupted, JobsFailed, parse


def run_call(name, doc, runner, argv=None):
    """Runs the jobs of a command line and returns the exit status.

    Args:
        name: name of the script, for messages.
        doc: its help text.
        runner: a class; `runner(call).run()` returns when all jobs have succeeded.
        argv: the arguments; None: those of the process.
    """
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in ("--help", "-h"):
        print(doc.strip(), file=sys.stderr)
        return 0 if arguments else 1
    try:
        runner(parse(arguments)).run()
        return 0
    except Interrupted as interrupt:
        print(f"{name}: {interrupt}", file=sys.stderr)
        return 128 + interrupt.number
    except JobsFailed as failure:
        print(f"{name}: {failure}", *(f"  {line}" for line in failure.details), sep="\n", file=sys.stderr)
    except (InputError, OSError) as error:
        print(f"{name}: error: {error}", file=sys.stderr)
    return 1
