import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.datagen.common.errors import UserError
from unmask.datagen.dataset.manifest import iterate_manifest
from unmask.model.evaluation.items import open_eval_set
from unmask.model.evaluation.options import EvalOptions
from unmask.model.evaluation.pictures import read_item


def options(data: Path, **changes: object) -> EvalOptions:
    return replace(EvalOptions(data, data.parent / "report", map_module="map", edit_module="edit"), **changes)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five photographs with maps; the last one has no map."""
    for name in "abcde":
        for part in ("images", "maps", "clean"):
            (tmp_path / "data" / part).mkdir(parents=True, exist_ok=True)
            picture = np.zeros((40, 32, 3), np.uint8)
            if not (name == "e" and part == "maps"):
                cv2.imwrite(str(tmp_path / "data" / part / f"{name}.png"), picture)
    return tmp_path / "data"


def test_a_dataset_brings_everything_its_manifest_knows(built_once: Path) -> None:
    opened = open_eval_set(options(built_once, split="all"))
    rows = [row for row in iterate_manifest(built_once / "manifest.csv") if row.status == "ok"]
    assert [item.key for item in opened.items] == [row.key for row in rows]
    assert opened.items[0].tags["family"] == rows[0].family
    assert opened.items[0].tags["attr_Male"] in ("0", "1")
    picture = read_item(opened.items[0], None)
    assert picture.landmarks is not None
    assert picture.clean is not None
    assert picture.map is not None
    inside = picture.landmarks.points[30]
    assert (inside > 0).all()
    assert (inside < picture.masked.shape[1::-1]).all()


def test_points_follow_when_pictures_are_scaled(built_once: Path) -> None:
    item = open_eval_set(options(built_once, split="all")).items[0]
    whole, small = read_item(item, None), read_item(item, 64)
    assert whole.landmarks is not None
    assert small.landmarks is not None
    assert small.masked.shape == (64, 64, 3)
    factor = small.landmarks.eye_dist_px / whole.landmarks.eye_dist_px
    assert factor == pytest.approx(64 / whole.masked.shape[1], rel=0.02)


def test_photographs_and_maps_are_paired_by_name_and_the_others_counted(folder: Path) -> None:
    opened = open_eval_set(options(folder))
    assert [item.key for item in opened.items] == ["a", "b", "c", "d"]
    assert opened.left_out == {"no_map": 1}
    assert all(item.map is not None and item.clean is not None for item in opened.items)


def test_folders_of_other_names_are_given_by_flags(folder: Path, tmp_path: Path) -> None:
    for part in ("images", "maps", "clean"):
        (folder / part).rename(tmp_path / f"my {part}")
    opened = open_eval_set(options(tmp_path / "my images", maps=tmp_path / "my maps"))
    assert len(opened.items) == 4
    assert opened.items[0].clean is None


def test_tags_come_from_a_table(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "tags.csv").write_text("id,kind,pose\na,cloth,profile\nb,surgical,\n", encoding="utf-8")
    opened = open_eval_set(options(folder, tags=tmp_path / "tags.csv"))
    assert [item.tags["kind"] for item in opened.items] == ["cloth", "surgical", "", ""]


@pytest.mark.parametrize(
    "text",
    [
        ",id,kind\n0,a,cloth\n1,b,surgical\n",
        "id;kind\na;cloth\nb;surgical\n",
        "\ufeffkind\tid\r\ncloth\ta\r\nsurgical\tb\r\n",
    ],
)
def test_tags_are_found_whatever_wrote_the_table(folder: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "tags.csv").write_bytes(text.encode())
    opened = open_eval_set(options(folder, tags=tmp_path / "tags.csv"))
    assert [item.tags.get("kind") for item in opened.items] == ["cloth", "surgical", "", ""]
    assert all("" not in item.tags for item in opened.items)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,kind\na,cloth\na,surgical\n", "a is there twice"),
        ("id,kind,kind\na,cloth,cloth\n", "two columns are called 'kind'"),
        ("id,kind\na,cloth,blue\n", "the row of 'a' has 3 cells under 2 columns"),
        ("id,kind\nx,cloth\n", "no column names one of the pictures"),
    ],
)
def test_tags_that_are_not_clear_are_one_line(folder: Path, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "tags.csv").write_text(text)
    with pytest.raises(UserError, match=words):
        open_eval_set(options(folder, tags=tmp_path / "tags.csv"))


def test_the_fingerprint_changes_with_the_pictures(folder: Path) -> None:
    first = open_eval_set(options(folder)).fingerprint
    assert open_eval_set(options(folder)).fingerprint == first
    assert open_eval_set(options(folder, limit=2)).fingerprint != first
    cv2.imwrite(str(folder / "images/a.png"), np.full((40, 32, 3), (1, 2, 3), np.uint8))
    assert open_eval_set(options(folder)).fingerprint != first


def test_a_map_of_equal_size_in_bytes_is_another_map(folder: Path) -> None:
    first = open_eval_set(options(folder)).fingerprint
    path = folder / "maps/a.png"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert open_eval_set(options(folder)).fingerprint != first


def rename(folder: Path, **names: str) -> None:
    for part, pattern in names.items():
        for path in sorted((folder / part).iterdir()):
            path.rename(path.with_name(pattern.format(path.stem) + path.suffix))


@pytest.mark.parametrize(
    "names",
    [
        {"images": "00001{}_surgical", "maps": "00001{}_surgical", "clean": "00001{}"},
        {"images": "00001{}_Mask_Mouth_Chin", "maps": "00001{}", "clean": "00001{}"},
        {"images": "00001{}_N95", "maps": "00001{}_N95_mask", "clean": "00001{}"},
        {"images": "00001{}", "maps": "00001{}_mask", "clean": "00001{}-clean"},
        {"images": "00001{}_masked", "maps": "00001{}_map", "clean": "00001{}_clean"},
    ],
)
def test_pairs_of_other_generators_go_by_the_start_of_their_names(
    folder: Path, names: dict[str, str]
) -> None:
    rename(folder, **names)
    opened = open_eval_set(options(folder))
    assert len(opened.items) == 4
    assert opened.left_out == {"no_map": 1}
    for item in opened.items:
        assert item.map is not None
        assert item.clean is not None
        assert item.masked.stem[:6] == item.map.stem[:6] == item.clean.stem[:6]
    assert opened.notes[0].startswith("4 pictures are paired by a part of the name, first 00001a")


@pytest.mark.parametrize(
    ("pattern", "other"),
    [("face_1{}", "face_12.png"), ("face_1{}", "face_2b.png"), ("img_{}", "img_x.png"), ("{}", "bb.png")],
)
def test_a_name_is_not_the_start_of_every_other(folder: Path, pattern: str, other: str) -> None:
    for part in ("images", "maps", "clean"):
        for path in (folder / part).iterdir():
            path.unlink() if path.stem > "b" else None
    rename(folder, images=pattern, maps=pattern, clean=pattern)
    (folder / "maps" / f"{pattern.format('b')}.png").rename(folder / "maps" / other)
    opened = open_eval_set(options(folder))
    assert [item.key for item in opened.items] == [pattern.format("a")]
    assert opened.left_out == {"no_map": 1}
    assert opened.notes == ()


def test_masked_and_clean_pictures_may_lie_in_one_folder(folder: Path) -> None:
    rename(folder, images="{}_surgical")
    for path in (folder / "clean").iterdir():
        path.rename(folder / "images" / path.name)
    opened = open_eval_set(options(folder / "images", clean=folder / "images"))
    assert [item.key for item in opened.items] == [f"{name}_surgical" for name in "abcde"]
    assert [item.clean.stem for item in opened.items if item.clean] == list("abcde")
    assert opened.left_out == {"no_clean": 5}


@pytest.mark.parametrize("part", ["images", "maps", "clean"])
def test_two_pictures_that_differ_in_their_extension_are_an_error(folder: Path, part: str) -> None:
    shutil.copy(folder / part / "a.png", folder / part / "a.jpg")
    with pytest.raises(UserError, match=rf"{part}: a\.jpg and a\.png have one name"):
        open_eval_set(options(folder))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"split": "test"}, "no manifest.csv that knows of splits"),
        ({"maps": Path("nowhere")}, "nowhere: not a folder"),
    ],
)
def test_a_plain_folder_with_wrong_flags_is_refused(
    folder: Path, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        open_eval_set(options(folder, **changes))


def test_nothing_to_compare_with_is_an_error(folder: Path) -> None:
    with pytest.raises(UserError, match="give `clean` DIR, `maps` DIR or both"):
        open_eval_set(options(folder / "images"))


def test_no_partner_of_the_same_name_is_an_error(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    shutil.copy(folder / "maps/a.png", tmp_path / "other/z.png")
    with pytest.raises(UserError, match=r"maps .*no picture named 'a'"):
        open_eval_set(options(folder / "images", maps=tmp_path / "other"))


def test_a_missing_clean_picture_of_a_dataset_is_named(built_once: Path, tmp_path: Path) -> None:
    shutil.copytree(built_once, tmp_path / "data")
    gone = next((tmp_path / "data/clean").iterdir())
    gone.unlink()
    with pytest.raises(UserError, match=f"data .*1 file is missing .*{gone.name}"):
        open_eval_set(options(tmp_path / "data", split="all"))


def test_an_empty_split_names_those_that_are_there(built_once: Path, tmp_path: Path) -> None:
    shutil.copytree(built_once, tmp_path / "data")
    manifest = tmp_path / "data/manifest.csv"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace(",val,", ",train,"), encoding="utf-8")
    with pytest.raises(UserError, match="no triplet in split 'val'; splits there"):
        open_eval_set(options(tmp_path / "data", split="val"))


def test_a_map_of_another_size_is_named_with_both_sizes(folder: Path) -> None:
    cv2.imwrite(str(folder / "maps/b.png"), np.zeros((20, 32), np.uint8))
    item = open_eval_set(options(folder)).items[1]
    with pytest.raises(UserError, match=r"b\.png: 32x20 pixels, its picture b\.png has 32x40"):
        read_item(item, None)


def test_a_damaged_picture_is_named(folder: Path) -> None:
    (folder / "images/a.png").write_bytes(b"not a picture")
    with pytest.raises(UserError, match=r"a\.png"):
        read_item(open_eval_set(options(folder)).items[0], None)
