"""The store of tiles: what comes from it is what would have been made, whatever state it is in."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from unmask.datagen.common import stored as module
from unmask.datagen.common.stored import Arrays, stored
from unmask.datagen.masks.template import load_templates
from unmask.datagen.masks.template_layers import load_layers
from unmask.datagen.prints.tile import Tile, make_tile, stored_tile


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Maker:
    """Makes the same arrays each time, and counts how often it had to."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Arrays:
        self.calls += 1
        rng = np.random.Generator(np.random.PCG64(7))
        noise = rng.random((300, 200, 4)).astype(np.float32)
        return noise, (noise[..., 0] * 255).astype(np.uint8), np.arange(3.0), noise.transpose(2, 0, 1)


def assert_as_made(arrays: Arrays) -> None:
    made = Maker()()
    assert len(arrays) == len(made)
    for array, expected in zip(arrays, made, strict=True):
        assert (array.shape, array.dtype) == (expected.shape, expected.dtype)
        assert array.tobytes() == expected.tobytes()
        assert array.flags.c_contiguous
        assert not array.flags.writeable


def only_file(store: Path) -> Path:
    (path,) = store.glob("tiles-*/*")
    return path


def test_what_was_made_once_is_not_made_again(store: Path):
    make = Maker()
    assert_as_made(stored("noise", make))
    assert only_file(store).name == "noise"
    assert_as_made(stored("noise", make))
    assert make.calls == 1


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:3],
        lambda data: data[:-9000],
        flipped,
        lambda data: data + b"more",
    ],
    ids=["empty", "short", "cut", "flipped", "longer"],
)
def test_a_damaged_file_is_made_anew(store: Path, damage: Callable[[bytes], bytes]):
    make = Maker()
    stored("noise", make)
    path = only_file(store)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert_as_made(stored("noise", make))
    assert make.calls == 2
    assert path.read_bytes() == whole


def test_a_folder_that_cannot_be_written_to_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path / "file" / "cache"))
    assert_as_made(stored("noise", Maker()))
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_full_disk_changes_nothing(store: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert_as_made(stored("noise", Maker()))
    assert not list(store.glob("tiles-*/*"))


def test_a_read_only_store_is_read_and_left_alone(store: Path):
    stored("noise", Maker())
    folder = only_file(store).parent
    folder.chmod(0o555)
    try:
        make = Maker()
        assert_as_made(stored("noise", make))
        assert make.calls == 0
        assert_as_made(stored("other", make))
    finally:
        folder.chmod(0o755)


def test_without_a_home_folder_nothing_is_stored(monkeypatch: pytest.MonkeyPatch):
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("UNMASK_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert_as_made(stored("noise", Maker()))


def test_other_code_has_a_folder_of_its_own_and_old_ones_go(store: Path, monkeypatch: pytest.MonkeyPatch):
    make = Maker()
    for number, code in enumerate(("a", "b", "c", "b")):
        monkeypatch.setattr(module, "_fingerprint", lambda code=code: code)
        assert_as_made(stored("noise", make))
        os.utime(store / f"tiles-{code}", ns=(number, number))
    assert sorted(path.name for path in store.iterdir()) == ["tiles-b", "tiles-c"]
    assert make.calls == 3


RACER = """
import sys, time
import numpy as np
from unmask.datagen.common.stored import stored
def make():
    time.sleep(0.3)  # until the other is at it, too
    return [np.arange(2_000_000, dtype=np.float32).reshape(1000, 2000)]
(array,) = stored("race", make)
assert array.sum(dtype=np.float64) == 2_000_000 * 1_999_999 / 2
print("well")
"""


def test_two_processes_at_once_agree(store: Path):
    racers = [
        subprocess.Popen([sys.executable, "-c", RACER], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    assert [racer.communicate(timeout=60)[0] for racer in racers] == ["well\n", "well\n"]
    assert only_file(store).name == "race"


def test_a_tile_from_the_store_is_the_tile_that_was_drawn(store: Path):
    def draw(index: int) -> Tile:
        rng = np.random.Generator(np.random.PCG64(index))
        return make_tile([rng.random((64, 32)).astype(np.float32)] * 3, (4, 2.5), exact=index == 1)

    for index in range(2):
        drawn = draw(index)
        for _ in ("cold", "warm"):
            tile = stored_tile(draw)(index)
            assert tile.cells == drawn.cells
            assert len(tile.levels) == len(drawn.levels)
            for level, expected in zip(tile.levels, drawn.levels, strict=True):
                assert level.dtype == expected.dtype
                assert np.array_equal(level, expected)


def test_only_layers_that_came_with_the_toolkit_are_stored(store: Path):
    template = load_templates().templates[0]
    load_layers.__wrapped__(template, 1)
    assert not store.exists()
    cold = load_layers.__wrapped__(template, 2)
    warm = load_layers.__wrapped__(template, 2)
    assert only_file(store).name == f"template-{template.digest[:32]}-2"
    for name, plane in vars(cold).items():
        assert np.array_equal(plane, getattr(warm, name))


BUILD = """
import sys
from pathlib import Path
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.options import BuildOptions
source, out = sys.argv[1:]
build(BuildOptions(source, Path(out), variants=3, landmarks=Path(source) / "landmarks.csv"))
"""


def test_a_build_is_the_same_with_an_empty_store_a_full_one_and_none(
    drawn_celeba: Path, tmp_path: Path, store: Path
):
    def files(name: str, cache: Path) -> dict[str, bytes]:
        out = tmp_path / name
        subprocess.run(
            [sys.executable, "-c", BUILD, str(drawn_celeba), str(out)],
            check=True,
            env=os.environ | {"UNMASK_CACHE": str(cache)},
        )
        return {
            str(path.relative_to(out)): path.read_bytes()
            for path in out.rglob("*")
            if path.is_file() and path.name != "build.json"
        }

    cold = files("cold", store)
    assert len(list(store.glob("tiles-*/*"))) > 5
    assert files("warm", store) == cold
    (tmp_path / "file").touch()
    assert files("none", tmp_path / "file" / "cache") == cold
