"""Makes a data directory for diarization, OUT, from DATA with wav.scp and rttm: OUT/oracle has the speech as segments.

Recordings of the RTTM that are not in wav.scp are left out, so that the published RTTM of a whole corpus serves for a
part of it. Recordings without turns in the RTTM are kept: they can be diarized, but scored only if DATA/uem has them.
"""

import concurrent.futures
import logging
from pathlib import Path

from diarization_data import write_diarization_data

from nnet.audio.reading import audio_duration
from nnet.bin.cli import number, parser, run
from nnet.datadir.derive import refuse_same
from nnet.datadir.directory import DataDir, examples
from nnet.diarization.rttm import read_rttm, read_uem
from nnet.errors import InputError
from nnet.files import atomic_write, remove_file
from nnet.progress import progress

log = logging.getLogger(__name__)


def main(argv=None):
    options = parser(__doc__)
    options.add_argument("--nj", type=number(int, low=1), default=4, help="recordings to open at once")
    options.add_argument("data", metavar="DATA")
    options.add_argument("out", metavar="OUT")
    args = options.parse_args(argv)
    data = DataDir(args.data)
    refuse_same(data, args.out)
    turns = _known(read_rttm(data.file("rttm")), data)
    durations = _durations(data, args.nj)
    _warn_of_late_turns(turns, durations, data)
    write_diarization_data(args.out, data.wav_scp, durations, turns)
    if data.has("uem"):
        _write_uem(Path(args.out) / "uem", data)
    else:
        remove_file(Path(args.out) / "uem")  # of an earlier preparation
    log.info("%s: %d recordings, %.2f hours", args.out, len(durations), sum(durations.values()) / 3600)


def _known(turns, data):
    """Returns the turns of the recordings in wav.scp, and logs the difference."""
    missing, silent = turns.keys() - data.wav_scp.keys(), data.wav_scp.keys() - turns.keys()
    if not turns.keys() & data.wav_scp.keys():
        names = f"{examples(turns) or 'none'}; wav.scp: {examples(data.wav_scp)}"
        raise InputError(f"{data.file('rttm')}: no recording is in wav.scp; do they have the same names? RTTM: {names}")
    if missing:
        log.warning(
            "%s: left out %d recordings not in wav.scp (%s)", data.file("rttm"), len(missing), examples(missing)
        )
    if silent:
        log.warning("%s: no turns of %d recordings (%s)", data.file("rttm"), len(silent), examples(silent))
    return {name: turns[name] for name in turns if name not in missing}


def _write_uem(path, data):
    """Writes the UEM of the recordings in wav.scp, and logs how many it has besides."""
    regions = read_uem(data.file("uem"))  # a mistake is reported before anything is diarized
    others = regions.keys() - data.wav_scp.keys()
    if not regions.keys() & data.wav_scp.keys():
        raise InputError(f"{data.file('uem')}: no recording is in wav.scp; do they have the same names?")
    if others:
        log.warning("%s: left out %d recordings not in wav.scp (%s)", data.file("uem"), len(others), examples(others))
    with atomic_write(path) as file:
        for name in sorted(regions.keys() - others):
            file.writelines(f"{name} 1 {start:.3f} {end:.3f}\n" for start, end in regions[name])


def _durations(data, jobs):
    """Returns {recording: seconds}, from the headers of the files."""

    def duration(name):
        return audio_duration(data.wav_scp[name], f'{data.file("wav.scp")}: "{name}"')

    names = list(data.wav_scp)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        found = progress(pool.map(duration, names), len(names), f"durations of {data.path}", "recording")
        return dict(zip(names, found, strict=True))


def _warn_of_late_turns(turns, durations, data):
    """Logs the turns that end after their recording, by more than rounding."""
    late = {t.recording for found in turns.values() for t in found if t.end > durations[t.recording] + 0.1}
    if late:
        log.warning(
            "%s: turns end after the end of %d recordings (%s); what is after it counts as missed speech",
            data.file("rttm"),
            len(late),
            examples(late),
        )


if __name__ == "__main__":
    run(main)
