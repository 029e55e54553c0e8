import csv
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.datagen.common.errors import UserError
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.build_report import Progress
from unmask.datagen.dataset.manifest import iterate_manifest, read_manifest
from unmask.datagen.dataset.options import BuildOptions, parse_size
from unmask.datagen.pictures.picture import decode_picture

Options = Callable[..., BuildOptions]


def test_every_picture_and_variant_has_exactly_one_row_and_its_files(built_once: Path):
    table = read_manifest(built_once / "manifest.csv")
    assert list(zip(table["source"], table["variant"], strict=True)) == [
        (f"{n:06d}.jpg", v) for n in range(1, 7) for v in (0, 1)
    ]
    assert set(table["status"]) == {"ok"}
    assert list(table["key"])[:2] == ["000001_00", "000001_01"]
    assert sorted(path.name for path in built_once.iterdir()) == [
        "build.json", "clean", "landmarks.csv", "layers", "manifest.csv", "map", "masked",
    ]  # fmt: skip
    for column, count in (("masked", 12), ("map", 12), ("clean", 6)):
        names = set(table[column])
        assert len(names) == count
        assert names == {f"{column}/{path.name}" for path in (built_once / column).iterdir()}


def test_attributes_identity_and_split_are_those_of_the_source(built_once: Path, drawn_celeba: Path):
    table = read_manifest(built_once / "manifest.csv")
    assert sum(column.startswith("attr_") for column in table.columns) == 40
    lines = (drawn_celeba / "list_attr_celeba.txt").read_text().splitlines()
    smiling = lines[1].split().index("Smiling") + 1
    expected = [int(line.split()[smiling]) == 1 for line in lines[2:]]
    assert [value == 1 for value in table["attr_Smiling"][::2]] == expected
    assert all(table["identity"] != "")
    assert set(table["split"]) <= {"train", "val", "test"}


def test_clean_is_a_byte_copy_and_masked_equals_it_off_the_mask(built_once: Path, drawn_jpegs: list[bytes]):
    for row in iterate_manifest(built_once / "manifest.csv"):
        data = (built_once / row.clean).read_bytes()
        assert data == drawn_jpegs[int(row.source[:6]) - 1]
        assert hashlib.sha256(data).hexdigest() == row.source_sha256
        clean = decode_picture(data).image_rgb
        masked = decode_picture((built_once / row.masked).read_bytes()).image_rgb
        alpha = cv2.imread(str(built_once / row.map), cv2.IMREAD_UNCHANGED)
        layers = cv2.imread(str(built_once / "layers" / f"{row.key}.png"))
        assert alpha.shape == (218, 178) == (row.height, row.width)
        off = (alpha == 0) & ~layers.any(axis=2)
        assert off.any()
        assert np.array_equal(masked[off], clean[off])
        assert not np.array_equal(masked[alpha > 250], clean[alpha > 250])


def test_build_json_tells_options_versions_source_and_counts(built_once: Path):
    told = json.loads((built_once / "build.json").read_text())
    assert told["status"] == "complete"
    assert told["toolkit"]["unmask"]
    assert told["config"]["seed"] == 1
    assert told["config"]["recipe"]["families"]
    assert told["source"]["pictures"] == 6
    assert told["counts"] == {
        "ok": 12, "no_face": 0, "many_faces": 0, "too_small": 0, "unreadable": 0, "rejected": 0,
    }  # fmt: skip
    assert set(told["timings"]["stage_seconds"]) == {
        "read",
        "decode",
        "landmarks",
        "prepare",
        "mask",
        "encode",
        "write",
    }


def test_two_processes_give_the_bytes_of_one(options: Options, tmp_path: Path, tree):
    build(options(out=tmp_path / "one", variants=2, workers=1))
    build(options(out=tmp_path / "two", variants=2, workers=2))
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_another_seed_gives_other_masks(options: Options, tmp_path: Path):
    for seed in (1, 2):
        build(options(out=tmp_path / str(seed), seed=seed, limit=2))
    recipes = [[r.recipe for r in iterate_manifest(tmp_path / s / "manifest.csv")] for s in "12"]
    assert not set(recipes[0]) & set(recipes[1])


def test_size_crops_and_scales_all_three(options: Options, tmp_path: Path):
    build(options(size=(64, 96), limit=2))
    for row in iterate_manifest(tmp_path / "out" / "manifest.csv"):
        assert row.clean.endswith(".png")
        for name in (row.masked, row.map, row.clean):
            assert cv2.imread(str(tmp_path / "out" / name)).shape[:2] == (96, 64)


def test_jpg_is_for_masked_and_reencoded_clean_only(options: Options, tmp_path: Path):
    build(options(format="jpg", size=(64, 64), limit=1))
    row = next(iterate_manifest(tmp_path / "out" / "manifest.csv"))
    assert (row.masked, row.map, row.clean) == (
        "masked/000001_00.jpg",
        "map/000001_00.png",
        "clean/000001.jpg",
    )


def test_landmarks_of_a_dataset_give_the_same_dataset(options: Options, tmp_path: Path, tree):
    build(options(out=tmp_path / "first", landmarks=None, limit=3))
    build(options(out=tmp_path / "again", landmarks=tmp_path / "first" / "landmarks.csv", limit=3))
    first, again = tree(tmp_path / "first"), tree(tmp_path / "again")
    assert {name for name in first if first[name] != again[name]} == {"build.json"}


def test_the_demo_needs_no_files(tmp_path: Path):
    report = build(BuildOptions("demo", tmp_path / "out", limit=2))
    assert report.counts["ok"] == 2


def test_progress_counts_pictures_up_to_all(options: Options):
    seen: list[Progress] = []
    build(options(), seen.append)
    assert seen[0] == Progress(0, 6, 0)
    assert seen[-1] == Progress(6, 6, 0)


@pytest.mark.parametrize(
    ("text", "size"), [("128", (128, 128)), ("178x218", (178, 218)), ("64X32", (64, 32))]
)
def test_size_is_a_number_or_two(text: str, size: tuple[int, int]):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "12x", "-5", "1.5", "128x128x3", "1e9", "\uff19\uff19"])
def test_another_size_is_one_line(text: str):
    with pytest.raises(UserError, match=r"^size"):
        parse_size(text)


def test_the_landmark_table_has_a_row_for_every_face(built_once: Path):
    with (built_once / "landmarks.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["source"] for row in rows] == [f"{n:06d}.jpg" for n in range(1, 7)]
    assert {row["landmark_source"] for row in rows} == {"supplied"}
