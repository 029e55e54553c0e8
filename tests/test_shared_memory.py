"""A /dev/shm that cannot be written: one line that names it, where processes would wait for each other."""

import errno
import multiprocessing.synchronize
import os
from pathlib import Path

import pytest

from unmask.cli import data, train
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.options import BuildOptions


@pytest.fixture
def _read_only_shm(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(multiprocessing.synchronize.SemLock, "__init__", refuse)


@pytest.mark.usefixtures("_read_only_shm")
@pytest.mark.parametrize("command", ["build", "verify", "map"])
def test_without_shared_memory_workers_are_named(tmp_path: Path, built_once: Path, capsys, command: str):
    out = str(tmp_path / "out")
    arguments = {
        "build": ["build", "demo", out, "--limit", "4", "--workers", "2"],
        "verify": ["verify", str(built_once), "--workers", "2"],
        "map": [
            *("map", out, "--online", "demo", "--limit", "8", "--images", "8", "--batch-size", "4"),
            *(
                "--size",
                "64",
                "--preset",
                "compact",
                "--workers",
                "1",
                "--device",
                "cpu",
                "--val-pictures",
                "2",
            ),
        ],
    }[command]
    assert (train if command == "map" else data).main(arguments) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    given, fewest = ("1", "0") if command == "map" else ("2", "1")
    assert line.startswith(f"error: --workers {given}: processes need /dev/shm to wait for each other")
    assert line.endswith(f"Read-only file system; mend that or give {fewest}, which needs none")


@pytest.mark.usefixtures("_read_only_shm")
def test_one_worker_needs_no_shared_memory(tmp_path: Path):
    assert build(BuildOptions("demo", tmp_path / "out", limit=2, workers=1)).counts["ok"] == 2
