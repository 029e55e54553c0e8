import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from unmask.datagen.common.user_cache import cached_bytes

CONTENT = np.arange(1003, dtype=np.int64).astype(np.uint8)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "unmask"


def opened():
    """The cached content, and whether it had to be made."""
    made = []

    def make():
        made.append(1)
        return CONTENT

    found = cached_bytes("thing.bin", make)
    np.testing.assert_array_equal(found, CONTENT)
    return bool(made)


def test_content_is_made_once_and_leaves_one_file(cache):
    assert opened()
    assert not opened()
    assert [path.name for path in cache.iterdir()] == ["thing.bin"]


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 16])
def test_content_of_any_length_comes_back(size):
    for _ in range(2):
        np.testing.assert_array_equal(cached_bytes(f"{size}", lambda: CONTENT[:size]), CONTENT[:size])


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data[:-8],
        lambda data: data[:5] + bytes([data[5] ^ 1]) + data[6:],
        lambda data: bytes(len(data)),
        lambda data: data + bytes(8),
        lambda data: data[:-16] + b"\xff" * 8 + data[-8:],
    ],
)
def test_a_damaged_file_is_made_anew(cache, damage):
    assert opened()
    (cache / "thing.bin").write_bytes(damage((cache / "thing.bin").read_bytes()))
    assert opened()
    assert not opened()


def test_what_a_killed_process_left_is_removed(cache):
    cache.mkdir()
    (cache / ".thing.bin.x3").write_bytes(b"half")
    assert opened()
    assert [path.name for path in cache.iterdir()] == ["thing.bin"]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write anywhere")
def test_where_the_folder_cannot_be_written_to_content_is_in_memory(cache):
    cache.mkdir()
    cache.chmod(0o500)
    assert opened()
    assert opened()


def test_where_a_file_stands_in_the_folders_place_content_is_in_memory(cache):
    cache.write_text("")
    assert opened()
    assert opened()


RACER = """
import sys, time
import numpy as np
from unmask.datagen.common.user_cache import cached_bytes
def make():
    time.sleep(0.5)
    return np.tile(np.arange(256, dtype=np.uint8), 40_000)
print("ready", flush=True)
sys.stdin.readline()
print(int(cached_bytes("race.bin", make).sum(dtype=np.int64)))
"""


def test_processes_that_make_it_at_once_all_get_it_whole(cache: Path):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    racers = [subprocess.Popen([sys.executable, "-c", RACER], **pipes) for _ in range(3)]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("\n")
        racer.stdin.flush()
    said = {racer.communicate(timeout=60)[0].strip() for racer in racers}
    assert said == {str(255 * 128 * 40_000)}
    assert [path.name for path in cache.iterdir()] == ["race.bin"]
