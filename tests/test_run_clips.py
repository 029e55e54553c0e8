"""``unmask-run`` on clips: files, tables, what is done again and what is not."""

import csv
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from eval_support import write_module
from video_support import read_clip, write_clip

from unmask.cli import run as cli
from unmask.datagen.common.errors import UserError
from unmask.datagen.faces.frame import place_frame
from unmask.datagen.pictures.arrays import F64, U8
from unmask.datagen.pictures.picture import encode_png
from unmask.datagen.pictures.pyramid import PicturePyramid
from unmask.model.inference.aligned import Seen
from unmask.model.inference.face_finder import FoundFace
from unmask.model.inference.photo_patch import work_grid
from unmask.model.inference.unmasker import Unmasker
from unmask.model.run import clips as clips_module
from unmask.model.run.inputs import list_inputs
from unmask.model.run.job import run_job
from unmask.model.run.options import RunOptions
from unmask.model.video import steady as steady_module
from unmask.model.video.sound import NO_FFMPEG
from unmask.model.video.writer import NoEncoderError

FRAMES = 5


class Finder:
    """One face in the middle of every frame that is not grey all over."""

    def find(
        self, picture: PicturePyramid, hints: Sequence[F64] = (), *, doubtful: bool = False
    ) -> list[FoundFace]:
        height, width = picture.levels[0].shape[:2]
        return (
            [FoundFace(place_frame((width / 2, height / 2), 40.0), 5.0)]
            if picture.levels[0].std() > 9
            else []
        )

    def seen_around(self, picture: PicturePyramid, frame: F64) -> FoundFace:
        return FoundFace(frame, 4.0)


def see_mask(*_: object) -> Seen:
    grid = work_grid(64)
    body = np.full((grid.height, grid.width), 0.02, np.float32)
    body[52:76, 18:46] = 0.97
    return Seen(body, None)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("modules")
    return {kind: write_module(folder / kind, kind) for kind in ("map", "edit")}


def blocks(seed: int, size: tuple[int, int] = (96, 120)) -> list[U8]:
    """Frames of coloured blocks that stand still, with a little noise."""
    rng = np.random.default_rng(seed)
    still = np.kron(rng.integers(40, 210, (size[0] // 8, size[1] // 8, 3)), np.ones((8, 8, 1)))
    return [np.clip(still + rng.normal(0, 2, still.shape), 0, 255).astype(np.uint8) for _ in range(FRAMES)]


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips, a damaged one, one without a face, and a picture."""
    folder = tmp_path_factory.mktemp("given")
    (folder / "sub").mkdir()
    write_clip(folder / "a.mp4", blocks(1), 12.5)
    write_clip(folder / "sub" / "b.avi", blocks(2), 30.0)
    write_clip(folder / "grey.mp4", [np.full((64, 80, 3), 120, np.uint8)] * 3)
    (folder / "bad.mov").write_bytes(b"no clip" * 100)
    (folder / "picture.png").write_bytes(encode_png(blocks(3)[0]))
    return folder


@pytest.fixture
def options(weights: dict[str, Path], given: Path, tmp_path: Path) -> RunOptions:
    return RunOptions(
        inputs=(given,), out=tmp_path / "out", map_weights=weights["map"], edit_weights=weights["edit"],
        device="cpu",
    )  # fmt: skip


@pytest.fixture(autouse=True)
def easy_faces(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Unmasker, "finder", Finder())
    monkeypatch.setattr(steady_module, "see_face", see_mask)
    monkeypatch.setenv("PATH", str(tmp_path))  # no ffmpeg


def table(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def test_clips_and_pictures_of_a_folder_have_results_and_rows(options: RunOptions):
    told: list[tuple[int, int, int]] = []
    report = run_job(options, lambda *each: told.append(each))
    assert report.counts["ok"] == 2
    assert report.counts["unreadable"] == 1
    made = {path.relative_to(options.out).as_posix() for path in options.out.rglob("*") if path.is_file()}
    assert {name for name in made if name.startswith("restored/")} == {
        "restored/a.mp4", "restored/sub/b.mp4", "restored/grey.mp4", "restored/picture.png",
    }  # fmt: skip
    rows = table(options.out / "run.csv")
    assert {name: row["status"] for name, row in rows.items() if name != "picture"} == {
        "a": "ok", "sub/b": "ok", "grey": "no_face", "bad": "unreadable",
    }  # fmt: skip
    assert (rows["a"]["faces"], rows["a"]["restored"]) == ("1", "1")
    assert rows["grey"]["reason"] == "no face found; only coded anew"
    assert "not a clip that can be opened" in rows["bad"]["reason"]
    # a picture, five frames each, three frames, one for what cannot be read
    assert told[-1] == (1 + 2 * FRAMES + 3 + 1, 1 + 2 * FRAMES + 3 + 1, 0)
    assert [done for done, _, _ in told] == sorted({done for done, _, _ in told})
    assert [path.name for path in options.out.iterdir() if path.name.startswith(".clip")] == []


def test_a_clip_of_a_face_that_is_turned_away_says_so(
    options: RunOptions, given: Path, monkeypatch: pytest.MonkeyPatch
):
    def see_beside(*_: object) -> Seen:
        body = np.full((work_grid(64).height, 64), 0.02, np.float32)
        body[52:76, 27:55] = 0.97
        return Seen(body, None)

    monkeypatch.setattr(steady_module, "see_face", see_beside)
    run_job(replace(options, inputs=(given / "a.mp4",)))
    row = table(options.out / "run.csv")["a"]
    assert (row["status"], row["faces"], row["restored"]) == ("turned_away", "1", "0")
    assert row["reason"] == "every masked face is turned away too far; only coded anew"
    track = table(options.out / "tracks.csv")["a"]
    assert (track["status"], track["frames"], track["restored"]) == ("turned_away", str(FRAMES), "0")


def test_a_clip_keeps_its_size_speed_and_length(options: RunOptions, given: Path):
    run_job(options)
    rows = table(options.out / "clips.csv")
    assert [rows["sub/b"][key] for key in ("width", "height", "frames", "fps")] == ["120", "96", "5", "30.0"]
    made, source = read_clip(options.out / "restored" / "sub" / "b.mp4"), read_clip(given / "sub" / "b.avi")
    assert len(made) == len(source) == FRAMES
    corner = np.s_[:16, :16]  # away from the face; the codec loses a little
    assert np.abs(made[2][corner].astype(int) - source[2][corner]).mean() < 6
    assert np.abs(made[2].astype(int) - source[2])[50:90, 45:75].mean() > 10


def test_every_face_that_was_followed_has_a_row(options: RunOptions):
    run_job(options)
    row = table(options.out / "tracks.csv")["a"]
    assert [row[key] for key in ("track", "first", "last", "frames", "restored", "status")] == [
        "1", "0", "4", "5", "5", "ok",
    ]  # fmt: skip
    left, right = float(row["left"]), float(row["right"])
    assert right - left == pytest.approx(40, abs=0.1)
    assert set(table(options.out / "faces.csv")) <= {"picture"}
    clip = table(options.out / "clips.csv")["a"]
    assert float(clip["skin_change"]) > 0.01
    assert float(clip["drawn_change"]) < 3
    assert table(options.out / "clips.csv")["grey"]["drawn_change"] == "nan"


def test_what_is_finished_is_not_done_again_and_what_changed_is(
    options: RunOptions, given: Path, tmp_path: Path, weights: dict[str, Path]
):
    source = tmp_path / "in"
    source.mkdir()
    for name in ("a.mp4", "grey.mp4"):
        (source / name).write_bytes((given / name).read_bytes())
    options = replace(options, inputs=(source,))
    assert run_job(options).done == 2
    made = options.out / "restored" / "a.mp4"
    before = made.stat().st_mtime_ns
    report = run_job(options)
    assert (report.done, report.resumed, report.counts["ok"]) == (0, 2, 1)
    assert [clip.name for clip in report.clips] == ["a", "grey"]
    assert made.stat().st_mtime_ns == before
    (source / "a.mp4").write_bytes((given / "sub" / "b.avi").read_bytes())
    assert run_job(options).done == 1
    assert table(options.out / "clips.csv")["a"]["fps"] == "30.0"
    made.unlink()
    assert run_job(options).done == 1
    with pytest.raises(UserError, match=r"existing.* fail"):
        run_job(replace(options, existing="fail"))
    assert run_job(replace(options, existing="overwrite")).done == 2
    assert len(table(options.out / "tracks.csv")) == 1


def test_a_clip_that_can_no_longer_be_read_leaves_no_old_result(
    options: RunOptions, given: Path, tmp_path: Path
):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes((given / "a.mp4").read_bytes())
    run_job(replace(options, inputs=(clip,)))
    clip.write_bytes(b"no clip")
    report = run_job(replace(options, inputs=(clip,)))
    assert report.none_used
    assert report.failures == [f"{clip}: not a clip that can be opened: damaged, or of an unknown kind"]
    assert not (options.out / "restored" / "clip.mp4").exists()


def test_an_error_on_the_way_leaves_nothing_under_the_final_name(
    options: RunOptions, given: Path, monkeypatch: pytest.MonkeyPatch
):
    class Stops(clips_module.FrameRestorer):
        def restore(self, image_rgb: U8) -> object:
            if self.tracker.at == 2:
                raise KeyboardInterrupt
            return super().restore(image_rgb)

    options = replace(options, inputs=(given / "a.mp4",))
    monkeypatch.setattr(clips_module, "FrameRestorer", Stops)
    with pytest.raises(KeyboardInterrupt):
        run_job(options)
    assert list(options.out.rglob("*.mp4")) == []
    monkeypatch.undo()
    monkeypatch.setattr(Unmasker, "finder", Finder())
    monkeypatch.setattr(steady_module, "see_face", see_mask)
    assert run_job(options).counts["ok"] == 1


def test_what_a_kill_left_is_removed_and_said(options: RunOptions, given: Path):
    options = replace(options, inputs=(given / "a.mp4",))
    run_job(replace(options, inputs=(given / "grey.mp4",)))
    (options.out / ".clip").mkdir()
    (options.out / ".clip" / "pictures.mp4").write_bytes(b"half")
    report = run_job(options)
    assert "an earlier run was stopped while it restored a clip, which was begun again" in report.notes
    assert not (options.out / ".clip").exists()


def test_one_clip_into_one_file(options: RunOptions, given: Path, tmp_path: Path):
    out = tmp_path / "made.mp4"
    single = replace(options, inputs=(given / "a.mp4",), out=out)
    report = run_job(single)
    assert len(read_clip(out)) == FRAMES
    assert report.clips[0].frames == FRAMES
    assert f"{given / 'a.mp4'}: {NO_FFMPEG}" in report.notes
    assert {path.name for path in tmp_path.iterdir()} == {"made.mp4"}
    with pytest.raises(UserError, match="is there already"):
        run_job(single)
    assert run_job(replace(single, existing="overwrite")).done == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"out": "made.mov"}, r"^out .*made.mov: results of clips are MP4; name a .mp4, or a folder"),
        ({"out": "made.png"}, r"^out .*made.png: results of clips are MP4"),
        ({"out": "made.mp4", "inputs": ("picture.png",)}, r"^out .*made.mp4: results are PNG"),
        ({"out": "made.mp4", "inputs": ("a.mp4", "grey.mp4")}, r"^out .*made.mp4: "),
        ({"out": "made.mp4", "side_by_side": True}, r"^side_by_side: goes with a folder"),
        ({"aligned": True}, r"^aligned: is for pictures; .*a.mp4 is a clip, run it apart"),
        ({"map": "picture.png"}, r"^map: is for pictures; .*a.mp4 is a clip, run it apart"),
        ({"inputs": ("none.mp4",)}, r"^inputs .*none.mp4: "),
    ],
)
def test_what_cannot_be_is_refused_before_work(
    options: RunOptions, given: Path, tmp_path: Path, changes: dict[str, object], words: str
):
    inputs = tuple(given / name for name in changes.pop("inputs", ("a.mp4",)))  # type: ignore[attr-defined]
    if "out" in changes:
        changes["out"] = tmp_path / str(changes["out"])
    if "map" in changes:
        changes["map"] = given / str(changes["map"])
    with pytest.raises(UserError, match=words):
        run_job(replace(options, inputs=inputs, **changes))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_maps_or_aligned_faces_is_one_of_pictures(options: RunOptions):
    inputs = list_inputs(replace(options, aligned=True))
    assert [item.name for item in inputs.items] == ["picture"]
    assert any("4 files that are not pictures were left out" in note for note in inputs.notes)


def test_strips_of_a_clip_are_a_clip(options: RunOptions, given: Path):
    run_job(replace(options, inputs=(given / "a.mp4",), side_by_side=True))
    (first, *_) = made = read_clip(options.out / "side_by_side" / "a.mp4")
    assert len(made) == FRAMES
    assert first.shape == (96, 360, 3)


def test_without_an_encoder_nothing_is_begun(options: RunOptions, monkeypatch: pytest.MonkeyPatch):
    def none(*_: object) -> None:
        raise NoEncoderError("OpenCV has no encoder for a clip of 64x64, 25 frames a second")

    monkeypatch.setattr(clips_module, "ClipWriter", none)
    with pytest.raises(UserError, match=r"^inputs: clips cannot be written here: OpenCV has no encoder"):
        run_job(options)
    assert not (options.out / "restored").exists()


def test_what_became_of_a_clip_is_printed(
    options: RunOptions, given: Path, capsys: pytest.CaptureFixture[str]
):
    weights = ["--map-weights", str(options.map_weights), "--edit-weights", str(options.edit_weights)]
    assert cli.main([str(given / "a.mp4"), "--out", str(options.out), "--device", "cpu", *weights]) == 0
    said, progress = capsys.readouterr()
    assert re.search(
        r"a: 5 frames of 120x96, 12.5/s, 1 face followed, sound lost; change between frames", said
    )
    assert "clips.csv" in said
    assert "1 mask taken off 1 clip in" in said
    assert re.search(r"run: 5/5 frames, [\d.]+/s", progress)
    assert cli.main([str(given / "bad.mov"), "--out", str(options.out), "--device", "cpu", *weights]) == 2
    assert "none of the inputs could be used" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_in_a_clip_is_one_line(options: RunOptions, tmp_path: Path):
    clip = write_clip(tmp_path / "long.mp4", blocks(1) * 100)
    code = "import sys; from unmask.cli import run; sys.exit(run.main())"
    weights = ["--map-weights", str(options.map_weights), "--edit-weights", str(options.edit_weights)]
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(clip), "--out", str(options.out), "--device", "cpu", *weights],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    began = time.monotonic()
    while not (options.out / ".clip" / "pictures.mp4").exists() and time.monotonic() - began < 60:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (
        error.splitlines()[-1]
        == "stopped; the same command resumes; a clip that is not finished begins again"
    )
    assert "Traceback" not in error
    assert list(options.out.rglob("*.mp4")) == []
