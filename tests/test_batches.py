import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from numbered import Numbered

from unmask.datagen.common.errors import UserError
from unmask.model.data.batches import Batch, BatchStream, fixed_batch
from unmask.model.data.options import DataOptions
from unmask.model.data.triplets import open_triplets


def shown(batch: Batch) -> list[tuple[int, int]]:
    """(epoch, index) of each picture."""
    pairs = batch.masked[:, :2, 4, 7].flip(1).tolist()
    assert batch.keys == tuple(f"face {index}" for _, index in pairs)
    return [tuple(pair) for pair in pairs]


@pytest.mark.parametrize("world", [1, 2])
def test_every_epoch_shows_each_picture_once_over_all_ranks(world: int):
    streams = [BatchStream(Numbered(23), 4, seed=1, rank=rank, world=world) for rank in range(world)]
    seen = [pair for _ in range(23) for stream in streams for pair in shown(next(stream))]
    assert len(seen) == 23 * 4 * world
    assert sorted(seen) == [(epoch, index) for epoch in range(4 * world) for index in range(23)]
    assert [epoch for epoch, _ in seen] == sorted(epoch for epoch, _ in seen)
    assert seen[:23] != seen[23:46]
    other = [pair for _ in range(5) for pair in shown(next(BatchStream(Numbered(23), 4, seed=2)))]
    assert other != seen[:20]


def test_two_ranks_show_in_a_step_what_one_shows_with_a_double_batch():
    whole = BatchStream(Numbered(23), 8, seed=1)
    halves = [BatchStream(Numbered(23), 4, seed=1, rank=rank, world=2) for rank in (0, 1)]
    for step in (0, 1, 7):
        parts = [shown(half.make_batch(step)) for half in halves]
        assert parts[0] + parts[1] == shown(whole.make_batch(step))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_begun_in_the_middle_goes_on_as_if_it_had_never_stopped(workers: int):
    whole = BatchStream(Numbered(7), 3, seed=1)
    steps = [shown(next(whole)) for _ in range(9)]
    resumed = BatchStream(Numbered(7), 3, seed=1, workers=workers, first_step=4)
    assert [shown(next(resumed)) for _ in range(3)] == steps[4:7]
    resumed.close()
    assert [shown(next(resumed)) for _ in range(2)] == steps[7:9]
    resumed.close()
    assert shown(resumed.make_batch(2)) == steps[2]


def test_starting_workers_leaves_torchs_random_numbers_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    stream = BatchStream(Numbered(7), 3, seed=1, workers=1)
    next(stream)
    assert torch.equal(torch.rand(3), expected)
    stream.close()


def test_a_batch_holds_pictures_in_channels_first_and_floats_in_their_ranges():
    batch = fixed_batch(Numbered(200), [0, 199], epoch=3)
    assert batch.masked.shape == batch.clean.shape == (2, 3, 16, 32)
    assert batch.map.shape == (2, 1, 16, 32)
    assert batch.masked.dtype == batch.map.dtype == batch.clean.dtype == torch.uint8
    assert batch.masked[1, :, 0, 5].tolist() == [199, 3, 255]
    assert batch.clean[1, :, 15, 5].tolist() == [199, 3, 255]
    masked, map_, clean = batch.to("cpu").pictures()
    assert masked.dtype == map_.dtype == clean.dtype == torch.float32
    assert (masked.min(), masked.max(), map_.min(), clean.max()) == (-1, 1, 0, 1)
    assert map_[1, 0, 3, 3] == pytest.approx(199 / 255)


def test_workers_give_the_batches_of_one_process(drawn_celeba: Path, tmp_path: Path):
    options = DataOptions(
        online=str(drawn_celeba), landmarks=drawn_celeba / "landmarks.csv", size=64, cache=tmp_path, workers=1
    )
    train = open_triplets(options).train
    alone, helped = BatchStream(train, 3, seed=1), BatchStream(train, 3, seed=1, workers=2)
    for _ in range(5):
        ours, theirs = next(alone), next(helped)
        assert ours.keys == theirs.keys
        for name in ("masked", "map", "clean"):
            assert torch.equal(getattr(ours, name), getattr(theirs, name))
    helped.close()


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        ("user", UserError, r"^--online x: no mask fits$"),
        ("bug", RuntimeError, r"(?s)prepares step \d.*KeyError: 'a bug'"),
        ("kill", UserError, r"was killed, mostly for want of memory; give a lower `workers` than 2"),
    ],
)
def test_what_goes_wrong_in_a_worker_is_said(fault: str, error: type[Exception], message: str):
    stream = BatchStream(Numbered(7, fault), 2, seed=1, workers=2)
    with pytest.raises(error, match=message):
        for _ in range(5):
            next(stream)
    stream.close()


def children(pid: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, parent = status.parent.name, int(status.read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"spawn_main" in (status.parent / "cmdline").read_bytes():
                found.append(int(name))
        except OSError:
            continue
    return found


def gone(pids: list[int], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not any(alive(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


TRAINER = """
import signal, sys, time
if __name__ == "__main__":
    sys.path.insert(0, {tests!r})
    from numbered import Numbered
    from unmask.model.data.batches import BatchStream
    noted = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: noted.append(number))
    stream = BatchStream(Numbered(7), 3, seed=1, workers=2)
    next(stream)
    print("ready", flush=True)
    while len(noted) < 2:
        time.sleep(0.02)
    for _ in range(9):
        next(stream)
    print("went on", flush=True)
"""


@pytest.fixture
def trainer(tmp_path: Path):
    """A process in a group of its own that trains until it got SIGINT and SIGTERM, then ends without closing."""
    script = tmp_path / "trainer.py"
    script.write_text(TRAINER.format(tests=str(Path(__file__).parent)))
    process = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
def test_signals_to_the_whole_group_leave_workers_at_work_and_the_end_takes_them_along(trainer):
    workers = children(trainer.pid)
    assert len(workers) == 2
    os.killpg(trainer.pid, signal.SIGINT)
    time.sleep(0.1)
    os.killpg(trainer.pid, signal.SIGTERM)
    assert trainer.stdout.readline() == "went on\n"
    assert trainer.wait(10) == 0
    assert gone(workers, 2)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
def test_workers_end_with_a_parent_that_was_killed(trainer):
    workers = children(trainer.pid)
    assert len(workers) == 2
    trainer.kill()
    trainer.wait()
    assert gone(workers, 5)
