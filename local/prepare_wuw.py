"""Makes data directories of the WUW Corpus II: telephone calls of people of whom some called again.

CORPUS is the folder of the repository wake-up-word/wuw-corpus-ii (CC BY-SA 4.0). Who called follows from the name that
was spoken, by the rules of local/wuw_callers.py. Callers and utterances are numbers in everything that is written;
DATA/callers.tsv and DATA/doubtful.tsv show which calls were put together, and which are left out and why.

Callers with one call are for training (DATA/callers: sentences one by one, name and keywords in one piece; DATA/voices:
whole calls, for babble) and for the cohort. Of those with several calls, every third calibrates, and the others are
tested, with at most --max-calls calls of each. For each KIND of --kinds: DATA/KIND with utt2phone, trials_KIND,
trials_KIND_same_phone and trials_KIND_other_phone; DATA/KIND_dev with trials_KIND_dev; DATA/KIND_unlabeled, of the
callers with one call. Trials are all pairs of utterances of different calls and the same sex.
"""

import logging
from itertools import combinations
from pathlib import Path

from corpus import write_tables
from wuw_callers import Call, calls_of, find_callers
from wuw_corpus import SPEAKS_NAME, read_corpus, write_calls

from nnet.bin.cli import number, parser, run
from nnet.errors import InputError
from nnet.files import atomic_write, remove_file
from nnet.kaldi.tables import write_table
from nnet.kaldi.trials import write_trials

log = logging.getLogger(__name__)

KEYWORDS, SENTENCES = [f"{n:03d}" for n in range(1, 6)], [f"{n:03d}" for n in range(6, 11)]
# Kind of test: its utterances, as lists of the corpus's utterances that follow one another.
KINDS = {
    "sentences": {n: [n] for n in SENTENCES},
    "keywords": {n: [n] for n in KEYWORDS},
    "calls": {"sentences": SENTENCES},
}
TRAINING = {n: [n] for n in SENTENCES} | {"words": [SPEAKS_NAME, *KEYWORDS]}
DEV_EVERY = 3


def main(argv=None):
    args = make_parser().parse_args(argv)
    kinds = args.kinds.split()
    unknown = next((kind for kind in kinds if kind not in KINDS), None)
    if unknown or not kinds:
        raise InputError(f"--kinds: unknown kind {unknown!r}; known: {' '.join(KINDS)}")
    data = Path(args.data)
    utterances = read_corpus(args.corpus)
    places = write_calls(args.corpus, utterances, data / "audio")
    calls = find_callers([c for c in list_calls(utterances) if places[c.number]])
    if args.voices:
        from wuw_voices import doubt_voices  # loads MLX

        calls = doubt_voices(calls, data / "audio", args.voices)
    uses = choose(calls_of(calls), args.max_calls)
    write_reports(data, calls, uses, args.names)
    sets = Sets(data, {c.number: c for c in calls}, places)
    sets.write("callers", TRAINING, uses["train"])
    sets.write_voices("voices", uses["train"])
    for kind in kinds:
        sets.write(f"{kind}_unlabeled", KINDS[kind], uses["train"])
        for name, use in ((kind, "test"), (f"{kind}_dev", "dev")):
            sets.write_test(name, KINDS[kind], uses[use], conditions=use == "test")


def make_parser():
    options = parser(__doc__)
    add = options.add_argument
    add("--kinds", default="sentences",
        help=f"kinds of test utterances, of {' '.join(KINDS)} (a call's sentences in one piece)")  # fmt: skip
    add("--max-calls", type=number(int, low=2), default=6, help="maximum calls of a caller in trials, evenly spread")
    add("--voices", metavar="MODELDIR", help="model whose embeddings find more doubtful calls; see local/wuw_voices.py")
    add("--names", metavar="FILE",
        help="write the table of callers with the names as transcribed, to check it; personal data")  # fmt: skip
    add("corpus", metavar="CORPUS")
    add("data", metavar="DATA", help="folder for the data directories")
    return options


def list_calls(utterances):
    """Returns the Calls of Utterances, in order."""
    said = {u.call: u.said for u in utterances if u.number == SPEAKS_NAME}
    first = {u.call: u for u in reversed(utterances)}
    return [Call(call, said.get(call, ""), first[call].sex, first[call].phone) for call in sorted(first)]


def choose(callers, max_calls):
    """Assigns {caller: Calls} to uses: {"train": Calls, "dev": Calls, "test": Calls, "spare": Calls}.

    Callers with several calls are sorted by sex and number of calls, so that both parts have the same share of each.
    """
    uses = {"train": [own[0] for own in callers.values() if len(own) == 1], "dev": [], "test": [], "spare": []}
    several = sorted(
        (item for item in callers.items() if len(item[1]) > 1), key=lambda i: (i[1][0].sex, -len(i[1]), i[0])
    )
    for place, (_, own) in enumerate(several):
        use = "dev" if place % DEV_EVERY == 1 else "test"
        count = min(max_calls, len(own))
        kept = [own[i * len(own) // count] for i in range(count)]
        uses[use] += kept
        uses["spare"] += [call for call in own if call not in kept]
    for use in ("train", "dev", "test"):
        if len({call.caller for call in uses[use]}) < 2:
            raise InputError(f"{len(callers)} callers leave fewer than two for {use}: is the corpus complete?")
    return uses


def write_reports(data, calls, uses, names):
    """Writes callers.tsv and doubtful.tsv, and logs how many calls are used for what."""
    use_of = {call.number: use for use, own in uses.items() for call in own}
    known = [call for call in calls if call.caller]
    head = "caller\tcall\tsex\tphone\tuse\n"
    rows = [
        (c, f"{c.caller}\t{c.number}\t{c.sex}\t{c.phone}\t{use_of.get(c.number, 'doubtful')}")
        for c in sorted(known, key=lambda c: (c.caller, c.number))
    ]
    with atomic_write(data / "callers.tsv") as file:
        file.write(head + "".join(f"{row}\n" for _, row in rows))
    with atomic_write(data / "doubtful.tsv") as file:
        file.write("call\tcaller\twhy\n")
        file.writelines(f"{c.number}\t{c.caller or '-'}\t{c.doubt}\n" for c in calls if c.doubt)
    if names:
        with atomic_write(names) as file:
            file.write(head.replace("\n", "\tsaid\n") + "".join(f"{row}\t{c.said}\n" for c, row in rows))
    for use, own in uses.items():
        log.info("%s: %d callers, %d calls", use, len({c.caller for c in own}), len(own))
    reasons = [call.doubt.rstrip(" 0123456789") for call in calls if call.doubt]
    log.info("left out: %s", ", ".join(f"{reasons.count(why)} calls ({why})" for why in dict.fromkeys(reasons)))


class Sets:
    """Writes data directories of calls.

    Args:
        data: their folder, which holds audio/CALL.wav.
        calls: {number: Call}.
        places: {call: {number of the utterance: (start, end)}}.
    """

    def __init__(self, data, calls, places):
        self.data, self.calls, self.places = data, calls, places

    def write(self, name, pieces, calls):
        """Writes a data directory with the pieces {name: utterances that follow one another} of some Calls.

        Returns:
            {utterance: Call}.
        """
        path, segments, call_of = self.data / name, {}, {}
        for call in calls:
            for piece, numbers in pieces.items():
                found = [self.places[call.number][n] for n in numbers if n in self.places[call.number]]
                if found:
                    utterance = f"{speaker(call)}-{call.number}-{piece}"
                    segments[utterance] = (call.number, found[0][0], found[-1][1])
                    call_of[utterance] = call
        if not segments:
            raise InputError(f"{path}: no call has an utterance of this kind")
        wav_scp = {call.number: (self.data / "audio" / f"{call.number}.wav").absolute() for call in call_of.values()}
        genders = {speaker(call): call.sex for call in calls}
        write_tables(path, wav_scp, {u: speaker(c) for u, c in call_of.items()}, genders, segments)
        return call_of

    def write_voices(self, name, calls):
        """Writes a data directory of whole calls, for babble."""
        paths = {f"{speaker(c)}-{c.number}": (self.data / "audio" / f"{c.number}.wav").absolute() for c in calls}
        write_tables(self.data / name, paths, {f"{speaker(c)}-{c.number}": speaker(c) for c in calls})

    def write_test(self, name, pieces, calls, conditions):
        """Writes a data directory with trials and, if wanted, the trials of the same and of another type of phone."""
        call_of = self.write(name, pieces, calls)
        path = self.data / name
        write_table(path / "utt2phone", {utterance: call.phone for utterance, call in call_of.items()})
        trials = [(a, b, one.caller == other.caller) for (a, one), (b, other) in pairs(call_of)]
        lists = {"": trials}
        if conditions:
            same = [call_of[a].phone == call_of[b].phone for a, b, _ in trials]
            lists["_same_phone"] = [t for t, alike in zip(trials, same, strict=True) if alike]
            lists["_other_phone"] = [t for t, alike in zip(trials, same, strict=True) if not alike]
        for suffix, kept in lists.items():
            remove_file(path / f"trials_{name}{suffix}")
            if suffix and len({target for _, _, target in kept}) < 2:
                log.warning("%s: no list of trials%s: it would lack targets or nontargets", path, suffix)
                continue
            write_trials(path / f"trials_{name}{suffix}", kept)
            targets = sum(target for _, _, target in kept)
            log.info("%s%s: %d target and %d nontarget trials", path, suffix, targets, len(kept) - targets)


def speaker(call):
    """Returns the speaker id of a Call."""
    return f"wuw{call.caller:03d}"


def pairs(call_of):
    """Yields the pairs of utterances of different calls and the same sex: ((utterance, Call), (utterance, Call))."""
    for one, other in combinations(sorted(call_of.items(), key=lambda item: item[0]), 2):
        if one[1].number != other[1].number and one[1].sex == other[1].sex:
            yield one, other


if __name__ == "__main__":
    run(main)
