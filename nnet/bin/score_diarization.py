"""Computes the diarization error rate and the Jaccard error rate of HYP_RTTM for each recording of REF_RTTM.

The table has missed speech, false alarms and confusion as shares of the reference speech, and the numbers of speakers.
A recording that is only in REF_RTTM is all missed; recordings that are only in HYP_RTTM are named and not scored.
--report DIR writes report.html (self-contained, with time lines), report.md, the time lines and metrics.json.
"""

import dataclasses
import logging
import os

from nnet.bin.cli import add_options, options_from, parser, run
from nnet.diarization.der import DiarizationErrors
from nnet.diarization.rttm import read_rttm, read_uem
from nnet.diarization.scoring import ScoringOptions, score_recordings
from nnet.report.diarization import conditions, error_rows, sections
from nnet.report.pages import write_report
from nnet.report.tables import as_text
from nnet.report.timelines import Lane

log = logging.getLogger(__name__)

FORMAT_VERSION = 1


def main(argv=None):
    args = _arguments(argv)
    reference, hypothesis = read_rttm(args.reference), read_rttm(args.hypothesis)
    regions = read_uem(args.uem) if args.uem else None
    options = options_from(args, ScoringOptions)
    found = score_recordings(reference, hypothesis, options, regions)
    total = sum((comparison.errors for comparison in found.values()), DiarizationErrors())
    results = {
        "format_version": FORMAT_VERSION,
        "reference": args.reference,
        "hypothesis": args.hypothesis,
        "uem": args.uem,
        **dataclasses.asdict(options),
        "recordings": {name: {**_figures(c.errors), "assignment": c.assignment} for name, c in found.items()},
        "total": _figures(total),
    }
    print(as_text(error_rows(results)), end="")
    print(conditions(results))
    if args.report:
        lanes = {
            name: _lanes(reference.get(name, []), hypothesis.get(name, []), c.assignment) for name, c in found.items()
        }
        write_report(args.report, args.title, results, sections(results, lanes))
        log.info("%s holds the report", os.path.join(args.report, "report.html"))


def _figures(errors):
    return {**dataclasses.asdict(errors), "der": errors.der, "jer": errors.jer}


def _lanes(reference, hypothesis, assignment):
    """Returns a Lane for each reference speaker with the speaker assigned to it, then one for each other speaker."""
    sides = [_by_speaker(reference), _by_speaker(hypothesis)]
    found = {speaker: name for name, speaker in assignment.items()}
    lanes = []
    for speaker, intervals in sorted(sides[0].items()):
        label = f"{speaker} = {found[speaker]}" if speaker in found else speaker
        lanes.append(Lane(label, intervals, sides[1].get(found.get(speaker), [])))
    return lanes + [Lane(name, [], intervals) for name, intervals in sorted(sides[1].items()) if name not in assignment]


def _by_speaker(turns):
    speakers = {}
    for turn in turns:
        speakers.setdefault(turn.speaker, []).append((turn.start, turn.end))
    return speakers


def _arguments(argv):
    options = parser(__doc__)
    options.add_argument("reference", metavar="REF_RTTM")
    options.add_argument("hypothesis", metavar="HYP_RTTM")
    add_options(options, ScoringOptions)
    options.add_argument("--uem", metavar="FILE", help="NIST's UEM: the recordings and regions to score")
    options.add_argument("--report", metavar="DIR", help="folder to write a report to")
    options.add_argument("--title", default="Diarization report", help="title of the report")
    return options.parse_args(argv)


if __name__ == "__main__":
    run(main)
