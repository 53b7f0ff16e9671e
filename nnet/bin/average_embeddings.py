"""Merges the embeddings extracted by parallel jobs, and averages them over each speaker.

Reads EMBDIR/xvector.1.scp to xvector.N.scp; writes EMBDIR/xvector.scp, spk_xvector.ark, spk_xvector.scp (the mean over
a speaker's utterances) and num_utts.ark (the number of these utterances, as text).
"""

import logging
import os

import numpy as np

from nnet.backend.embeddings import speaker_means, unit_length
from nnet.bin.cli import boolean, parser, run
from nnet.datadir.directory import DataDir, read_table, write_table
from nnet.errors import InputError
from nnet.kaldi.ark import ArkWriter, read_vector

log = logging.getLogger(__name__)


def main(argv=None):
    p = parser(__doc__)
    p.add_argument("--nj", type=int, default=1, help="number of extraction jobs")
    p.add_argument("--normalize", type=boolean, default=False, help="scale the means to length 1")
    p.add_argument("data", metavar="DATA")
    p.add_argument("embeddings", metavar="EMBDIR")
    args = p.parse_args(argv)
    data = DataDir(args.data)
    table = join(args.embeddings, args.nj, data)
    speakers = average(table, data.spk2utt, args.embeddings, args.normalize)
    log.info("%s: %d utterances and %d speakers of %s", args.embeddings, len(table), speakers, args.data)


def join(directory, num_jobs, data):
    """Merges the xvector.scp of all jobs into one; warns of utterances without an embedding."""
    table = {}
    for job in range(1, num_jobs + 1):
        table |= read_table(os.path.join(directory, f"xvector.{job}.scp"))
    missing = [u for u in data.feats if u not in table]
    if missing:
        shown = " ".join(missing[:5]) + (" ..." if len(missing) > 5 else "")
        log.warning("%s: %d of %d utterances have no embedding: %s", data.path, len(missing), len(data.feats), shown)
    if not table:
        raise InputError(f"{directory}: no embedding was extracted; see {directory}/log")
    write_table(os.path.join(directory, "xvector.scp"), table)
    return table


def average(table, spk2utt, directory, normalize=False):
    """Writes mean embedding and number of utterances of each speaker; returns the number of speakers."""
    embedded = {speaker: [u for u in utterances if u in table] for speaker, utterances in spk2utt.items()}
    embedded = {speaker: utterances for speaker, utterances in embedded.items() if utterances}
    counts = {}
    base = os.path.join(directory, "spk_xvector")
    with ArkWriter(base + ".ark", base + ".scp") as writer:
        for speaker, mean, count in speaker_means(embedded, lambda utterance: read_vector(table[utterance])):
            writer.write(speaker, (unit_length(mean) if normalize else mean).astype(np.float32))
            counts[speaker] = count
    write_table(os.path.join(directory, "num_utts.ark"), counts)
    return len(counts)


if __name__ == "__main__":
    run(main)
