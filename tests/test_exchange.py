"""What all exports share: links, resume, overwrite, splits, classes, several faces, one line for what is wrong."""

import csv
import errno
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from exchange_support import contents, exported, iou, read_map

import unmask
from unmask.cli.data import main
from unmask.datagen.common.errors import UserError
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.manifest import iterate_manifest, read_attribute_names, write_manifest
from unmask.datagen.dataset.options import BuildOptions
from unmask.datagen.dataset.splits import choose_split
from unmask.datagen.exchange import export as export_module
from unmask.datagen.exchange import place as place_module
from unmask.datagen.exchange.instances import split_instances
from unmask.datagen.exchange.kinds import KINDS
from unmask.datagen.exchange.polygons import join, trace
from unmask.datagen.exchange.rows import WornMask
from unmask.datagen.exchange.writer import portable_key
from unmask.datagen.faces.landmark_table import write_landmark_table
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.pictures.picture import encode_png

# Those that this environment can write; the others are left out with a word in test_exchange_formats.
WRITABLE = [
    name for name, kind in KINDS.items() if not kind.needs or export_module.find_spec(kind.needs) is not None
]


def change_rows(data: Path, **changes: object) -> None:
    path = data / "manifest.csv"
    rows = [replace(row, **changes) for row in iterate_manifest(path)]
    write_manifest(path, rows, read_attribute_names(path))


@pytest.fixture
def data(built_once: Path, tmp_path: Path) -> Path:
    """A copy of the drawn faces' dataset, to change."""
    return Path(shutil.copytree(built_once, tmp_path / "data"))


# ---- polygons ----------------------------------------------------------------------------------------------


def filled(rings: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    from skimage.draw import polygon2mask

    found = np.zeros(shape, bool)
    for ring in rings:
        found |= polygon2mask(shape, ring[:, ::-1] - 0.5)
    return found


def disc(shape: tuple[int, int], x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.indices(shape)
    return np.hypot(columns - x, rows - y) < radius


def test_rings_with_holes_islands_in_holes_and_parts_at_the_edge_give_the_map_back():
    shape = (90, 130)
    map_ = disc(shape, 45, 45, 40) & ~disc(shape, 30, 40, 9) & ~disc(shape, 60, 55, 12) | disc(
        shape, 60, 55, 5
    )
    map_[:20, 110:] = True
    map_[4:9, 115:120] = False
    rings = trace((map_ * 255).astype(np.uint8))
    assert len(rings) == 3
    assert iou(filled(rings, shape), map_) > 0.99
    assert iou(filled([join(rings)], shape), map_) > 0.99


def test_an_empty_and_a_full_map_and_a_single_pixel_are_traced():
    assert trace(np.zeros((8, 9), np.uint8)) == []
    (ring,) = trace(np.full((8, 9), 255, np.uint8))
    assert filled([ring], (8, 9)).all()
    assert ring.min() == 0
    assert ring.max(axis=0).tolist() == [9, 8]
    map_ = np.zeros((8, 9), np.uint8)
    map_[3, 4] = 255
    assert np.argwhere(filled(trace(map_), (8, 9))).tolist() == [[3, 4]]


# ---- several faces -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two_faces(draw_face: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of one picture with two faces beside each other."""
    folder = tmp_path_factory.mktemp("two")
    (left, points), (right, others) = draw_face(1), draw_face(2)
    (folder / "faces").mkdir()
    (folder / "faces/both.png").write_bytes(encode_png(np.hstack([left, right])))
    moved = Landmarks(others.points + np.array([left.shape[1], 0], np.float32), "drawn")
    write_landmark_table(folder / "points.csv", [("both.png", "", (points, moved))])
    build(BuildOptions(str(folder / "faces"), folder / "out", seed=3, landmarks=folder / "points.csv"))
    return folder / "out"


def test_each_face_of_a_picture_is_an_instance_of_its_own_family(two_faces: Path, tmp_path: Path):
    (row,) = iterate_manifest(two_faces / "manifest.csv")
    assert row.faces == 2
    report = exported(two_faces, "yolo", tmp_path / "yolo")
    lines = (tmp_path / "yolo/labels/train/both_00.txt").read_text().splitlines()
    families = {face["mask"]["family"] for face in json.loads(row.recipe)["faces"]}
    assert {report.classes[int(line.split()[0])] for line in lines} == families
    sides = [np.array(line.split()[1:], float)[::2].mean() < 0.5 for line in lines]
    assert sorted(sides) == [False, True]
    exported(two_faces, "mmseg", tmp_path / "mmseg")
    labels = read_map(tmp_path / "mmseg/ann_dir/train/both_00.png")
    assert np.array_equal(labels > 0, read_map(two_faces / row.map) >= 128)


def test_masks_that_touch_are_divided_between_the_faces(draw_face: Callable):
    points = draw_face(0)[1]
    left = WornMask("a", "", "", "", "", points)
    right = WornMask("b", "", "", "", "", Landmarks(points.points + np.array([178, 0], np.float32), "drawn"))
    map_ = np.zeros((218, 356), np.uint8)
    map_[120:180, 20:330] = 255
    ours, theirs = split_instances(map_, [left, right])
    assert np.array_equal(ours.covered | theirs.covered, map_ > 0)
    assert not (ours.covered & theirs.covered).any()
    assert abs(int(ours.covered.sum()) - int(theirs.covered.sum())) < 0.2 * ours.covered.sum()


# ---- splits, classes, names --------------------------------------------------------------------------------


def test_without_splits_the_same_pictures_judge_as_in_training(data: Path, tmp_path: Path):
    change_rows(data, split="", identity="")
    report = exported(data, "yolo", tmp_path / "yolo")
    rows = [replace_name(row) for row in iterate_manifest(data / "manifest.csv")]
    val = {item.key for item in choose_split(rows, "x").val}
    there = {path.stem for path in (tmp_path / "yolo/images/val").iterdir()}
    assert there == val
    assert "unmask-train draws them" in report.notes[0]


class Named:
    def __init__(self, key: str, name: str) -> None:
        self.key, self.name, self.split, self.identity = key, name, "", ""


def replace_name(row) -> Named:
    return Named(row.key, row.source)


def test_the_limit_takes_the_first_triplets_of_the_split(built_once: Path, tmp_path: Path):
    report = exported(built_once, "mmseg", tmp_path / "out", split="val", limit=1)
    first = next(row for row in iterate_manifest(built_once / "manifest.csv") if row.split == "val")
    assert report.splits == {"val": 1}
    assert [path.stem for path in (tmp_path / "out/img_dir/val").iterdir()] == [first.key]


def test_classes_are_numbered_alike_whatever_families_a_dataset_has(data: Path, tmp_path: Path):
    before = exported(data, "yolo", tmp_path / "one").classes
    change_rows(data, family="surgical")
    assert exported(data, "yolo", tmp_path / "two").classes == before
    change_rows(data, family="burlap")
    assert exported(data, "yolo", tmp_path / "three").classes == (*before, "burlap")
    change_rows(data, family="")
    assert exported(data, "yolo", tmp_path / "four").classes == ("mask",)


def test_rows_csv_keeps_split_identity_and_attributes(built_once: Path, tmp_path: Path):
    exported(built_once, "pix2pix", tmp_path / "out")
    with (tmp_path / "out/rows.csv").open(newline="") as file:
        told = {row["key"]: row for row in csv.DictReader(file)}
    for row in iterate_manifest(built_once / "manifest.csv"):
        assert (told[row.key]["split"], told[row.key]["identity"]) == (row.split, row.identity)
        assert told[row.key]["attr_Male"] in "01"


def test_keys_of_formats_that_end_a_name_at_a_dot_have_none_and_stay_apart():
    keys = ["a.b_00", "a%2Eb_00", "a b_00", "ä_00", "a\udcff_00", "a_00"]
    portable = [portable_key(key) for key in keys]
    assert len(set(portable)) == len(keys)
    assert all(key.isascii() and "." not in key and "/" not in key for key in portable)
    assert portable[-1] == "a_00"


# ---- files -------------------------------------------------------------------------------------------------


def test_pictures_that_nothing_changes_are_linked_and_with_copy_copied(built_once: Path, tmp_path: Path):
    linked = exported(built_once, "hf", tmp_path / "linked")
    copied = exported(built_once, "hf", tmp_path / "copied", copy=True)
    assert linked.files["linked"] == copied.files["copied"] == 36
    assert linked.files["copied"] == copied.files["linked"] == 0
    assert contents(tmp_path / "linked") == contents(tmp_path / "copied")


def test_a_file_system_without_links_gets_copies(built_once: Path, tmp_path: Path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(place_module.os, "link", refuse)
    assert exported(built_once, "hf", tmp_path / "out").files["copied"] == 36


class KilledError(BaseException):
    pass


@pytest.mark.parametrize("format_", WRITABLE)
def test_a_killed_export_goes_on_to_the_same_bytes(
    format_: str, built_once: Path, tmp_path: Path, monkeypatch
):
    whole = exported(built_once, format_, tmp_path / "whole", shard_rows=2)
    writer = KINDS[format_].writer
    add, added = writer.add, []

    def add_some(self, one) -> None:
        if len(added) == 7:
            raise KilledError
        added.append(one)
        add(self, one)

    monkeypatch.setattr(writer, "add", add_some)
    with pytest.raises(KilledError):
        exported(built_once, format_, tmp_path / "killed", shard_rows=2)
    monkeypatch.setattr(writer, "add", add)
    left = tmp_path / "killed/data/left.png.part"  # as a kill would leave it
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"half")
    again = exported(built_once, format_, tmp_path / "killed", shard_rows=2)
    assert not left.exists()
    assert again.splits == whole.splits
    if format_ == "lmdb":  # its pages lie in another order
        assert lmdb_content(tmp_path / "killed") == lmdb_content(tmp_path / "whole")
    else:
        assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
        assert again.files["kept"] > 0


def lmdb_content(folder: Path) -> dict[str, object]:
    import lmdb

    found: dict[str, object] = contents(folder, lambda name: name.endswith(".mdb"))
    for path in folder.glob("*/*.lmdb"):
        with lmdb.open(str(path), readonly=True, lock=False) as base, base.begin() as read:
            found[path.relative_to(folder).as_posix()] = list(read.cursor())
    return found


def test_overwrite_removes_what_the_export_made_and_nothing_else(built_once: Path, tmp_path: Path):
    dest = tmp_path / "out"
    exported(built_once, "hf", dest)
    (dest / "train/mine.txt").write_text("mine")
    exported(built_once, "mmseg", dest, split="val", existing="overwrite")
    left = contents(dest)
    assert left.pop("train/mine.txt") == b"mine"
    exported(built_once, "mmseg", tmp_path / "fresh", split="val")
    assert left == contents(tmp_path / "fresh")
    assert (built_once / "masked/000001_00.png").is_file()


def test_the_same_command_again_keeps_every_file(built_once: Path, tmp_path: Path):
    exported(built_once, "mmseg", tmp_path / "out")
    before = contents(tmp_path / "out")
    again = exported(built_once, "mmseg", tmp_path / "out")
    assert (again.files["linked"], again.files["made"], again.files["kept"]) == (0, 0, 25)
    assert contents(tmp_path / "out") == before


def test_python_exports_as_the_command_does(built_once: Path, tmp_path: Path, capfd):
    told = unmask.export_dataset(built_once, "hf", tmp_path / "python", split="val")
    assert main(["export", str(built_once), "hf", str(tmp_path / "command"), "--split", "val"]) == 0
    assert f"{told.splits['val']} triplets (val {told.splits['val']})" in capfd.readouterr().out
    assert contents(tmp_path / "python") == contents(tmp_path / "command")


# ---- what is wrong -----------------------------------------------------------------------------------------


def refused(capfd, *arguments: object) -> str:
    assert main(["export", *map(str, arguments)]) == 2
    lines = capfd.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


def test_wrong_arguments_are_one_line_and_nothing_is_written(built_once: Path, tmp_path: Path, capfd):
    dest = tmp_path / "out"
    for arguments, words in [
        (("cocoo", dest), "FORMAT cocoo: did you mean coco? there are coco, yolo"),
        (("tfrecord", dest), "FORMAT tfrecord: there are coco"),
        (("hf", dest, "--split", "tset"), "--split tset: expected one of train, val, test, all"),
        (("hf", dest, "--split", "test"), "--split test: OUT"),
        (("hf", dest, "--limit", "0"), "--limit 0: expected at least 1"),
        (("hf", dest, "--existing", "no"), "--existing no: expected one of"),
        (("hf", dest, "--classes", "mask"), "--classes mask: hf has no classes"),
        (("yolo", dest, "--classes", "all"), "--classes all: expected one of family, mask"),
        (("yolo", dest, "--layers"), "--layers: yolo has no place for them"),
        (("webdataset", dest, "--shard-rows", "0"), "--shard-rows 0: expected at least 1"),
        (("hf", built_once / "exports"), "lies inside OUT"),
        (("hf", built_once), "lies inside OUT"),
        (("hf", built_once.parent), "holds OUT"),
    ]:
        assert words in refused(capfd, built_once, *arguments)
    assert not dest.exists()
    assert not (built_once / "exports").exists()


def test_what_is_no_finished_dataset_is_one_line(data: Path, two_faces: Path, tmp_path: Path, capfd):
    dest = tmp_path / "out"
    assert "no such folder" in refused(capfd, tmp_path / "nobody", "hf", dest)
    (tmp_path / "empty").mkdir()
    assert "no dataset there" in refused(capfd, tmp_path / "empty", "hf", dest)
    assert "--layers" in refused(capfd, two_faces, "hf", dest, "--layers")
    (data / "map/000001_00.png").unlink()
    (data / "masked/000002_00.png").unlink()
    assert "2 files missing or not readable, first map/000001_00.png" in refused(capfd, data, "hf", dest)
    card = json.loads((data / "build.json").read_text())
    (data / "build.json").write_text(json.dumps(card | {"status": "running"}))
    assert "did not finish" in refused(capfd, data, "hf", dest)
    assert not dest.exists()


def test_a_folder_that_holds_something_else_is_one_line(built_once: Path, tmp_path: Path, capfd):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/thesis.txt").write_text("mine")
    assert "has files but no export.json" in refused(capfd, built_once, "hf", tmp_path / "full")
    (tmp_path / "file").write_text("mine")
    assert "is a file, not a folder" in refused(capfd, built_once, "hf", tmp_path / "file")
    exported(built_once, "hf", tmp_path / "out")
    again = (built_once, "hf", tmp_path / "out")
    assert "holds an export, and --existing fail was given" in refused(capfd, *again, "--existing", "fail")
    assert "FORMAT was hf, now mmseg" in refused(capfd, built_once, "mmseg", tmp_path / "out")
    assert "--limit was unset, now 3" in refused(capfd, *again, "--limit", 3)


def test_another_dataset_into_the_same_folder_is_one_line(data: Path, tmp_path: Path, capfd):
    exported(data, "hf", tmp_path / "out")
    change_rows(data, identity="somebody")
    assert "another OUT" in refused(capfd, data, "hf", tmp_path / "out")


def test_a_missing_extra_is_one_line_that_says_how_to_get_it(
    built_once: Path, tmp_path: Path, monkeypatch, capfd
):
    monkeypatch.setattr(export_module, "find_spec", lambda name: None)
    for format_ in ("coco", "lmdb", "parquet"):
        words = f"FORMAT {format_}: needs the extra 'interchange': pip install 'unmask[interchange]'"
        assert words in refused(capfd, built_once, format_, tmp_path / "out")
    assert exported(built_once, "yolo", tmp_path / "out").splits


def test_a_full_disk_is_one_line_and_the_same_command_goes_on(
    built_once: Path, tmp_path: Path, monkeypatch, capfd
):
    write, left = place_module.write_atomic, [5]

    def fill(path: Path, content: bytes) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write(path, content)

    monkeypatch.setattr(place_module, "write_atomic", fill)
    words = refused(capfd, built_once, "mmseg", tmp_path / "out")
    assert "No space left on device; mend that and the same command resumes" in words
    monkeypatch.setattr(place_module, "write_atomic", write)
    exported(built_once, "mmseg", tmp_path / "out")
    exported(built_once, "mmseg", tmp_path / "fresh")
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


def test_a_damaged_picture_is_one_line_that_names_it(data: Path, tmp_path: Path, capfd):
    (data / "map/000003_00.png").write_bytes(b"text")
    assert "map/000003_00.png" in refused(capfd, data, "yolo", tmp_path / "out")


def test_names_that_lead_out_of_the_dataset_or_the_folder_are_refused(data: Path, tmp_path: Path, capfd):
    exported(data, "mmseg", tmp_path / "out")
    (tmp_path / "precious.txt").write_text("mine")
    with (tmp_path / "out/.files.jsonl").open("a") as file:
        file.write('["../precious.txt"]\n')
    line = refused(capfd, data, "mmseg", tmp_path / "out", "--existing", "overwrite")
    assert "no file inside" in line
    assert (tmp_path / "precious.txt").read_text() == "mine"
    change_rows(data, masked="../precious.txt")
    with pytest.raises(UserError, match="no file inside"):
        exported(data, "mmseg", tmp_path / "other")
