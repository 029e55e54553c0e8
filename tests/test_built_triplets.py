import csv
import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.datagen.common.errors import UserError
from unmask.datagen.dataset.built_rows import filter_families, read_rows
from unmask.datagen.dataset.manifest import iterate_manifest
from unmask.datagen.pictures.picture import fit_picture
from unmask.model.data.built import BuiltTriplets
from unmask.model.data.options import DataOptions
from unmask.model.data.training_triplet import seen_straps
from unmask.model.data.triplets import open_triplets

OWN_SIZE = (178, 218)


@pytest.fixture
def copied(built_once: Path, tmp_path: Path) -> Path:
    """The dataset, to be damaged."""
    return Path(shutil.copytree(built_once, tmp_path / "data"))


def rewrite(folder: Path, change: Callable[[dict[str, str]], None]) -> None:
    path = folder / "manifest.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        change(row)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read(folder: Path, name: str) -> np.ndarray:
    return cv2.imread(str(folder / name), cv2.IMREAD_UNCHANGED)


def test_triplets_are_the_pixels_of_the_files(built_once: Path):
    triplets = BuiltTriplets(built_once, read_rows(built_once), OWN_SIZE)
    manifest = list(iterate_manifest(built_once / "manifest.csv"))
    assert len(triplets) == len(manifest) == 12
    for index, row in enumerate(manifest):
        masked, map_, clean, straps = triplets.get(index, 0)
        assert np.array_equal(straps, seen_straps(read(built_once, f"layers/{row.key}.png")[..., ::-1]))
        assert triplets.keys(index) == row.key
        assert np.array_equal(masked, read(built_once, row.masked)[..., ::-1])
        assert np.array_equal(map_, read(built_once, row.map))
        assert np.array_equal(clean, read(built_once, row.clean)[..., ::-1])


def test_another_size_is_the_fit_of_all_three(built_once: Path):
    own = BuiltTriplets(built_once, read_rows(built_once), OWN_SIZE)
    small = BuiltTriplets(built_once, read_rows(built_once), (64, 64))
    for ours, full in zip(small.get(3, 0), own.get(3, 0), strict=True):
        assert np.array_equal(ours, fit_picture(full, (64, 64)))


def test_half_of_the_training_pictures_are_mirrored_differently_in_each_epoch(built_once: Path):
    rows = read_rows(built_once)
    plain = BuiltTriplets(built_once, rows, OWN_SIZE)
    flipping = BuiltTriplets(built_once, rows, OWN_SIZE, seed=3, flip=True)
    mirrored = np.zeros((4, len(rows)), bool)
    for epoch in range(4):
        for index in range(len(rows)):
            ours, usual = flipping.get(index, epoch), plain.get(index, epoch)
            mirrored[epoch, index] = not np.array_equal(ours[0], usual[0])
            step = -1 if mirrored[epoch, index] else 1
            assert all(np.array_equal(a, b[:, ::step]) for a, b in zip(ours, usual, strict=True))
    assert 0.25 < mirrored.mean() < 0.75
    assert len({tuple(row) for row in mirrored}) == 4


def test_the_splits_train_and_judge_and_validation_is_never_mirrored(built_once: Path):
    options = DataOptions(data=built_once, size=64)
    splits = open_triplets(options)
    who = {row.key: row.identity for row in read_rows(built_once)}
    assert [who[splits.train.keys(i)] for i in range(len(splits.train))] == ["1"] * 4 + ["3"] * 4
    assert {who[splits.val.keys(i)] for i in range(len(splits.val))} == {"2"}
    assert len(splits.val) == 4
    assert all(map(np.array_equal, splits.val.get(1, 0), splits.val.get(1, 9)))
    other = open_triplets(replace(options, seed=4, limit=3, val_pictures=2))
    assert len(other.train) == 3
    assert [other.val.keys(i) for i in range(2)] == [splits.val.keys(i) for i in range(2)]
    assert other.fingerprint != splits.fingerprint == open_triplets(options).fingerprint


def test_without_jitter_nothing_is_mirrored(built_once: Path):
    train = open_triplets(DataOptions(data=built_once, jitter=False)).train
    for index in range(len(train)):
        assert np.array_equal(train.get(index, 0)[0], train.get(index, 1)[0])


def test_held_out_families_judge_and_never_train(copied: Path):
    families = iter(["cloth", "scarf", "cloth", "cloth"] * 3)
    rewrite(copied, lambda row: row.update(family=next(families)))
    rows = {row.key: row for row in read_rows(copied)}
    splits = open_triplets(DataOptions(data=copied, holdout_families=("scarf",)))
    worn = [{rows[part.keys(i)].families for i in range(len(part))} for part in (splits.train, splits.val)]
    assert worn == [{frozenset({"cloth"})}, {frozenset({"scarf"})}]
    with pytest.raises(UserError, match=r"holdout_families: unknown family 'veil'; known: cloth, scarf"):
        open_triplets(DataOptions(data=copied, holdout_families=("veil",)))


def test_a_second_face_with_a_held_out_family_keeps_a_picture_from_training(copied: Path):
    def second_face(row: dict[str, str]) -> None:
        if row["key"] == "000001_00":
            recipe = json.loads(row["recipe"])
            first = recipe["faces"][0]
            recipe["faces"].append(first | {"mask": first["mask"] | {"family": "veil"}})
            row.update(faces="2", recipe=json.dumps(recipe))

    rewrite(copied, second_face)
    rows = read_rows(copied)
    assert "veil" in rows[0].families
    assert rows[0] not in filter_families(copied, rows, None, ["veil"])
    with pytest.raises(UserError, match="no triplet is left with the families"):
        filter_families(copied, rows, ["veil"])


def test_a_dataset_that_is_not_there_unfinished_or_empty_is_named(copied: Path, tmp_path: Path):
    with pytest.raises(UserError, match=r"^data .*nothing: no such folder"):
        read_rows(tmp_path / "nothing")
    with pytest.raises(UserError, match=r"no manifest.csv in it: not a dataset of unmask-data build"):
        read_rows(tmp_path)
    rewrite(copied, lambda row: row.update(status="no_face"))
    with pytest.raises(UserError, match=r"an empty dataset"):
        open_triplets(DataOptions(data=copied))


def test_missing_files_are_counted_and_the_first_is_named(copied: Path):
    (copied / "map" / "000002_01.png").unlink()
    with pytest.raises(UserError, match=r"1 file is missing .*, first map/000002_01.png$"):
        read_rows(copied)
    shutil.rmtree(copied / "masked")
    with pytest.raises(UserError, match=r"13 files are missing .*, first map/000002_01.png$"):
        read_rows(copied)


def test_pictures_of_different_sizes_are_refused_before_any_work(copied: Path):
    cv2.imwrite(str(copied / "map" / "000001_00.png"), np.zeros((218, 170), np.uint8))
    with pytest.raises(
        UserError,
        match=r"pictures of 000001_00 differ in size: masked 178x218, map 170x218, clean 178x218",
    ):
        open_triplets(DataOptions(data=copied))


def test_a_file_that_is_damaged_later_is_named(copied: Path):
    triplets = BuiltTriplets(copied, read_rows(copied), OWN_SIZE)
    cv2.imwrite(str(copied / "map" / "000001_01.png"), np.zeros((50, 60), np.uint8))
    with pytest.raises(UserError, match=r"pictures of 000001_01 differ in size: masked 178x218, map 60x50"):
        triplets.get(1, 0)
    (copied / "map" / "000001_01.png").write_bytes(b"gone")
    with pytest.raises(UserError, match=r"map/000001_01.png: "):
        triplets.get(1, 0)
    (copied / "map" / "000001_01.png").unlink()
    with pytest.raises(UserError, match=r"map/000001_01.png cannot be read: No such file"):
        triplets.get(1, 0)


def test_triplets_travel_to_other_processes(built_once: Path):
    train = open_triplets(DataOptions(data=built_once)).train
    sent = pickle.loads(pickle.dumps(train))
    assert all(map(np.array_equal, sent.get(2, 1), train.get(2, 1)))
