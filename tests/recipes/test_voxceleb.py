"""egs/voxceleb/run.sh, as a user calls it, on small trees in the corpora's layouts: stages 0 to 8, for both systems."""

import json
import re
import subprocess
import zlib

import pytest
from voxceleb_recipe import COPIES, CORPORA, XVECTOR, call_options, environment, make_recipe

from nnet.datadir.directory import DataDir
from nnet.datadir.validate import validate
from nnet.training.resources import Size, audio_bytes, feature_bytes, vad_bytes


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """A recipe folder of its own, and the corpora; gives (folder, a function that runs the recipe in it)."""
    folder = tmp_path_factory.mktemp("voxceleb")
    make_recipe(folder)

    def run(system, *words, corpora=CORPORA):
        methods = ["--methods", "plda"] if system == "xvector" else []
        command = ["./run.sh", *call_options(system, corpora), *methods, *words]
        return subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True)

    return folder, run


@pytest.fixture(scope="module")
def resnet(recipe):
    """The ResNet's run through all stages, augmented on the fly."""
    done = recipe[1]("resnet")
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def xvector(recipe, resnet):
    """The x-vector's run behind it, with augmented copies on disk; the recipe knows the corpora."""
    done = recipe[1]("xvector", corpora=())
    assert done.returncode == 0, done.stderr
    return done


def finished_files(folder):
    """{path: CRC} of the files of data/ and exp/."""
    files = (p for name in ("data", "exp") for p in (folder / name).rglob("*") if p.is_file() and p.name != ".lock")
    return {path: zlib.crc32(path.read_bytes()) for path in files}


def systems(table):
    """The names of the systems in the tables of a run, in order."""
    return [line.split()[0] for line in table.splitlines() if line.startswith(("cosine", "plda"))]


def test_resnet_with_large_margin_fine_tuning(recipe, resnet):
    folder, _ = recipe
    cosine = ["cosine", "cosine_asnorm", "cosine_calibrated"]
    assert systems(resnet.stdout) == 4 * cosine, "two lists, before and after the fine-tuning"
    assert "exp/resnet_lm/scores/E-clean:" in resnet.stdout
    assert json.loads((folder / "exp/resnet_lm/config.json").read_text())["loss"]["margin"] == 0.4
    assert "dropped: none" in (folder / "exp/resnet_lm/train.log").read_text()
    assert (folder / "exp/resnet_lm/report/O/report.html").exists()
    tables = resnet.stdout + resnet.stderr
    assert "data/train         8          64        32" in tables
    assert "disk: " in tables


def test_filter_banks_are_augmented_on_the_fly_from_converted_audio(recipe, resnet):
    folder, _ = recipe
    config = json.loads((folder / "exp/resnet/config.json").read_text())
    assert config["augmentation"]["rirs"] == "data/rirs" and config["data"]["dither"] == 1
    assert config["augmentation"]["probability"] == 0.6
    speakers = len(DataDir(folder / "data/fbank/net/train").spk2utt)
    for name in ("resnet", "resnet_lm"):
        assert len((folder / f"exp/{name}/spk2int").read_text().splitlines()) == 3 * speakers, "the speeds' classes"
    train = DataDir(folder / "data/fbank/net/train")
    assert all(path.startswith(f"{folder}/data/audio/") and path.endswith(".flac") for path in train.wav_scp.values())
    assert all(rx.endswith("|") for rx in DataDir(folder / "data/train").wav_scp.values())
    assert "converting 64 recordings once: about" in resnet.stderr
    assert not (folder / "data/fbank/train_augmented").exists()


def test_mel_spectra_are_trained_on_the_fly(recipe, resnet):
    folder, run = recipe
    config = XVECTOR | {"features": {"type": "mel", "dim": 72}}
    (folder / "mel.json").write_text(json.dumps(config))
    done = run("mel", "--set", "training.epochs=1", "--stop-stage", "4")
    assert done.returncode == 0, done.stderr
    made = json.loads((folder / "exp/mel/config.json").read_text())
    assert made["data"]["source"] == "audio" and made["model"]["feats_conf"]["options"]["normalize_signal"]


def test_the_data_directories_are_sound(recipe, xvector):
    folder, _ = recipe
    for name in ("train", "test"):
        validate(folder / "data" / name, feats=False, text=False)
        for feats in ("fbank", "mfcc"):
            validate(folder / "data" / feats / name, text=False)
    augmented = validate(folder / "data/mfcc/train_augmented", text=False, wav=False)
    assert len(augmented.utt2spk) == 64 + COPIES
    net = {name: DataDir(folder / "data/mfcc/net" / name) for name in ("train", "valid", "dev")}
    assert len(net["dev"].spk2utt) == 2
    assert not net["dev"].spk2utt.keys() & DataDir(folder / "data/mfcc/backend").spk2utt.keys()
    uniq = augmented.table("utt2uniq")
    sessions = {name: {uniq[u].rpartition("-")[0] for u in data.utt2spk} for name, data in net.items()}
    assert sessions["valid"]
    assert not sessions["valid"] & sessions["train"], "a video's utterances keep together, and so do their copies"


def test_the_network_can_be_another(recipe, xvector):
    folder, _ = recipe
    assert systems(xvector.stdout) == 2 * ["plda", "plda_asnorm", "plda_calibrated"]
    assert "stage 0" not in xvector.stdout
    assert "stage 8" not in xvector.stdout, "softmax has no margin"
    assert DataDir(folder / "data/mfcc/prepared").feats_conf["silence_removed"]


LOST_BEFORE = [  # calls that once repeated finished stages and removed the checkpoints, or trained on something else
    ([], "all stages are up to date"),
    (["--set", "training.epochs=3"], r"exp/xvector holds a finished training, and training.epochs was 2, is 3"),
]


@pytest.mark.parametrize(("words", "said"), LOST_BEFORE)
def test_a_call_loses_nothing_that_is_finished(recipe, resnet, xvector, words, said):
    folder, run = recipe
    before = finished_files(folder)
    done = run("xvector", *words, corpora=())
    assert re.search(said, done.stdout + done.stderr), done.stderr
    assert done.returncode == (0 if not words else 1)
    assert finished_files(folder) == before


def test_sizes_extrapolated_from_this_run_agree_with_the_plan(recipe, resnet):
    folder, _ = recipe
    full = Size(5994, 1092009, 2360.2)
    data = DataDir(folder / "data/fbank/train")
    hours = sum(data.utt2dur.values()) / 3600
    written = sum(p.stat().st_size for p in (folder / "data/fbank/train/data").glob("*.ark"))
    assert feature_bytes(full, 80) == pytest.approx(written * full.hours / hours, rel=0.2)
    audio = sum(p.stat().st_size for p in (folder / "vox2/dev").rglob("*.m4a"))  # which are WAVs
    assert audio_bytes(full, 16000) == pytest.approx(audio * full.hours / hours, rel=0.2)
    assert vad_bytes(full) == pytest.approx(4 * 100 * 3600 * full.hours, rel=0.2)


def test_the_plan_of_the_full_corpus(recipe):
    folder, run = recipe
    done = run("xvector", "--dry-run", "true", "--num-augmented", "1000000", "--nj", "8")
    assert done.stdout.startswith("stage ")
    assert "memory: " in done.stdout
    assert "run     stage 2 (augmentation): --num-augmented was 40, is 1000000" in done.stdout
    assert "refuse  stage 4 (train exp/xvector): stage 2 (augmentation) runs: " in done.stdout
    assert done.returncode == 1 and "--retrain true" in done.stderr


def test_a_training_can_start_from_pretrained_weights(recipe, resnet):
    folder, run = recipe
    done = run("resnet", "--pretrained", "exp/resnet", "--exp", "exp/more", "--stop-stage", "4")
    assert done.returncode == 0, done.stderr
    assert re.findall(r" stage (\d): ", done.stdout) == ["4"]
    assert "dropped: loss.weight" in (folder / "exp/more/train.log").read_text()


def test_mistakes_are_told_at_once(recipe):
    _, run = recipe
    done = run("resnet", "--set", "features.dim=72", "--exp", "exp/other")
    assert done.returncode == 1
    assert "conf/fbank.conf: features of 80 dimensions, but features.dim of the configuration is 72" in done.stderr


def test_other_lists_repeat_the_test_set_only(recipe, resnet, xvector):
    folder, run = recipe
    before = finished_files(folder)
    done = run("xvector", "--lists", "O", "--stop-stage", "1", corpora=())
    assert done.returncode == 0, done.stderr
    assert re.findall(r" stage (\d): (.*)", done.stdout) == [
        ("0", "test set of recordings and trials"),
        ("0", "checks of both sets"),
        ("1", "features of the test set"),
    ]
    after = finished_files(folder)
    kept = [
        p
        for p in before
        if not re.search(r"/data/(mfcc/)?test/|/data/skipped|\.stage[01]\.test|\.stage0\.check", str(p))
    ]
    assert {p: after.get(p) for p in kept} == {p: before[p] for p in kept}
