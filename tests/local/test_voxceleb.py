"""local/prepare_voxceleb.py on small trees in VoxCeleb's layouts: what is read, what is skipped, what is refused."""

import shutil
import subprocess

import pytest
from corpora.voxceleb import (
    NAMES,
    VOX1_DEV,
    VOX1_TEST,
    fake_ffmpeg,
    make_lists,
    make_vox1,
    make_vox2,
    video,
    write_meta,
)

from nnet.audio.reading import read_audio
from nnet.datadir.directory import DataDir
from nnet.datadir.validate import validate
from nnet.kaldi.trials import read_trials

SCRIPT = "prepare_voxceleb.py"
SECONDS = 0.1


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    """Both corpora, VoxCeleb2 in wav, and the lists; made once: (folder, paths of vox1, utterances of vox2)."""
    folder = tmp_path_factory.mktemp("voxceleb")
    paths = make_vox1(folder / "vox1", seconds=SECONDS)
    make_lists(folder / "lists", paths)
    return folder, paths, make_vox2(folder / "vox2", seconds=SECONDS)


@pytest.fixture
def corpora(trees, tmp_path):
    """A copy of them to spoil: vox1, vox2 and lists in tmp_path."""
    shutil.copytree(trees[0], tmp_path, dirs_exist_ok=True)
    return trees[1:]


@pytest.fixture
def prepare(local, tmp_path, corpora):
    """Runs the script on the corpora."""

    def run(*options, vox1="vox1", vox2="vox2"):
        words = ["--vox1", tmp_path / vox1, *(["--vox2", tmp_path / vox2] if vox2 else [])]
        words += [] if "--trials-dir" in options else ["--trials-dir", tmp_path / "lists"]
        return local(SCRIPT, *words, *options, tmp_path / "data")

    return run


def skipped(tmp_path, corpus):
    return dict(line.split("\t") for line in (tmp_path / "data" / f"skipped_{corpus}").read_text().splitlines())


def test_both_corpora_become_data_directories(prepare, corpora, tmp_path):
    paths, made = corpora
    done = prepare()
    assert done.returncode == 0, done.stderr
    train, test = (validate(tmp_path / "data" / name, feats=False, text=False) for name in ("train", "test"))
    assert list(train.utt2spk) == sorted(made)
    assert len(test.utt2spk) == sum(map(len, paths.values()))
    assert train.table("spk2gender")["id00013"] == "f"
    assert f"id10270-{video('id10270', 1)}-00002" in test.utt2spk
    o, clean, e = (read_trials(tmp_path / f"data/test/trials_{name}") for name in ("O", "O-clean", "E"))
    assert (len(o), o.target.sum(), len(clean)) == (16 * 15 // 2, 4 * 6, 16 * 15 // 2 - 1)
    assert set(o.enroll_ids) | set(o.test_ids) == {u for u, s in test.utt2spk.items() if s in VOX1_TEST}
    assert len(e) == 32 * 31 // 2
    assert skipped(tmp_path, "vox1") == {"readme.txt": "not audio", "vox1_meta.csv": "not audio"}
    assert "64 utterances of 8 speakers (documented: 1092009 of 5994)" in done.stderr
    assert "120 trials; VoxCeleb1's list O has 37720" in done.stderr


def test_m4a_is_read_through_ffmpeg(local, corpora, tmp_path, monkeypatch):
    make_vox2(tmp_path / "it's m4a", speakers=2, seconds=SECONDS, ending="m4a")
    monkeypatch.setenv("PATH", f"{fake_ffmpeg(tmp_path / 'bin')}:/usr/bin:/bin")
    words = ["--vox1", tmp_path / "vox1", "--vox2", tmp_path / "it's m4a", "--trials-dir", tmp_path / "lists"]
    done = local(SCRIPT, *words, tmp_path / "data")
    assert done.returncode == 0, done.stderr
    entry = next(iter(DataDir(tmp_path / "data/train").wav_scp.values()))
    assert entry.startswith("ffmpeg -v error -i ")
    assert entry.endswith(" -f wav -ac 1 -ar 16000 - |")
    assert len(read_audio(entry, 16000)[0]) == SECONDS * 16000


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")
def test_the_true_ffmpeg_reads_the_true_format(local, corpora, tmp_path):
    make_vox2(tmp_path / "m4a", speakers=1, videos=1, utterances=1, seconds=1.0, ending="m4a")
    for path in (tmp_path / "m4a").rglob("*.m4a"):
        wav = path.rename(path.with_suffix(".tmp"))
        subprocess.run(["ffmpeg", "-v", "error", "-i", wav, "-c:a", "aac", path], check=True, stdin=subprocess.DEVNULL)
        wav.unlink()
    words = ["--vox1", tmp_path / "vox1", "--vox2", tmp_path / "m4a", "--trials-dir", tmp_path / "lists"]
    assert local(SCRIPT, *words, tmp_path / "data").returncode == 0
    samples, _ = read_audio(next(iter(DataDir(tmp_path / "data/train").wav_scp.values())), 16000)
    assert 0.9 < len(samples) / 16000 < 1.1
    assert 0.1 < abs(samples).max() < 0.5


def test_missing_ffmpeg_is_named_before_anything_is_written(prepare, tmp_path, monkeypatch):
    make_vox2(tmp_path / "m4a", speakers=1, seconds=SECONDS, ending="m4a")
    monkeypatch.setenv("PATH", str(tmp_path))
    done = prepare(vox2="m4a")
    assert done.returncode == 1
    assert "16 recordings are m4a, which needs ffmpeg" in done.stderr
    assert not (tmp_path / "data/train").exists()


def test_oddities_of_real_copies(prepare, corpora, tmp_path):
    vox1, vox2 = tmp_path / "vox1", tmp_path / "vox2"
    (vox1 / "wav/id10271").rename(vox1 / "wav/ID10271")
    upper = vox1 / f"wav/id10272/{video('id10272', 0)}/00001.wav"
    upper.rename(upper.with_suffix(".WAV"))
    shutil.copytree(vox1 / "wav/id10270", vox1 / "copy/wav/id10270")
    make_vox1(vox1, seconds=SECONDS, by_name=True)
    speaker = vox2 / "dev/aac/id00012" / video("id00012", 0)
    shutil.copy(speaker / "00001.wav", speaker / "00001.m4a")
    (speaker / "00002.wav").write_bytes(b"")
    (speaker / "._00001.wav").write_bytes(b"x")
    (speaker / "take 3.wav").write_bytes(b"x")
    (vox2 / "vox2_dev_aac_partaa").write_bytes(b"x")
    done = prepare()
    assert done.returncode == 0, done.stderr
    assert len(DataDir(tmp_path / "data/train").utt2spk) == 63
    assert len(DataDir(tmp_path / "data/test").utt2spk) == 32
    one = skipped(tmp_path, "vox1")
    assert sum(r == "release by name beside the one by id" for r in one.values()) == 32
    assert sum(r == "second copy" for r in one.values()) == 4
    inside = f"dev/aac/id00012/{video('id00012', 0)}/"
    two = {path.removeprefix(inside): reason for path, reason in skipped(tmp_path, "vox2").items()}
    assert two == {
        "00001.m4a": "m4a beside wav",
        "00002.wav": "empty file",
        "._00001.wav": "hidden file",
        "take 3.wav": "audio whose name does not follow the corpus",
        "vox2_dev_aac_partaa": "archive that was not unpacked",
        "vox2_meta.csv": "not audio",
    }
    assert "1 skipped: empty file" in done.stderr


def test_the_release_by_name_gets_the_same_speakers(prepare, tmp_path):
    paths = make_vox1(tmp_path / "old", seconds=SECONDS, by_name=True)
    make_lists(tmp_path / "oldlists", paths)
    (tmp_path / "oldlists/veri_test.txt").rename(tmp_path / "oldlists/voxceleb1_test.txt")
    done = prepare("--trials-dir", tmp_path / "oldlists", "--lists", "O", vox1="old")
    assert done.returncode == 0, done.stderr
    test = DataDir(tmp_path / "data/test")
    assert list(test.spk2utt) == list(VOX1_TEST)
    assert f"id10270-{video('id10270', 0)}-0000001" in test.utt2spk


def test_a_list_of_another_release_is_refused(prepare, tmp_path):
    paths = make_vox1(tmp_path / "old", seconds=SECONDS, by_name=True)
    make_lists(tmp_path / "oldlists", paths)
    done = prepare("--trials-dir", tmp_path / "oldlists", "--lists", "O")
    assert done.returncode == 1
    assert "none of its 16 recordings is under" in done.stderr
    assert "another release" in done.stderr


def test_names_need_the_meta_file(prepare, tmp_path):
    make_vox1(tmp_path / "old", seconds=SECONDS, by_name=True)
    (tmp_path / "old/vox1_meta.csv").unlink()
    done = prepare(vox1="old")
    assert done.returncode == 1
    assert "is of the release by name, which needs vox1_meta.csv" in done.stderr
    assert NAMES["id10001"] in done.stderr


def test_training_on_voxceleb1_leaves_only_the_lists_o(prepare, tmp_path):
    done = prepare("--train-vox1", "true", vox2=None)
    assert done.returncode == 0, done.stderr
    assert "lists E E-clean H H-clean are skipped" in done.stderr
    assert list(DataDir(tmp_path / "data/train").spk2utt) == sorted(VOX1_DEV)
    assert sorted(p.name for p in (tmp_path / "data/test").glob("trials_*")) == ["trials_O", "trials_O-clean"]
    done = prepare("--train-vox1", "true", "--lists", "E H-clean")
    assert "E and H contain training speakers" in done.stderr
    done = prepare(vox2=None)
    assert done.returncode == 1
    assert "no training data" in done.stderr


def test_voxceleb2s_test_part_can_be_trained_on(prepare, tmp_path):
    done = prepare("--train-vox2-test", "true", "--sets", "train")
    assert done.returncode == 0, done.stderr
    assert len(DataDir(tmp_path / "data/train").spk2utt) == 9, "eight of the development part, one of the test part"
    assert not (tmp_path / "data/test").exists()
    shutil.rmtree(tmp_path / "vox2/test")
    assert "no recordings of vox2's test part" in prepare("--train-vox2-test", "true").stderr
    assert "--sets: 'dev' is none of train, test" in prepare("--sets", "dev").stderr


def test_wrong_and_half_extracted_folders(prepare, tmp_path):
    assert "--vox1 must contain VoxCeleb1" in prepare(vox1="vox2", vox2="vox1").stderr
    assert "no such folder; expected VoxCeleb2 (dev/aac/id00012" in prepare(vox2="nowhere").stderr
    (tmp_path / "zips").mkdir()
    (tmp_path / "zips/vox2_aac_1.zip").touch()
    assert "found archives that are not unpacked, such as vox2_aac_1.zip" in prepare(vox2="zips").stderr
    shutil.rmtree(tmp_path / "vox2/dev/aac/id00014")
    assert "1 of the 8 training speakers in vox2_meta.csv have no recordings, such as id00014" in (prepare().stderr)
    shutil.rmtree(tmp_path / "vox2/dev")
    assert "no recordings of vox2's development part" in prepare().stderr


def test_missing_trials_are_refused_or_counted(prepare, tmp_path):
    (tmp_path / f"vox1/wav/id10270/{video('id10270', 0)}/00001.wav").unlink()
    done = prepare("--lists", "O E")
    assert done.returncode == 1
    assert "1 of its 16 recordings are not under" in done.stderr
    done = prepare("--lists", "O", "--max-missing", "0.1")
    assert done.returncode == 0, done.stderr
    assert "15 of 120 trials are skipped" in done.stderr
    assert len(read_trials(tmp_path / "data/test/trials_O")) == 105


def test_lists_that_are_not_there_or_not_lists(prepare, tmp_path):
    (tmp_path / "lists/veri_test2.txt").unlink()
    assert "veri_test2.txt (trial list O-clean) is neither in" in prepare().stderr
    (tmp_path / "lists/veri_test.txt").write_text("id10270/a id10271/b\n")
    assert "veri_test.txt:1: expected `1 id10270/VIDEO/00001.wav" in prepare("--lists", "O").stderr
    assert "unknown list X" in prepare("--lists", "X").stderr


def test_a_meta_file_that_is_something_else(prepare, tmp_path):
    write_meta(tmp_path)
    (tmp_path / "vox1/vox1_meta.csv").write_text("<html>\n")
    assert "vox1_meta.csv:1: expected columns id, name, gender and set" in prepare().stderr


def test_documented_sizes(local):
    assert local(SCRIPT, "--documented").stdout == "5994:1092009:2360.2 1251:153516:351.6\n"
    assert (
        local(SCRIPT, "--documented", "--vox2", "x", "--train-vox1", "true").stdout
        == "7205:1240651:2700.6 40:4874:11.2\n"
    )
    kaldi = ("--vox2", "x", "--train-vox1", "true", "--train-vox2-test", "true")
    assert local(SCRIPT, "--documented", *kaldi).stdout.startswith("7323:1276888:"), "as Kaldi's recipe counts"
