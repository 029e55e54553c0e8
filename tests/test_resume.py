import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import StopError, stop_after

from unmask.datagen.common.errors import UserError
from unmask.datagen.dataset import build as build_module
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.build_report import Progress
from unmask.datagen.dataset.journal import JOURNAL_NAME, Journal, SourceRecord
from unmask.datagen.dataset.manifest import iterate_manifest
from unmask.datagen.dataset.manifest_row import ManifestRow
from unmask.datagen.dataset.options import BuildOptions
from unmask.datagen.dataset.verify import verify

Options = Callable[..., BuildOptions]


@pytest.fixture
def straight(options: Options, tmp_path: Path, tree) -> dict[str, bytes]:
    """What an uninterrupted build gives."""
    build(options(out=tmp_path / "straight"))
    return tree(tmp_path / "straight")


def times(out: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in out.rglob("*.*") if path.parent != out}


def test_an_interrupted_build_ends_as_an_uninterrupted_one(
    interrupted: Path, options: Options, tree, straight
):
    assert json.loads((interrupted / "build.json").read_text())["status"] == "running"
    kept = times(interrupted)
    report = build(options())
    assert report.resumed == 3
    assert tree(interrupted) == straight
    assert kept.items() <= times(interrupted).items()
    assert not (interrupted / JOURNAL_NAME).exists()


def test_half_written_files_and_a_torn_journal_line_are_mended(
    interrupted: Path, options: Options, tree, straight
):
    (interrupted / "masked" / "000005_00.png.part").write_bytes(b"half")
    (interrupted / "manifest.csv.part").write_bytes(b"half")
    journal = interrupted / JOURNAL_NAME
    journal.write_bytes(journal.read_bytes()[:-40])
    report = build(options())
    assert report.resumed == 2
    assert tree(interrupted) == straight


def test_a_finished_build_is_left_as_it_is(options: Options, tree, straight):
    build(options())
    before = times(options().out)
    report = build(options())
    assert report.resumed == 6
    assert times(options().out) == before
    assert tree(options().out) == straight


@pytest.mark.parametrize("lost", ["masked/000002_00.png", "map/000004_00.png", "clean/000006.jpg"])
def test_a_file_that_was_lost_is_made_again(options: Options, tree, straight, lost: str):
    build(options())
    (options().out / lost).unlink()
    report = build(options())
    assert report.resumed == 5
    assert tree(options().out) == straight


def test_killed_with_sigkill_half_way_and_resumed(options: Options, tmp_path: Path, tree, straight):
    out = tmp_path / "out"
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from unmask.datagen.dataset import build as module\n"
        "from unmask.datagen.dataset.options import BuildOptions\n"
        "module.CHUNK_PICTURES = 1\n"
        "def slow(told):\n"
        "    print(told.done, flush=True)\n"
        "    time.sleep(0.3)\n"
        "if __name__ == '__main__':\n"
        "    source, out, known = sys.argv[1:]\n"
        "    module.build(BuildOptions(source, Path(out), seed=1, landmarks=Path(known), workers=2), slow)\n"
    )
    (tmp_path / "kill_me.py").write_text(script)
    chosen = options()
    command = [sys.executable, str(tmp_path / "kill_me.py"), chosen.source, str(out), str(chosen.landmarks)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if int(line) >= 2:
                break
        running.send_signal(signal.SIGKILL)
    _wait_for_no_process_of(running.pid)
    assert (out / JOURNAL_NAME).exists()
    assert not (out / "manifest.csv").exists()
    report = build(options())
    assert 2 <= report.resumed < 6
    assert tree(out) == straight


def _wait_for_no_process_of(group: int) -> None:
    """Workers must end with their parent; they have five seconds."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.killpg(group, signal.SIGKILL)
    pytest.fail("worker processes outlived their parent")


@pytest.fixture
def first_three(drawn_celeba: Path, tmp_path: Path) -> Path:
    """The source, with three of its six pictures taken away."""
    source = tmp_path / "in"
    shutil.copytree(drawn_celeba, source)
    for number in (1, 4, 6):
        (source / "img_align_celeba" / f"{number:06d}.jpg").unlink()
    return source


def test_adding_pictures_changes_no_file_that_is_there(
    options: Options, first_three: Path, drawn_celeba: Path, tmp_path: Path, tree
):
    here = options(source=str(first_three))
    build(here)
    before, when = tree(here.out), times(here.out)
    shutil.copytree(drawn_celeba, first_three, dirs_exist_ok=True)
    report = build(here)
    assert (report.resumed, report.counts["ok"]) == (3, 6)
    assert when.items() <= times(here.out).items()
    build(options(source=str(first_three), out=tmp_path / "fresh"))
    assert tree(here.out) == tree(tmp_path / "fresh")
    tables = {"manifest.csv", "landmarks.csv", "build.json"}
    assert all(tree(here.out)[name] == data for name, data in before.items() if name not in tables)


def test_a_picture_added_with_the_stem_of_another_moves_none_of_its_files(
    tmp_path: Path, drawn_jpegs: list[bytes]
):
    source = tmp_path / "in"
    source.mkdir()
    (source / "face.jpg").write_bytes(drawn_jpegs[0])
    options = BuildOptions(str(source), tmp_path / "out")
    build(options)
    before = times(options.out)
    (source / "face.jpeg").write_bytes(drawn_jpegs[1])  # sorts before face.jpg, so it would take the stem
    build(options)
    assert before.items() <= times(options.out).items()
    keys = {row.source: row.key for row in iterate_manifest(options.out / "manifest.csv")}
    assert keys["face.jpg"] == "face_00"
    assert keys["face.jpeg"].startswith("face~")


def test_a_picture_that_was_replaced_is_made_again(
    options: Options, first_three: Path, drawn_jpegs: list[bytes]
):
    here = options(source=str(first_three), landmarks=None)
    build(here)
    (first_three / "img_align_celeba" / "000002.jpg").write_bytes(drawn_jpegs[5])
    report = build(here)
    assert report.resumed == 2
    assert (here.out / "clean" / "000002.jpg").read_bytes() == drawn_jpegs[5]


def test_more_variants_extend_a_build(options: Options, tmp_path: Path, tree):
    build(options())
    before = times(options().out)
    build(options(variants=2))
    build(options(variants=2, out=tmp_path / "fresh"))
    assert before.items() <= {**times(options().out), **_cleans(before)}.items()
    assert tree(options().out) == tree(tmp_path / "fresh")


def test_more_variants_of_some_pictures_alone_are_refused_before_work(
    options: Options, tree, monkeypatch: pytest.MonkeyPatch
):
    build(options(limit=4))
    before = tree(options().out)
    with pytest.raises(UserError, match=r"^variants 2: 2 pictures of earlier runs \(first 000003.jpg\)"):
        build(options(limit=2, variants=2))
    assert tree(options().out) == before
    monkeypatch.setattr(build_module, "CHUNK_PICTURES", 1)
    with pytest.raises(StopError):  # a growth that stopped has left some pictures short
        build(options(limit=4, variants=2), stop_after(3))
    with pytest.raises(UserError, match=r"^variants 2: a picture of earlier runs \(first 000004.jpg\)"):
        build(options(limit=3, variants=2))
    assert build(options(variants=2)).counts["ok"] == 12
    assert build(options(variants=2, limit=2)).counts["ok"] == 12
    assert verify(options().out) == []


def _cleans(times_: dict[str, int]) -> dict[str, int]:
    # a clean picture is written again, with the same bytes, for each run that adds a variant
    return {name: when for name, when in times_.items() if "clean" in name}


def test_ctrl_c_stops_and_the_same_call_resumes(
    options: Options, monkeypatch: pytest.MonkeyPatch, tree, straight
):
    monkeypatch.setattr(build_module, "CHUNK_PICTURES", 1)

    def press(told: Progress) -> None:
        if told.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(options(workers=2), press)
    report = build(options())
    assert report.resumed >= 2
    assert tree(options().out) == straight


def test_a_worker_that_is_killed_is_one_line(options: Options, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(build_module, "work", _die)
    with pytest.raises(UserError, match=r"a worker process was killed.*`workers` than 2"):
        build(options(workers=2))


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_the_journal_gives_records_back_and_the_last_one_of_a_name_counts(tmp_path: Path):
    row = ManifestRow("a_00", "a.jpg", "", 0, status="no_face", reason="none")
    with_face = SourceRecord("b\udcff.jpg", "b\udcff", "ab", (), (row,))
    first = SourceRecord("a.jpg", "a", "", None, (row,))
    second = SourceRecord("a.jpg", "a", "cd", (), (row, row))
    journal = Journal(tmp_path)
    journal.append([first, with_face])
    journal.append([second])
    journal.close()
    again = Journal(tmp_path)
    assert list(again) == [second, with_face]
    assert "a.jpg" in again
    assert len(again) == 2
    again.remove()
    assert not list(tmp_path.iterdir())


def test_adding_a_file_that_takes_the_stem_changes_no_other_mask(
    options: Options, tmp_path: Path, drawn_jpegs: list[bytes]
):
    made = []
    source = tmp_path / "in"
    (source / "x").mkdir(parents=True)
    for name, data in zip(("x__a.jpg", "x/a.jpg"), drawn_jpegs, strict=False):
        (source / name).write_bytes(data)
        out = tmp_path / f"out{len(made)}"
        build(options(source=str(source), out=out, landmarks=None))
        made.append({row.source: row for row in iterate_manifest(out / "manifest.csv")}["x__a.jpg"])
    assert made[0].key != made[1].key
    assert made[0].recipe == made[1].recipe


@pytest.mark.parametrize("kind", ["text", "16 bit"])
def test_what_was_made_of_a_replaced_picture_is_removed(
    options: Options, tmp_path: Path, drawn_jpegs: list[bytes], encode, kind: str
):
    source = tmp_path / "in"
    source.mkdir()
    (source / "a.jpg").write_bytes(drawn_jpegs[0])
    wanted = options(source=str(source), landmarks=None, layers=True, variants=2)
    build(wanted)
    face = cv2.imdecode(np.frombuffer(drawn_jpegs[1], np.uint8), cv2.IMREAD_COLOR)
    other = b"no picture" if kind == "text" else encode(".png", face.astype(np.uint16) * 257)
    (source / "a.jpg").write_bytes(other)
    report = build(wanted)
    assert report.counts["unreadable" if kind == "text" else "ok"] == 2
    assert verify(wanted.out) == []
    assert not (wanted.out / "clean" / "a.jpg").exists()


def test_rows_of_pictures_that_are_not_in_this_run_are_told(options: Options):
    build(options(variants=2, limit=4))
    report = build(options(variants=2, limit=2))
    assert (report.pictures, report.sources, report.counts["ok"]) == (2, 4, 8)
    assert report.notes[-1] == "4 rows of pictures not in this run"
    assert build(options(variants=2, limit=4)).notes == ()
