"""Small trees in the layouts of Switchboard 2 and Cellular, Mixer 6, and NIST's evaluations of 2004 to 2012.

Each function makes one corpus with the oddities that real copies have, and returns {utterance: speaker} of what can be
used of it.
"""

import itertools

import soundfile

from .speech import voice
from .sphere import write_sphere

RATE = 8000


def speech(speaker, seed, seconds):
    """A speaker's voice as a telephone passes it; (n,)."""
    return voice(speaker, seconds, seed, RATE)


def call(path, seed, seconds, *speakers, **options):
    """Writes a call of speakers (numbers), a channel each."""
    return write_sphere(path, *(speech(s, seed, seconds) for s in speakers), **options)


def table(path, *rows, mark=","):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(mark.join(map(str, row)) + "\n" for row in rows))


def sex(speaker):
    return "fm"[speaker % 2]


def make_switchboard(root, corpus, speakers, calls, seconds=0.2, first_call=10000):
    """Phases swb2p1 to swb2p3 and swbc1, swbc2; `speakers` are PINs, each call is of two of them.

    The first call is in upper case and there twice, the second is listed and missing, the third is truncated, the
    fourth has one channel; then there are a recording that no table names, and files of other kinds.
    """
    pairs = list(itertools.islice(itertools.cycle(itertools.combinations(speakers, 2)), calls))
    used, info = {}, []
    for n, pair in enumerate(pairs):
        number = first_call + n
        path = root / f"disc{n % 2 + 1}" / "data" / f"sw_{number}.sph"
        if n == 0:
            call(root / "disc2" / "COPY" / path.name, n, seconds, *pair)
            path = path.with_name(path.name.upper())
        if n != 1:
            call(path, n, seconds, *(pair[:1] if n == 3 else pair), truncate=50 * (n == 2))
        info += [(number, side, pin) for side, pin in zip("AB", pair, strict=True)]
        if n not in (1, 2):
            used |= {f"sw{pin}-{corpus}_{number}-{side}": f"sw{pin}" for side, pin in zip("ab", pair, strict=True)}
    if calls > 3:
        del used[f"sw{pairs[3][1]}-{corpus}_{first_call + 3}-b"]
    call(root / "disc1" / "data" / "sw_99999.sph", 0, seconds, *speakers[:2])
    (root / "disc1" / "readme.txt").write_text("Switchboard\n")
    _switchboard_tables(root, corpus, speakers, info)
    return used


def _switchboard_tables(root, corpus, speakers, info):
    people = [(pin, sex(pin).upper(), 1960) for pin in speakers]
    if corpus.startswith("swbc"):
        calls = [
            (n, a, b, sex(a).upper(), sex(b).upper(), "GSM")
            for (n, _, a), (_, _, b) in zip(info[::2], info[1::2], strict=True)
        ]
        table(root / "disc1" / "doc" / "swb_callstats.tbl", *calls, calls[0])
        table(root / "disc1" / "doc" / "swb_callsubjects.tbl", *people)
        return
    rows = [(f"sw_{number}.sph", "x", pin, side, "y") for number, side, pin in info]
    table(root / "disc1" / "docs" / "callinfo.tbl", *rows, rows[0])
    table(root / "disc1" / "docs" / "spkrinfo.tbl", *people)


def make_fisher(root, part, calls, seconds=0.3):
    """Part 1 or 2: `calls` are pairs of speakers (PIN, sex); the last call is listed and missing."""
    columns = "CALL_ID,DATE_TIME,TOPICID,SIG_GRADE,CNV_GRADE,APIN,ASX.DL,APHNUM,APHSET,APHTYP,BPIN,BSX.DL,BPHNUM"
    rows, used = [], {}
    for n, sides in enumerate(calls):
        number = f"{10000 * part - 9999 + n:05d}"
        rows.append([number, "20021212_20:47:13", "ENG01", 3, 3])
        for pin, letter in sides:
            rows[-1] += [pin, f"{letter}.a", "5550100", "", ""]
        if n < len(calls) - 1:
            call(root / f"fe_03_p{part}_sph1/audio/000/fe_03_{number}.sph", n, seconds, *(int(pin) for pin, _ in sides))
            people = [f"fsh{pin}{letter}" for pin, letter in sides]
            used |= {f"{who}-fisher{part}_{number}-{side}": who for who, side in zip(people, "ab", strict=True)}
    table(root / f"fe_03_p{part}_tran/doc/fe_03_p{part}_calldata.tbl", columns.split(","), *rows)
    return used


def make_mixer6(root, speakers, calls=4, sessions=1, seconds=0.3):
    """`root/mx6_speech`; the last call is listed and missing, microphone 3 is there and not used."""
    home, used = root / "mx6_speech", {}
    rows, components = [], []
    for n, (a, b) in enumerate(itertools.islice(itertools.cycle(itertools.combinations(speakers, 2)), calls)):
        number = 4000 + n
        rows.append([number, "20100130", "USE", "AllENG", a, 1, "M", 1, 1, "Good", "Good", "N", b, *"2M114", "N", 9])
        if n < calls - 1:
            call(home / f"data/ulaw_sphere/20100130_1707{n:02d}_{number}.sph", n, seconds, a, b)
            used |= {f"{a}-mx6_{number}-a": str(a), f"{b}-mx6_{number}-b": str(b)}
    header = ["call_id", "call_date", "lang", "eng_stat"]
    header += [
        f"{name}_{side}" for side in "ab" for name in ("sid", "phid", "categ", "phtyp", "phmic", "cnvq", "sigq", "tbug")
    ]
    table(home / "docs/mx6_calls.csv", [*header, "topic"], *rows)
    for speaker, n in itertools.product(speakers, range(sessions)):
        session = f"2010011{n}_092658_LDC_{speaker}"
        components.append([session, 1, 2, 3, 4, 5, 6, 0.1, seconds, "normal"])
        for microphone in (2, 3, 4):
            path = home / f"data/pcm_flac/CH{microphone:02d}/{session}_CH{microphone:02d}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, voice(speaker, seconds, 50 + n, 16000), 16000)
            if microphone != 3:
                used[f"{speaker}-mx6_{session}-ch{microphone:02d}"] = str(speaker)
    names = "session_id rptq_bgn rptq_end intv_bgn intv_end rdtr_bgn rdtr_end call_bgn call_end call_type"
    table(home / "docs/mx6_ivcomponents.csv", names.split(), *components)
    table(home / "docs/mx6_subjs.csv", ["subjid", "sex", "yob"], *[[s, sex(s).upper(), 1980] for s in speakers])
    (home / "docs/readme.txt").write_text("Mixer 6\n")
    return used


def make_early(root, corpus, speakers, files=2, seconds=0.2):
    """One of sre04, sre05, sre06 without its list; `files` a speaker, who is on side A in one and B in the next.

    Returns:
        ({utterance: speaker}, lines of the list, of which one is of a file that is not there).
    """
    used, lines = {}, []
    for speaker, n in itertools.product(speakers, range(files)):
        name = f"{'tjk'[int(corpus[3:]) % 3]}{speaker}{n}"
        other = speakers[(speakers.index(speaker) + 1) % len(speakers)]
        pair = [speaker, other] if n % 2 == 0 else [other, speaker]
        path = root / "r93_6_1/sp04-06/train/data" / (f"{name.upper()}.SPH" if n == 1 else f"{name}.sph")
        call(path, 100 + n, seconds, *pair)
        lines.append(f"{speaker} {sex(speaker)} sre20{corpus[3:]} {name} {'AB'[n % 2]}")
        used[f"{speaker}-{corpus}_{name}-{'ab'[n % 2]}"] = str(speaker)
    lines.append(f"{speakers[0]} {sex(speakers[0])} sre20{corpus[3:]} zzzz A")
    (root / "readme.txt").write_text("SRE\n")
    (root / "r93_6_1/sp04-06/train/data/._hidden.sph").write_text("")
    return used, lines


def make_sre08(train, test, speakers, tests=2, seconds=0.2, first=0):
    """LDC2011S05 in `train`, LDC2011S08 with the keys in `test`; one model and `tests` segments a speaker."""
    used, models, trials = {}, [["modelid", "gender", "segment:channel", "pin"]], [["model", "seg", "ch", "key"]]
    for n, speaker in enumerate(speakers):
        call(train / f"data/train/data/t08m{first + n}.sph", 200, seconds, speaker, speakers[n - 1])
        models.append([8000 + n, sex(speaker), f"t08m{first + n}:a", speaker])
        used[f"{speaker}-sre08_t08m{first + n}-a"] = str(speaker)
    for (n, speaker), t in itertools.product(enumerate(speakers), range(tests)):
        name = f"f08t{n}{t}"
        call(test / f"data/test/data/short3/{name}.sph", 210 + t, seconds, speakers[n - 1], speaker)
        used[f"{speaker}-sre08_{name}-b"] = str(speaker)
        for m, other in enumerate(speakers):
            trials.append([8000 + m, name, "b", "target" if other == speaker else "nontarget"])
    keys = test / "data/keys/NIST_SRE08_KEYS.v0.1"
    table(keys / "model-keys/NIST_SRE08_short2.model.key", *models)
    table(keys / "trial-keys/NIST_SRE08_short2-short3.trial.key", *trials)
    (test / "readme.txt").write_text("SRE08\n")
    return used


def make_sre10(root, speakers, tests=2, seconds=0.2):
    """LDC2017S06; the last model is not scored, trials of common condition 5 and, of microphones, 1."""
    used, models, key = (
        {},
        [],
        [["modelid", "segment", "channel", "targettype", "scored", *(f"c{n}" for n in range(1, 10))]],
    )
    people = [["modelid", "pin"]]
    for n, speaker in enumerate(speakers):
        call(root / f"data/phonecall/tel/t10m{n}.sph", 300, seconds, speaker, speakers[n - 1])
        models.append([f"10{n:03d}", sex(speaker), f"phonecall/tel/t10m{n}.sph:A"])
        people.append([f"10{n:03d}", speaker])
        used[f"{speaker}-sre10_t10m{n}-a"] = str(speaker)
    call(root / "data/phonecall/tel/t10bad.sph", 300, seconds, *speakers[:2])
    models.append(["10999", "m", "phonecall/tel/t10bad.sph:A"])
    people.append(["10999", "NOT_SCORED"])
    for (n, speaker), t in itertools.product(enumerate(speakers), range(tests)):
        name = f"f10t{n}{t}"
        call(root / f"data/phonecall/tel/{name}.sph", 310 + t, seconds, speaker, speakers[n - 1])
        used[f"{speaker}-sre10_{name}-a"] = str(speaker)
        for m, other in enumerate(speakers):
            flags = ["Y", *("NNNNYNNNN" if t < tests - 1 or tests == 1 else "YNNNNNNNN")]
            key.append([f"10{m:03d}", name, "a", "target" if other == speaker else "nontarget", *flags])
        key.append(["10999", name, "a", "nontarget", "N", *"NNNNNNNNN"])
    table(root / "train/coreext.trn", *models, mark=" ")
    table(root / "keys/coreext.modelkey.csv", *people)
    table(root / "keys/coreext-coreext.trialkey.csv", *key)
    return used


def make_sre12(root, earlier, tests=2, seconds=0.2):
    """LDC2016E45: models made of SRE 2010's recordings `{speaker: "sp10-01/data/phonecall/tel/NAME.sph:A"}`."""
    used, models, key = {}, [], []
    header = ["modelid", "segment", "channel", "targettype", "scored", *(f"c{n}" for n in range(1, 6))]
    for n, (speaker, place) in enumerate(earlier.items()):
        models.append([f"{1000 + n}", f"sp12-01/data/phonecall_tel/t12m{n}.sph:A,{place}"])
        call(root / f"data/phonecall_tel/t12m{n}.sph", 400, seconds, speaker, 7)
        used[f"{speaker}-sre12_t12m{n}-a"] = str(speaker)
        for t in range(tests):
            name = f"f12t{n}{t}"
            call(root / f"data/phonecall_tel/{name}.sph", 410 + t, seconds, 7, speaker)
            used[f"{speaker}-sre12_{name}-b"] = str(speaker)
            for m, other in enumerate(earlier):
                kind = "target" if other == speaker else "known_nontarget"
                key.append([f"{1000 + m}", f"sp12-01/data/phonecall_tel/{name}.sph", "b", kind, "Y", *"NYNNN"])
    tables = root / "docs/NIST_SRE12_target_speaker_tables_v2.1"
    table(tables / "NIST_SRE12_target_speaker_2_files_map.v2.1.txt", *models, mark=" ")
    table(root / "docs/trialkeys/NIST_SRE12_core_trial_key.v1.csv", header, *key)
    return used


def shortened(path, seed, seconds, *speakers):
    """A call that says it is compressed by shorten."""
    return call(path, seed, seconds, *speakers, coding="ulaw,embedded-shorten-v2.00")
