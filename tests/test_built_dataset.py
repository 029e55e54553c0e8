import csv
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.datagen.common.errors import UserError
from unmask.datagen.dataset.built import BuiltDataset
from unmask.datagen.dataset.manifest import RowReader, iterate_manifest, write_manifest
from unmask.datagen.dataset.manifest_row import ManifestRow
from unmask.datagen.pictures.picture import fit_picture


@pytest.fixture
def copied(built_once: Path, tmp_path: Path) -> Path:
    """The dataset, to be changed."""
    return Path(shutil.copytree(built_once, tmp_path / "data"))


def rewrite(folder: Path, change: Callable[[int, dict[str, str]], None]) -> None:
    path = folder / "manifest.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows):
        change(number, row)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def test_items_are_the_files_and_rows_those_of_the_manifest(built_once: Path):
    dataset = BuiltDataset(built_once)
    rows = list(iterate_manifest(built_once / "manifest.csv"))
    assert len(dataset) == len(rows) == 12
    for index in (0, 5, -1):
        item, row = dataset[index], rows[index]
        assert item["key"] == row.key
        assert dataset.row(index) == row
        assert np.array_equal(item["masked"], cv2.imread(str(built_once / row.masked))[..., ::-1])
        assert np.array_equal(item["map"], cv2.imread(str(built_once / row.map), cv2.IMREAD_UNCHANGED))
        assert np.array_equal(item["clean"], cv2.imread(str(built_once / row.clean))[..., ::-1])
    with pytest.raises(IndexError, match="12 of 12"):
        dataset[12]
    with pytest.raises(IndexError):
        dataset.row(-13)


def test_an_item_can_be_fitted_and_carry_its_row_as_texts(built_once: Path):
    plain, dataset = BuiltDataset(built_once), BuiltDataset(str(built_once), size=64, row=True)
    item = dataset[3]
    assert np.array_equal(item["masked"], fit_picture(plain[3]["masked"], (64, 64)))
    with (built_once / "manifest.csv").open(newline="") as file:
        assert item["row"] == list(csv.DictReader(file))[3]


def test_rows_without_a_triplet_are_passed_over(copied: Path):
    rewrite(copied, lambda number, row: row.update(status="ok" if number % 3 else "no_face"))
    dataset = BuiltDataset(copied)
    assert len(dataset) == 8
    assert [dataset.row(i).key for i in range(8)] == [dataset[i]["key"] for i in range(8)]


def test_split_families_and_limit_choose(copied: Path):
    rewrite(copied, lambda number, row: row.update(family="scarf" if number in (1, 6, 7) else "cloth"))
    assert [len(BuiltDataset(copied, split=name)) for name in ("train", "val", "all")] == [8, 4, 12]
    judged = BuiltDataset(copied, split="val")
    assert {judged.row(i).split for i in range(4)} == {"val"}
    scarves = BuiltDataset(copied, families=["scarf"])
    assert [scarves.row(i).family for i in range(len(scarves))] == ["scarf"] * 3
    assert len(BuiltDataset(copied, families="scarf", limit=2)) == 2


def test_what_cannot_be_chosen_is_named(copied: Path, tmp_path: Path):
    for given, words in (
        ({"split": "trian"}, "split trian: expected one of train, val, test, all"),
        ({"families": ["veil"]}, "no triplet is left with the families"),
        ({"limit": 0}, "limit 0: expected at least 1"),
    ):
        with pytest.raises(UserError, match=words):
            BuiltDataset(copied, **given)
    with pytest.raises(UserError, match=r"^data .*nowhere: no such folder"):
        BuiltDataset(tmp_path / "nowhere")
    rewrite(copied, lambda _, row: row.update(split=""))
    with pytest.raises(UserError, match=r"split val: data .* has no triplet in it; splits there: none"):
        BuiltDataset(copied, split="val")


def test_a_row_cannot_name_a_file_outside_of_the_dataset(copied: Path):
    shutil.copy(copied / "masked" / "000001_00.png", copied.parent / "outside.png")
    rewrite(copied, lambda number, row: row.update(masked="../outside.png") if number == 0 else None)
    with pytest.raises(UserError, match="000001_00"):
        BuiltDataset(copied)


def test_it_travels_to_other_processes_and_an_epoch_changes_nothing(built_once: Path):
    dataset = BuiltDataset(built_once)
    dataset.row(0)
    again = pickle.loads(pickle.dumps(dataset))
    again.set_epoch(3)
    assert (dataset.epoch, again.epoch) == (0, 3)
    assert np.array_equal(dataset[2]["masked"], again[2]["masked"])


def test_rows_are_found_among_names_with_quotes_and_line_ends(tmp_path: Path):
    names = ['a"b.jpg', "two\nlines.jpg", 'x"\n"y.jpg', "long.jpg", "plain.jpg", "caf\udce9.jpg"]
    rows = [ManifestRow(name, name, "", 0, recipe="r" * (200_000 * (name == "long.jpg"))) for name in names]
    path = tmp_path / "manifest.csv"
    write_manifest(path, rows)
    reader = RowReader(path)
    assert [reader.read(number) for number in (3, 1, 0, 5, 2, 4)] == [rows[i] for i in (3, 1, 0, 5, 2, 4)]
