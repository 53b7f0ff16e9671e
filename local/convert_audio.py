"""Decodes the recordings of DATA that are commands in wav.scp to OUTDIR/FOLDER/NAME.flac or .wav, 16 bits.

FOLDER is the recording's speaker in utt2spk. A file gets its name when it is complete, and is kept when it is there.
"""

import logging
import os
import shutil
import time
from pathlib import Path

import soundfile

from nnet.audio.reading import read_audio
from nnet.bin.cli import boolean, number, parser, run
from nnet.datadir.directory import DataDir, write_table
from nnet.files import make_directory
from nnet.progress import clock

log = logging.getLogger(__name__)

TRIED = 3  # recordings that are converted to measure time and space


def main(argv=None):
    args = make_parser().parse_args(argv)
    data = DataDir(args.data)
    commands = {name: rx for name, rx in data.wav_scp.items() if rx.rstrip().endswith("|")}
    files = {name: Path(args.outdir) / data.utt2spk[name] / f"{name}.{args.format}" for name in commands}
    if args.finish:
        make_directory(args.outdir)
        write_table(
            Path(args.outdir) / "wav.scp", data.wav_scp | {name: path.absolute() for name, path in files.items()}
        )
        return
    if args.announce:
        announce([name for name, path in files.items() if not path.exists()], commands, files, args.num_jobs)
        return
    for name in sorted(files)[args.job - 1 :: args.num_jobs]:
        if not files[name].exists():
            convert(name, commands[name], files[name])


def make_parser():
    p = parser(__doc__)
    p.add_argument("--format", choices=("flac", "wav"), default="flac")
    p.add_argument("--announce", type=boolean, default=False, help="only print the space and time that it takes")
    p.add_argument("--finish", type=boolean, default=False, help="only write OUTDIR/wav.scp")
    p.add_argument("--job", type=number(int, low=1), default=1, help="this job, from 1")
    p.add_argument("--num-jobs", type=number(int, low=1), default=1, help="number of jobs")
    p.add_argument("data", metavar="DATA")
    p.add_argument("outdir", metavar="OUTDIR")
    return p


def convert(name, rx, path):
    """Decodes one recording; returns the bytes of the file."""
    samples, rate = read_audio(rx, where=name)
    make_directory(path.parent)
    temporary = path.with_suffix(".tmp")
    soundfile.write(temporary, samples, rate, "PCM_16", format=path.suffix[1:])
    os.replace(temporary, path)
    return path.stat().st_size


def announce(waiting, commands, files, jobs):
    """Logs the space and time of the conversion, from those of the first recordings."""
    started = time.monotonic()
    sizes = [convert(name, commands[name], files[name]) for name in waiting[:TRIED]]
    if not sizes:
        return
    share = len(waiting) / len(sizes)
    folder = next(iter(files.values())).parent
    log.info(
        "converting %d recordings once: about %.1f GB in %s (%.1f GB are free), about %s in %d jobs",
        *(len(waiting), share * sum(sizes) / 1e9, folder.parent, shutil.disk_usage(folder).free / 1e9),
        *(clock(share * (time.monotonic() - started) / jobs), jobs),
    )


if __name__ == "__main__":
    run(main)
