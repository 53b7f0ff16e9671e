"""Small trees in the layouts of NIST's evaluations of 2016, 2018 and 2021: tables with tabs, models, segments."""

import itertools

import soundfile

from .sre import RATE, call, speech, table

LANGUAGES = {("sre16", "eval"): ("tgl", "yue"), ("sre16", "dev"): ("ceb", "cmn")}


def tabs(path, *rows):
    table(path, *rows, mark="\t")


def make_sre16(root, part, speakers, tests=2, seconds=0.2, unlabeled=4):
    """One part as LDC2019S20 has it: R148_0_0 (dev, with unlabeled) or R149_0_1 (eval) below `root`.

    Half of the speakers speak one language, half the other, and are tried among themselves; a model has one segment or
    three. One recording is in upper case.

    Returns:
        {"models": {model: number of segments}, "segments": [...], "trials": {language: (targets, nontargets)}}.
    """
    home = root / ("data/dev/R148_0_0" if part == "dev" else "data/eval/R149_0_1")
    rows = {"enrollment": [["modelid", "segment", "side"]], "segment_key": [["segment", "call_id"]],
            "trial_key": [["modelid", "segment", "side", "targettype"]]}  # fmt: skip
    calls, sides, made = (
        [["call_id", "language_id"]],
        [["call_id", "call_side", "subject_id"]],
        {"models": {}, "segments": []},
    )
    counts = {}
    for n, speaker in enumerate(speakers):
        language, model = LANGUAGES["sre16", part][n % 2], f"1{n:03d}_sre16"
        made["models"][model] = 3 if n % 4 == 0 else 1
        calls.append([f"c{part}{n}", language])
        sides.append([f"c{part}{n}", "a", 9000 + n])
        for m in range(made["models"][model]):
            name = f"e{part}{n}x{m}_sre16"
            file = f"{name.upper()}.SPH" if n == m == 0 else f"{name}.sph"
            call(home / "data/enrollment" / file, 500 + m, seconds, speaker)
            rows["enrollment"].append([model, name, "a"])
            rows["segment_key"].append([name, f"c{part}{n}"])
        for t in range(tests):
            name = f"t{part}{n}x{t}_sre16"
            made["segments"].append(name)
            call(home / "data/test" / f"{name}.sph", 510 + t, seconds, speaker)
            rows["segment_key"].append([name, f"c{part}{n}"])
            for other in range(n % 2, len(speakers), 2):
                kind = "target" if other == n else "nontarget"
                rows["trial_key"].append([f"1{other:03d}_sre16", name, "a", kind])
                counts[language, kind] = counts.get((language, kind), 0) + 1
    for name, lines in rows.items():
        tabs(home / "docs" / f"sre16_{part}_{name}.tsv", *lines)
    tabs(home / "docs" / f"sre16_{part}_trials.tsv", *[row[:3] for row in rows["trial_key"]])
    tabs(home / "metadata/calls.tsv", *calls)
    tabs(home / "metadata/call_sides.tsv", *sides)
    (home / "README.txt").write_text("SRE16\n")
    for kind, n in itertools.product(("major", "minor") if part == "dev" else (), range(unlabeled)):
        call(home / f"data/unlabeled/{kind}/u{kind}{n}_sre16.sph", 520 + n, seconds, 700 + n)
    made["trials"] = {lang: (counts[lang, "target"], counts[lang, "nontarget"]) for lang in LANGUAGES["sre16", part]}
    return made


def make_sre18(root, part, speakers, tests=2, seconds=0.4, unlabeled=3):
    """LDC2018E46 (dev) or LDC2018E51 (eval): cmn2 in SPHERE, named with their ending, and vast in FLAC with marks."""
    rows = {"enrollment": [["modelid", "segmentid", "side"]],
            "segment_key": [["segmentid", "subjectid", "gender", "partition", "phone", "speech", "data_source"]],
            "trial_key": [["modelid", "segmentid", "side", "targettype", "num_enroll_segs", "phone_num_match", "gender",
                           "source_type", "data_source"]],
            "enrollment_diarization": [["segmentid", "speaker_type", "start", "end"]]}  # fmt: skip
    for (n, speaker), source in itertools.product(enumerate(speakers), ("cmn2", "vast")):
        model, ending = f"{source}{n}_sre18", "sph" if source == "cmn2" else "flac"
        for m in range(1 + 2 * (n == 0 and source == "cmn2")):
            name = f"e{part}{source}{n}{m}_sre18.{ending}"
            _record(root / "data/enrollment" / name, speaker, 600 + m, seconds)
            rows["enrollment"].append([model, name, "a"])
            rows["segment_key"].append([name, speaker, "male", "enrollment", "p", "9", source])
            if source == "vast":
                rows["enrollment_diarization"] += [[name, "target", 0.05, 0.15], [name, "target", 0.2, 0.35]]
        for t in range(tests):
            name = f"t{part}{source}{n}{t}_sre18.{ending}"
            _record(root / "data/test" / name, speaker, 610 + t, seconds)
            rows["segment_key"].append([name, speaker, "male", "test", "p", "9", source])
            for other in range(len(speakers)):
                kind, phone = ("target" if other == n else "nontarget"), ("pstn", "voip")[t % 2]
                rows["trial_key"].append([f"{source}{other}_sre18", name, "a", kind, 1, "Y", "male",
                                          phone if source == "cmn2" else "vast", source])  # fmt: skip
    for n in range(unlabeled if part == "dev" else 0):
        name = f"u{n}_sre18.sph"
        _record(root / "data/unlabeled" / name, 720 + n, 620, seconds)
        rows["segment_key"].append([name, "unknown", "unknown", "unlabeled", "p", "9", "cmn2"])
    for name, lines in rows.items():
        tabs(root / "docs" / f"sre18_{part}_{name}.tsv", *lines)


def make_sre21(root, part, speakers, tests=2, seconds=0.2):
    """LDC2021E09 (dev) or LDC2021E10 (eval): audio trials of telephone calls (SPHERE) and of videos' sound (FLAC)."""
    enrollment, key = [["modelid", "segmentid", "side"]], [["modelid", "segmentid", "side", "targettype", "gender"]]
    segments = [["segmentid", "subjectid", "gender", "partition", "language", "source_type"]]
    languages = ("english", "cantonese", "mandarin")
    for n, speaker in enumerate(speakers):
        name = f"e{part}{n}_sre21.{('sph', 'flac')[n % 2]}"
        _record(root / "data/audio/enrollment" / name, speaker, 700, seconds)
        enrollment.append([f"m{n}_sre21", name, "a"])
        segments.append([name, speaker, "male", "enrollment", languages[n % 3], ("cts", "afv")[n % 2]])
        for t in range(tests):
            name = f"t{part}{n}{t}_sre21.{('sph', 'flac')[t % 2]}"
            _record(root / "data/audio/test" / name, speaker, 710 + t, seconds)
            segments.append([name, speaker, "male", "test", languages[t % 3], ("cts", "afv")[t % 2]])
            for other in range(len(speakers)):
                key.append([f"m{other}_sre21", name, "a", "target" if other == n else "nontarget", "male"])
    (root / "data/image/enrollment").mkdir(parents=True)
    (root / "data/image/enrollment/face_sre21.jpg").write_bytes(b"jpg")
    tabs(root / "docs" / f"sre21_audio_{part}_enrollment.tsv", *enrollment)
    tabs(root / "docs" / f"sre21_audio_{part}_trial_key.tsv", *key)
    tabs(root / "docs" / f"sre21_{part}_segment_key.tsv", *segments)


def _record(path, speaker, seed, seconds):
    if path.suffix == ".sph":
        call(path, seed, seconds, speaker)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, speech(speaker, seed, seconds).repeat(2), 2 * RATE)
