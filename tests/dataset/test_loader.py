import os
import select
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from nnet.datadir.directory import DataDir, write_table
from nnet.dataset import ChunkLoader, ValidationLoader, speaker_indices
from nnet.errors import InputError
from nnet.kaldi.ark import matrix_shape

OPTIONS = {"batch_size": 6, "min_frames": 50, "max_frames": 80, "steps_per_epoch": 7, "seed": 5}
LENGTHS = {f"spk{i}": [100 + 10 * i, 90, 120] for i in range(8)}


def spk2int(path):
    return speaker_indices(DataDir(path).utt2spk)


def loader(path, **options):
    return ChunkLoader(path, spk2int(path), **(OPTIONS | options))


def assert_same(batches, others):
    assert len(batches) == len(others)
    for (features, labels), (other_features, other_labels) in zip(batches, others, strict=True):
        np.testing.assert_array_equal(features, other_features)
        np.testing.assert_array_equal(labels, other_labels)


def test_batches_hold_consecutive_frames_of_one_utterance_of_the_labelled_speaker(make_data):
    path = make_data("train", LENGTHS)
    with loader(path) as batches:
        for features, labels in batches.epoch(0):
            assert features.dtype == np.float32 and features.flags.c_contiguous and labels.dtype == np.int32
            assert features.shape[0] == 6 and 50 <= features.shape[1] <= 80 and features.shape[2] == 20
            np.testing.assert_array_equal(features[:, :, 0] // 3, np.repeat(labels[:, None], features.shape[1], 1))
            assert (np.diff(features[:, :, 1]) == 1).all()


@pytest.mark.parametrize("num_workers", [1, 3])
def test_any_number_of_workers_gives_the_same_batches_in_order(make_data, num_workers):
    path = make_data("train", LENGTHS, compress=True)
    alone = loader(path)
    expected = [list(alone.epoch(e)) for e in (0, 1)]
    with loader(path, num_workers=num_workers) as workers:
        assert_same([b for e in (0, 1) for b in workers.epoch(e)], expected[0] + expected[1])
        assert_same(list(workers.epoch(1, start_step=4)), expected[1][4:])
        for _ in workers.epoch(0):
            break
        assert_same(list(workers.epoch(0)), expected[0])
        assert workers.wait_seconds > 0


def test_a_batch_stays_as_it_was_when_later_ones_come(make_data):
    path = make_data("train", LENGTHS)
    with loader(path, num_workers=1, steps_per_epoch=12) as batches:
        kept = [(features, features.copy()) for features, _ in batches.epoch(0)]
    assert all((features == copy).all() for features, copy in kept)


def test_short_utterances_are_repeated(make_data):
    path = make_data("train", {"a": [30], "b": [30]})
    with loader(path, batch_size=2, min_frames=70, max_frames=70) as batches:
        features, _ = next(batches.epoch(0))
    assert (np.diff(features[:, :, 1]) % 30 == 1).all()


def test_ranges_in_the_scp_are_kept_to(make_data):
    path = make_data("train", {"a": [100, 100], "b": [100, 100]})
    whole = DataDir(path).feats
    dim = matrix_shape(next(iter(whole.values())))[1]
    for columns, frame in (("", 1), (",1:2", 0)):
        write_table(path / "feats.scp", {u: f"{rx}[20:79{columns}]" for u, rx in whole.items()})
        with loader(path, batch_size=2, min_frames=60, max_frames=60) as batches:
            for features, _ in batches.epoch(0):
                np.testing.assert_array_equal(features[:, :, frame], np.tile(np.arange(20, 80), (2, 1)))
                assert features.shape[2] == (2 if columns else dim)


def test_lengths_come_from_the_archive_where_utt2num_frames_is_missing(make_data):
    path = make_data("train", LENGTHS)
    expected = list(loader(path).epoch(0))
    (path / "utt2num_frames").unlink()
    assert_same(list(loader(path).epoch(0)), expected)


def test_validation_gives_one_chunk_of_every_utterance_each_time(make_data):
    path = make_data("valid", LENGTHS)
    with ValidationLoader(path, spk2int(path), batch_size=10, frames=95, num_workers=1) as valid:
        batches = list(valid.epoch(0))
        assert_same(list(valid.epoch(1)), batches)
    assert [len(labels) for _, labels in batches] == [10, 10, 4]
    assert sorted(int(n) for features, _ in batches for n in features[:, 0, 0]) == list(range(24))


def scramble(features, rng):
    features += rng.standard_normal()


def test_a_transform_depends_on_the_chunk_alone(make_data):
    path = make_data("train", LENGTHS)
    plain, changed = (next(loader(path, transform=t).epoch(0))[0] for t in (None, scramble))
    noise = (changed - plain)[:, 0, 2]
    assert len(set(noise)) == 6
    later = loader(path, transform=scramble)
    list(later.epoch(1))
    np.testing.assert_array_equal(next(later.epoch(0))[0], changed)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_truncated_archive_is_one_line_that_names_archive_and_utterance(make_data, num_workers):
    path = make_data("train", LENGTHS)
    os.truncate(path / "feats.ark", 9000)
    with pytest.raises(InputError, match="feats.ark") as caught, loader(path, num_workers=num_workers) as batches:
        list(batches.epoch(0))
    assert "\n" not in str(caught.value) and "spk" in str(caught.value) and "truncated" in str(caught.value)


def test_nan_is_refused_by_name(make_data):
    path = make_data("train", LENGTHS)
    ark = (path / "feats.ark").read_bytes()
    (path / "feats.ark").write_bytes(ark[:3000] + b"\xff" * 4000 + ark[7000:])
    with pytest.raises(InputError, match="spk0-00: .*contains NaN"):
        list(ValidationLoader(path, spk2int(path), batch_size=4, frames=90).epoch(0))


def test_a_speaker_that_is_not_trained_is_refused(make_data):
    path = make_data("valid", LENGTHS)
    with pytest.raises(InputError, match="spk7 of spk7-0"):
        ValidationLoader(path, {f"spk{i}": i for i in range(7)}, batch_size=4, frames=50)


def test_utterances_without_features_are_counted_and_those_without_speaker_refused(make_data, caplog):
    path = make_data("train", LENGTHS)
    write_table(path / "utt2spk", DataDir(path).utt2spk | {"x-1": "x"})
    loader(path)
    assert "feats.scp: 1 of 25 utterances missing: x-1" in caplog.text
    write_table(path / "utt2spk", {u: s for u, s in DataDir(path).utt2spk.items() if u != "spk3-01"})
    with pytest.raises(InputError, match="utt2spk: no speaker for spk3-01"):
        loader(path)


def test_features_that_are_all_missing_are_refused(make_data):
    path = make_data("train", LENGTHS)
    speakers = spk2int(path)
    (path / "feats.scp").write_text("")
    (path / "utt2num_frames").unlink(missing_ok=True)
    with pytest.raises(InputError, match="feats.scp: is empty"):
        ChunkLoader(path, speakers, **OPTIONS)


def test_a_killed_worker_is_an_error_not_a_wait(make_data):
    path = make_data("train", LENGTHS)
    with loader(path, num_workers=2) as batches:
        steps = batches.epoch(0)
        next(steps)
        processes = [process for process, _ in batches._pool._workers]
        os.kill(processes[1].pid, signal.SIGKILL)
        with pytest.raises(InputError, match="SIGKILL"):
            list(steps)
    assert all(process.poll() is not None for process in processes)


def test_close_leaves_no_process_behind(make_data):
    path = make_data("train", LENGTHS)
    batches = loader(path, num_workers=2)
    next(batches.epoch(0))
    processes = [process for process, _ in batches._pool._workers]
    batches.close()
    assert [process.returncode for process in processes] == [0, 0]


def test_workers_end_with_a_parent_that_is_killed_and_never_see_its_main_module(make_data):
    path = make_data("train", LENGTHS)
    # A worker that ran this script again, as multiprocessing would, would start workers of its own.
    script = textwrap.dedent(f"""
        import time
        from nnet.dataset import ChunkLoader
        batches = ChunkLoader({str(path)!r}, {spk2int(path)!r}, num_workers=2, **{OPTIONS!r})
        next(batches.epoch(0))
        print("ready", flush=True)
        time.sleep(60)
    """)
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert parent.stdout.readline() == b"ready\n"
    parent.kill()
    parent.wait()
    # The workers hold the other end of the pipe too: it ends when the last of them has.
    assert select.select([parent.stdout], [], [], 20)[0]
    assert parent.stdout.read() == b""
    parent.stdout.close()


def test_workers_do_not_load_mlx(make_data):
    code = "import sys, nnet.dataset.worker_process; sys.exit(any(m.split('.')[0] == 'mlx' for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
