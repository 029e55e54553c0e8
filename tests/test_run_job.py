import csv
import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from eval_support import write_module

from unmask.datagen.common.errors import UserError
from unmask.datagen.faces.frame import place_frame
from unmask.datagen.pictures.picture import encode_png
from unmask.datagen.pictures.pyramid import PicturePyramid
from unmask.model.inference.aligned import Maps
from unmask.model.inference.face_finder import FoundFace
from unmask.model.inference.face_mask import FaceMask
from unmask.model.inference.photo_patch import Patch
from unmask.model.inference.unmasker import Unmasker
from unmask.model.run import job as job_module
from unmask.model.run.inputs import list_inputs, result_names
from unmask.model.run.job import run_job
from unmask.model.run.options import RunOptions
from unmask.model.run.run_report import RunReport
from unmask.model.run.strip import draw_strip

SIZES = {"a": (60, 70), "sub/b": (33, 90), "c.d": (109, 89)}


class Finder:
    """One face in the middle of every picture but those that are grey all over."""

    def find(
        self, picture: PicturePyramid, hints: Sequence[np.ndarray] = (), *, doubtful: bool = False
    ) -> list[FoundFace]:
        image = picture.levels[0]
        height, width = image.shape[:2]
        return [FoundFace(place_frame((width / 2, height / 2), 40.0), 5.0)] if image.std() > 1 else []


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("modules")
    return {kind: write_module(folder / kind, kind) for kind in ("map", "edit")}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(4)
    for name, (height, width) in SIZES.items():
        path = folder / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode_png(rng.integers(0, 256, (height, width, 3), np.uint8)))
    return folder


@pytest.fixture(scope="module")
def maps(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("maps")
    for name, (height, width) in SIZES.items():
        map_ = np.zeros((height, width), np.uint8)
        map_[height // 2 : height // 2 + 14, width // 2 - 8 : width // 2 + 8] = 255
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / f"{name}.png").write_bytes(encode_png(map_))
    return folder


@pytest.fixture
def options(weights: dict[str, Path], pictures: Path, maps: Path, tmp_path: Path) -> RunOptions:
    return RunOptions(
        inputs=(pictures,), out=tmp_path / "out", map=maps, map_weights=weights["map"],
        edit_weights=weights["edit"], device="cpu",
    )  # fmt: skip


@pytest.fixture(autouse=True)
def easy_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Unmasker, "finder", Finder())


def rows(out: Path) -> dict[str, dict[str, str]]:
    with (out / "run.csv").open(encoding="utf-8", newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def tree(out: Path) -> dict[str, bytes]:
    """Every result by its bytes, and the table without the clock."""
    found = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.png")}
    table = {name: {**row, "seconds": ""} for name, row in rows(out).items()}
    return {**found, "run.csv": json.dumps(table).encode()}


def read(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def test_every_input_has_a_result_a_map_and_a_row(options: RunOptions, pictures: Path, maps: Path) -> None:
    report = run_job(options)
    assert report.counts["ok"] == report.done == report.restored == 3
    table = rows(options.out)
    assert set(table) == set(SIZES)
    for name, size in SIZES.items():
        restored, clean = read(options.out / "restored" / f"{name}.png"), read(pictures / f"{name}.png")
        map_ = read(maps / f"{name}.png")
        assert restored.shape == (*size, 3)
        assert np.array_equal(read(options.out / "map" / f"{name}.png"), map_)
        assert (restored != clean)[map_ > 0].mean() > 0.9
        assert (table[name]["status"], table[name]["faces"], table[name]["restored"]) == ("ok", "1", "1")
        assert float(table[name]["seconds"]) > 0
    assert not list(options.out.rglob("*.part"))


def test_aligned_pictures_keep_name_and_size_and_no_face_is_searched_for(
    options: RunOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Unmasker, "finder", None)
    report = run_job(replace(options, aligned=True))
    assert report.counts["ok"] == 3
    assert {name: read(options.out / "restored" / f"{name}.png").shape[:2] for name in SIZES} == SIZES


def test_the_map_modules_maps_are_used_where_none_are_given(
    options: RunOptions, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(module: object, images: Sequence[np.ndarray]) -> list[Maps]:
        found = []
        for image in images:
            columns = np.arange(image.shape[1])[None].repeat(len(image), 0)
            here = np.full(columns.shape, image.shape[0] != 33)
            body, straps = here & (columns < 9), here & (columns == 15)
            found.append(Maps(*(np.where(part, 255, 0).astype(np.uint8) for part in (body, straps))))
        return found

    monkeypatch.setattr(job_module, "find_maps", find)
    run_job(replace(options, aligned=True, map=None))
    assert {name: row["status"] for name, row in rows(options.out).items()} == {
        "a": "ok", "c.d": "ok", "sub/b": "no_mask",
    }  # fmt: skip
    assert np.array_equal(read(options.out / "restored" / "sub" / "b.png"), read(pictures / "sub" / "b.png"))
    restored, given = read(options.out / "restored" / "a.png"), read(pictures / "a.png")
    assert np.array_equal(restored[:, 22:], given[:, 22:])
    assert not np.array_equal(restored[:, 15], given[:, 15])
    straps = read(options.out / "straps" / "a.png")[..., 0]
    assert (straps[:, 15] == 255).all()
    assert np.count_nonzero(straps) == len(straps)


@pytest.mark.parametrize("aligned", [False, True])
def test_bad_pictures_are_rows_and_the_others_are_done(
    options: RunOptions, tmp_path: Path, aligned: bool
) -> None:
    folder = tmp_path / "in"
    shutil.copytree(options.inputs[0], folder)
    whole = (folder / "a.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.jpg").write_bytes(b"no picture")
    (folder / "empty.png").write_bytes(b"")
    run_job(replace(options, inputs=(folder,), map=None, aligned=aligned))
    table = rows(options.out)
    for name in ("cut", "text", "empty"):
        assert table[name]["status"] == "unreadable"
        assert table[name]["reason"]
        assert not (options.out / "restored" / f"{name}.png").exists()
    assert {table[name]["status"] for name in SIZES} <= {"ok", "no_mask"}


def test_a_picture_without_a_face_comes_back_unchanged_and_that_is_said(
    options: RunOptions, tmp_path: Path
) -> None:
    grey = tmp_path / "grey.png"
    grey.write_bytes(encode_png(np.full((50, 40, 3), 90, np.uint8)))
    run_job(replace(options, inputs=(grey,), map=None))
    row = rows(options.out)["grey"]
    assert (row["status"], row["faces"]) == ("no_face", "0")
    assert "unchanged" in row["reason"]
    assert np.array_equal(read(options.out / "restored" / "grey.png"), read(grey))


def test_a_map_that_was_mended_or_replaced_is_done_again(
    options: RunOptions, pictures: Path, tmp_path: Path
) -> None:
    path = tmp_path / "own.png"
    map_ = np.ascontiguousarray(read(options.map / "a.png")[..., 0])
    path.write_bytes(encode_png(np.zeros_like(map_)))
    one = replace(options, inputs=(pictures / "a.png",), map=path)
    run_job(one)
    assert rows(options.out)["a"]["reason"].startswith("map own.png: the map is empty")
    assert run_job(one).resumed == 1
    for again in (map_, np.roll(map_, 3, axis=1)):
        path.write_bytes(encode_png(again))
        assert run_job(one).resumed == 0
        assert rows(options.out)["a"]["status"] == "ok"
        assert np.array_equal(read(options.out / "map" / "a.png")[..., 0], again)
    assert run_job(one).resumed == 1


def test_maps_of_any_form_do_the_same(options: RunOptions, pictures: Path, tmp_path: Path) -> None:
    map_ = np.ascontiguousarray(read(options.map / "a.png")[..., 0])
    forms = {"own": map_, "bits": map_ // 255, "red": np.dstack([map_, 0 * map_, 0 * map_])}
    done = []
    for name, form in forms.items():
        (tmp_path / f"{name}.png").write_bytes(encode_png(form))
        run_job(
            replace(options, inputs=(pictures / "a.png",), map=tmp_path / f"{name}.png", out=tmp_path / name)
        )
        assert rows(tmp_path / name)["a"]["status"] == "ok"
        done.append((tmp_path / name / "restored/a.png").read_bytes())
    assert done[0] == done[1] == done[2]


def test_a_map_that_does_not_fit_is_a_row(options: RunOptions, pictures: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.png"
    small.write_bytes(encode_png(np.zeros((5, 5), np.uint8)))
    run_job(replace(options, inputs=(pictures / "a.png",), map=small))
    assert rows(options.out)["a"]["status"] == "bad_map"
    assert rows(options.out)["a"]["reason"] == "map of 5x5 for a picture of 70x60"
    text = tmp_path / "text.png"
    text.write_bytes(b"no map")
    run_job(replace(options, inputs=(pictures / "a.png",), map=text, existing="overwrite"))
    assert rows(options.out)["a"]["reason"].startswith("map text.png:")


def test_the_same_command_again_does_nothing(options: RunOptions) -> None:
    run_job(options)
    before = tree(options.out)
    report = run_job(options)
    assert (report.done, report.resumed) == (0, 3)
    assert tree(options.out) == before


def test_a_killed_run_goes_on_and_ends_as_one_that_was_not(
    options: RunOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = replace(options, out=tmp_path / "whole")
    run_job(whole)

    def dying(done: int, total: int, first: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(job_module, "AHEAD", 0)
    with pytest.raises(KeyboardInterrupt):
        run_job(options, dying)
    assert not (options.out / "run.csv").exists()
    report = run_job(options)
    assert report.resumed >= 1
    assert tree(options.out) == tree(whole.out)
    assert not (options.out / ".run.jsonl").exists()


def test_a_picture_that_changed_or_lost_its_result_is_done_again(options: RunOptions, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    shutil.copytree(options.inputs[0], folder)
    options = replace(options, inputs=(folder,))
    run_job(options)
    (folder / "a.png").write_bytes(
        encode_png(np.random.default_rng(9).integers(0, 256, (60, 70, 3), np.uint8))
    )
    (options.out / "map" / "sub" / "b.png").unlink()
    assert run_job(options).done == 2


def test_results_of_another_picture_of_that_name_are_not_replaced(
    options: RunOptions, pictures: Path, tmp_path: Path
) -> None:
    first, second = sorted(path for path in pictures.iterdir() if path.is_file())[:2]
    for folder, path in (("a", first), ("b", second), ("moved", first)):
        (tmp_path / folder).mkdir()
        shutil.copy(path, tmp_path / folder / f"p{path.suffix}")
    one = replace(options, inputs=(tmp_path / "a",), map=None, out=tmp_path / "results")
    run_job(one)
    before = {path: path.read_bytes() for path in sorted(one.out.rglob("*.*"))}
    with pytest.raises(UserError, match=r"^out .*: has the results of .*a/p\.\w+ as p, where those of .*b/p"):
        run_job(replace(one, inputs=(tmp_path / "b",)))
    assert {path: path.read_bytes() for path in before} == before
    assert run_job(replace(one, inputs=(tmp_path / "moved",))).resumed == 1
    assert run_job(replace(one, inputs=(tmp_path / "b",), existing="overwrite")).done == 1


def test_strips_are_drawn_when_they_are_asked_for_later(options: RunOptions) -> None:
    run_job(options)
    assert not (options.out / "side_by_side").exists()
    assert run_job(replace(options, side_by_side=True)).done == 3
    assert read(options.out / "side_by_side" / "a.png").shape == (60, 3 * 70, 3)


def test_other_settings_are_not_mixed_into_a_folder(options: RunOptions) -> None:
    run_job(options)
    with pytest.raises(UserError, match="`aligned`"):
        run_job(replace(options, aligned=True))
    with pytest.raises(UserError, match="`precision`"):
        run_job(replace(options, precision="bf16"))
    assert run_job(replace(options, aligned=True, existing="overwrite")).done == 3
    with pytest.raises(UserError, match="holds a run, and `existing` fail"):
        run_job(replace(options, existing="fail"))


def test_a_run_that_made_nothing_does_not_stand_in_the_way_of_other_settings(
    options: RunOptions, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    shutil.copytree(options.map, wrong)
    for path in wrong.rglob("*.png"):
        path.write_bytes(encode_png(np.zeros((5, 5), np.uint8)))
    assert run_job(replace(options, map=wrong)).none_used
    before = sorted(options.out.rglob("*"))
    with pytest.raises(UserError, match="holds a run, and `existing` fail"):
        run_job(replace(options, existing="fail"))
    assert sorted(options.out.rglob("*")) == before
    assert run_job(options).counts["ok"] == 3
    straight = run_job(replace(options, out=tmp_path / "straight"))
    assert tree(options.out) == tree(straight.out)


@pytest.mark.parametrize("kept", ["map/a.png", "restored/mine.txt", ""])
def test_a_run_with_a_result_or_anybody_s_file_keeps_its_settings(
    options: RunOptions, tmp_path: Path, kept: str
) -> None:
    if kept:
        assert run_job(replace(options, inputs=(_no_picture(tmp_path),), map=None)).none_used
        (options.out / kept).parent.mkdir(exist_ok=True)
        (options.out / kept).write_bytes(b"precious")
    else:  # the table alone, whose results somebody has moved
        run_job(options)
        for folder in ("restored", "map", "straps"):
            shutil.rmtree(options.out / folder)
    before = {path: path.read_bytes() for path in options.out.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match="holds a run of another configuration"):
        run_job(replace(options, aligned=True, precision="bf16"))
    assert {path: path.read_bytes() for path in options.out.rglob("*") if path.is_file()} == before


def _no_picture(folder: Path) -> Path:
    path = folder / "a.png"
    path.write_bytes(b"no picture")
    return path


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize("newcomer", ["a.png", "c.d.png"])
def test_a_picture_keeps_its_results_whatever_joins_or_leaves_it(
    options: RunOptions, tmp_path: Path, newcomer: str, moved: bool
) -> None:
    faces = tmp_path / "faces"
    faces.mkdir()
    shutil.copy(options.inputs[0] / "a.png", faces / "x.png")
    pictures, options = options.inputs[0], replace(options, inputs=(faces,), map=None)
    run_job(options)
    before = tree(options.out)
    if moved:
        faces = faces.rename(tmp_path / "moved")
        options = replace(options, inputs=(faces,))
    shutil.copy(pictures / newcomer, faces / "x.jpg")  # the very same bytes or others; first of the two
    report = run_job(options)
    assert (report.done, report.resumed, sum(report.counts.values())) == (1, 1, 2)
    assert {name: Path(row["input"]).name for name, row in rows(options.out).items()} == {
        "x": "x.png", "x.jpg": "x.jpg",
    }  # fmt: skip
    assert all(tree(options.out)[name] == data for name, data in before.items() if name != "run.csv")
    assert run_job(options).done == 0
    (faces / "x.png").unlink()
    assert run_job(options).done == 0
    assert set(rows(options.out)) == {"x", "x.jpg"}


def test_a_picture_of_another_folder_does_not_take_an_earlier_name(
    options: RunOptions, tmp_path: Path
) -> None:
    for folder, names in (("one", ("x.png",)), ("two", ("x.png", "x.jpg"))):
        (tmp_path / folder).mkdir()
        for name in names:
            shutil.copy(
                options.inputs[0] / f"{'a' if folder == 'one' else 'c.d'}.png", tmp_path / folder / name
            )
        run_job(replace(options, inputs=(tmp_path / folder,), map=None))
    assert set(rows(options.out)) == {"x", "x.png", "x.jpg"}


def test_overwriting_removes_only_what_a_run_made(options: RunOptions) -> None:
    run_job(replace(options, side_by_side=True))
    (options.out / "restored" / "notes.txt").write_text("mine")
    run_job(
        replace(
            options, inputs=(options.inputs[0] / "a.png",), map=options.map / "a.png", existing="overwrite"
        )
    )
    left = {path.relative_to(options.out).as_posix() for path in options.out.rglob("*") if path.is_file()}
    assert left == {
        "restored/a.png", "restored/notes.txt", "map/a.png", "straps/a.png", "run.csv", "faces.csv", "run.json",
    }  # fmt: skip


def test_overwriting_spares_pictures_that_no_run_made(options: RunOptions) -> None:
    run_job(options)
    mine = ("restored/holiday.png", "map/sub/own.png", "side_by_side/a.png")
    for name in mine:
        (options.out / name).parent.mkdir(exist_ok=True)
        (options.out / name).write_bytes(b"precious")
    table = (options.out / "run.csv").read_text().splitlines(keepends=True)
    (options.out / "run.csv").write_text("".join(line for line in table if not line.startswith("a,")))
    small = replace(options, inputs=(options.inputs[0] / "c.d.png",), map=options.map / "c.d.png")
    run_job(replace(small, existing="overwrite"))
    assert all((options.out / name).read_bytes() == b"precious" for name in mine)
    assert (options.out / "restored" / "a.png").exists()  # no table names it
    assert not (options.out / "restored" / "sub").exists()


@pytest.mark.parametrize("existing", ["resume", "overwrite"])
@pytest.mark.parametrize("table", ["run.csv", ".run.jsonl"])
def test_a_table_that_names_results_elsewhere_is_one_line(
    options: RunOptions, tmp_path: Path, table: str, existing: str
) -> None:
    run_job(options)
    victim = tmp_path / "victim.png"
    victim.write_bytes(b"precious")
    row = {**rows(options.out)["a"], "name": "../../victim"}
    with (options.out / table).open("a") as file:
        file.write(json.dumps(row) + "\n" if table == ".run.jsonl" else ",".join(row.values()) + "\n")
    before = {path: path.read_bytes() for path in options.out.rglob("*.png")}
    words = rf"{re.escape(table)}: row \.\./\.\./victim: 'restored/\.\./\.\./victim\.png' is no file inside"
    with pytest.raises(UserError, match=words):
        run_job(replace(options, existing=existing))
    assert victim.read_bytes() == b"precious"
    assert {path: path.read_bytes() for path in options.out.rglob("*.png")} == before


@pytest.mark.parametrize("existing", ["resume", "overwrite"])
@pytest.mark.parametrize("place", ["restored", "map", "restored/sub"])
def test_results_are_not_written_through_a_link_elsewhere(
    options: RunOptions, tmp_path: Path, place: str, existing: str
) -> None:
    run_job(options)
    (options.out / place).rename(tmp_path / "elsewhere")
    (options.out / place).symlink_to(tmp_path / "elsewhere")
    before = {path: path.read_bytes() for path in (tmp_path / "elsewhere").rglob("*.png")}
    with pytest.raises(UserError, match=r"is a link that leads out|is no file inside"):
        run_job(replace(options, existing=existing))
    assert {path: path.read_bytes() for path in (tmp_path / "elsewhere").rglob("*.png")} == before


def test_a_second_run_in_the_same_folder_is_refused_and_changes_nothing(
    options: RunOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = []

    def second(done: int, total: int, first: int) -> None:
        with pytest.raises(UserError) as caught:
            run_job(options)
        said.append(str(caught.value))

    assert run_job(options, second).done == 3
    words = f"out {options.out}: another unmask-run (process {os.getpid()}) is writing to this folder"
    assert said == [words] * 3
    assert not (options.out / ".lock").exists()
    assert run_job(options).resumed == 3


def test_a_folder_that_is_not_ours_is_not_touched(options: RunOptions) -> None:
    options.out.mkdir()
    (options.out / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="it is no run of this toolkit"):
        run_job(options)
    assert [path.name for path in options.out.iterdir()] == ["thesis.txt"]


def test_results_never_lie_among_the_inputs(options: RunOptions, pictures: Path) -> None:
    for out in (pictures, pictures / "sub"):
        with pytest.raises(UserError, match=r"^out"):
            run_job(replace(options, out=out))
    run_job(options)
    with pytest.raises(UserError, match="where results are written"):
        run_job(replace(options, inputs=(options.out / "restored",), map=None))


def test_results_in_a_folder_that_cannot_be_written_are_one_line(options: RunOptions) -> None:
    options.out.write_text("a file")
    with pytest.raises(UserError, match="is a file"):
        run_job(options)


def test_a_full_disk_is_one_line(options: RunOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    run_job(options)
    monkeypatch.setattr("unmask.datagen.common.work_folder.write_atomic", full)
    with pytest.raises(UserError, match="No space left"):
        run_job(replace(options, existing="overwrite"))


def test_folders_are_walked_unless_told_not_to(options: RunOptions) -> None:
    assert [item.name for item in list_inputs(options).items] == ["a", "c.d", "sub/b"]
    flat = replace(options, recursive=False)
    assert [item.name for item in list_inputs(flat).items] == ["a", "c.d"]
    assert [item.name for item in list_inputs(replace(options, limit=1)).items] == ["a"]
    sub = replace(options, inputs=(options.inputs[0] / "sub", options.inputs[0] / "a.png"), map=None)
    assert [item.name for item in list_inputs(sub).items] == ["b", "a"]


def test_pictures_that_differ_only_in_their_extension_keep_it() -> None:
    assert result_names(["a.jpg", "a.png", "b.jpg"]) == ["a.jpg", "a.png", "b"]
    with pytest.raises(UserError, match="two pictures"):
        result_names(["a.jpg", "a.jpg"])


def test_what_is_no_input_is_one_line(options: RunOptions, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    (empty / "below").mkdir(parents=True)
    (empty / "below" / "a.png").write_bytes(b"")
    for changes, words in (
        ({"inputs": (tmp_path / "nothing",)}, "no such file"),
        ({"inputs": (empty,), "recursive": False}, "no picture in it .1 in folders below"),
        ({"inputs": ()}, "at least one"),
        ({"limit": 0}, "limit 0"),
        ({"existing": "maybe"}, "existing maybe"),
        ({"preset": "best"}, "preset best"),
        ({"preset": "fidelity"}, "give one of them"),
        ({"map": tmp_path / "none"}, "map"),
        ({"map": options.map / "a.png"}, "is one map, `inputs` are 3 pictures"),
        ({"map": options.map / "sub"}, "no map for 3 of 3 pictures, first a"),
    ):
        arguments: dict[str, Any] = changes
        with pytest.raises(UserError, match=words):
            run_job(replace(options, **arguments))
    shutil.rmtree(empty / "below")
    with pytest.raises(UserError, match="no picture in it; expected"):
        run_job(replace(options, inputs=(empty,)))
    assert not options.out.exists()


def test_wrong_weights_are_said_before_any_work(
    options: RunOptions, weights: dict[str, Path], tmp_path: Path
) -> None:
    for changes in ({"map_weights": weights["edit"]}, {"edit_weights": tmp_path / "none"}):
        arguments: dict[str, Any] = changes
        with pytest.raises(UserError):
            run_job(replace(options, **arguments))
    assert not options.out.exists()


def test_a_strip_shows_the_map_in_red_and_is_not_larger_than_a_screen() -> None:
    image = np.full((2000, 1000, 3), 100, np.uint8)
    map_ = np.zeros((2000, 1000), np.uint8)
    map_[:1000] = 255
    strip = draw_strip(image, map_, 0 * map_, image + 50)
    assert strip.shape == (1024, 3 * 512, 3)
    assert strip[100, 100].tolist() == [100, 100, 100]
    assert strip[100, 700].tolist() == [165, 65, 65]
    assert strip[900, 700].tolist() == [100, 100, 100]
    assert strip[100, 1200].tolist() == [150, 150, 150]


def test_progress_counts_all_pictures(options: RunOptions) -> None:
    seen: list[tuple[int, int, int]] = []
    report: RunReport = run_job(options, lambda *numbers: seen.append(numbers))
    assert seen == [(1, 3, 0), (2, 3, 0), (3, 3, 0)]
    assert report.seconds > 0
    seen.clear()
    run_job(options, lambda *numbers: seen.append(numbers))
    assert seen[-1] == (3, 3, 3)


def test_names_that_leave_no_room_for_an_ending_are_cut_and_every_picture_is_done(
    options: RunOptions, pictures: Path, tmp_path: Path
) -> None:
    folder, maps = tmp_path / "long", tmp_path / "long-maps"
    folder.mkdir()
    maps.mkdir()
    names = ["x" * 250, "x" * 249 + "y", "z"]
    for name in names:
        shutil.copyfile(pictures / "a.png", folder / f"{name}.png")
        map_ = np.zeros(SIZES["a"], np.uint8)
        map_[map_.shape[0] // 2 :, map_.shape[1] // 4 : -(map_.shape[1] // 4)] = 255
        (maps / f"{name}.png").write_bytes(encode_png(map_))
    report = run_job(replace(options, inputs=(folder,), map=maps, aligned=True))
    assert report.done == 3
    assert sum(report.counts.values()) == 3
    made = sorted(path.stem for path in (options.out / "restored").iterdir())
    assert len(made) == 3
    assert made[2] == "z"
    assert all(len(name) == 200 and re.fullmatch("x+~[0-9a-f]{8}", name) for name in made[:2])
    assert run_job(replace(options, inputs=(folder,), map=maps, aligned=True)).resumed == 3


def test_every_face_has_a_row_with_its_box_and_what_became_of_it(options: RunOptions, tmp_path: Path) -> None:
    run_job(options)
    faces = list(csv.DictReader((options.out / "faces.csv").read_text(encoding="utf-8").splitlines()))
    assert [face["name"] for face in faces] == sorted(SIZES)
    for face in faces:
        height, width = SIZES[face["name"]]
        assert float(face["left"]) + float(face["right"]) == pytest.approx(width, abs=0.02)
        assert float(face["top"]) + float(face["bottom"]) == pytest.approx(height, abs=0.02)
        assert float(face["right"]) - float(face["left"]) == pytest.approx(40, abs=0.02)
        assert (face["face"], face["score"], face["status"]) == ("1", "5.0", "ok")
    before = (options.out / "faces.csv").read_bytes()
    assert run_job(options).resumed == 3
    assert (options.out / "faces.csv").read_bytes() == before


def test_faces_below_the_score_that_is_asked_for_are_left_and_counted(
    options: RunOptions, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mask(module: object, picture: PicturePyramid, frame: np.ndarray, slack: float) -> FaceMask:
        x, y = np.rint(frame @ (88.5, 150.0, 1.0)).astype(int).tolist()
        return FaceMask.of_body(Patch(x - 4, y - 4, np.full((9, 9), 255, np.uint8)))

    monkeypatch.setattr("unmask.model.inference.photo.segment_face", mask)
    report = run_job(replace(options, map=None, least_score=5.5))
    assert report.counts["unsure"] == 3
    assert report.faces_left() == "3 not sure to be faces"
    assert np.array_equal(read(options.out / "restored" / "a.png"), read(pictures / "a.png"))
    changed = replace(options, map=None, existing="overwrite")
    assert run_job(changed).counts["ok"] == 3
    assert not np.array_equal(read(options.out / "restored" / "a.png"), read(pictures / "a.png"))


def test_one_picture_goes_to_one_file_and_nothing_else_is_left(
    options: RunOptions, pictures: Path, maps: Path, tmp_path: Path
) -> None:
    run_job(replace(options, inputs=(pictures / "a.png",), map=maps / "a.png"))
    one = replace(options, inputs=(pictures / "a.png",), map=maps / "a.png", out=tmp_path / "one" / "r.png")
    with pytest.raises(UserError, match="is no folder"):
        run_job(one)
    one.out.parent.mkdir()
    report = run_job(one)
    assert (report.out, report.counts["ok"]) == (one.out, 1)
    assert one.out.read_bytes() == (options.out / "restored" / "a.png").read_bytes()
    assert [path.name for path in one.out.parent.iterdir()] == ["r.png"]
    for changes, words in (
        ({}, "is there already"),
        ({"out": tmp_path / "r.jpg"}, "results are PNG"),
        ({"out": tmp_path / "b.png", "inputs": (pictures,), "map": maps}, "one picture; name a folder"),
        ({"out": tmp_path / "b.png", "side_by_side": True}, "goes with a folder"),
        ({"out": pictures / "a.png", "existing": "overwrite"}, "itself; name another file"),
    ):
        with pytest.raises(UserError, match=words):
            run_job(replace(one, **changes))
    assert run_job(replace(one, existing="overwrite")).counts["ok"] == 1
