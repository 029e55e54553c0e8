import os
from pathlib import Path

import pytest

from unmask.datagen.common.errors import UserError
from unmask.datagen.dataset.manifest import (
    iterate_manifest,
    read_attribute_names,
    read_manifest,
    write_manifest,
)
from unmask.datagen.dataset.manifest_row import COLUMNS, STATUSES, ManifestRow

AWKWARD = [
    "plain.jpg",
    "com,ma.jpg",
    'quo"te.jpg',
    "new\nline.jpg",
    "carriage\rreturn.jpg",
    " blank .jpg",
    "NA.jpg",
]
AWKWARD += ["héé/ß.jpg", os.fsdecode(b"not-utf8-\xff.jpg"), "null", "'", "=1+1"]

GOOD = ManifestRow(
    key="a_00",
    source="a.jpg",
    source_sha256="00ff",
    variant=0,
    split="train",
    identity="0012",
    masked="masked/a_00.png",
    map="map/a_00.png",
    clean="clean/a.jpg",
    width=178,
    height=218,
    faces=1,
    template="surgical-pleated",
    family="surgical",
    worn="proper",
    colour="#a0b0c0",
    texture="plain",
    coverage=0.25,
    lower_face_coverage=0.91,
    yaw=-12.34,
    pitch=0.0,
    roll=178.9,
    landmark_source="fixed_box",
    support=(1, 2, 30, 40),
    recipe='{"version":1,"faces":[]}',
    attributes=(1, 0),
)


def test_columns_are_those_of_the_design_in_order():
    expected = (
        "key source source_sha256 variant split identity status reason masked map clean width height faces"
    )
    expected += (
        " template family worn colour texture coverage lower_face_coverage yaw pitch roll landmark_source"
    )
    assert tuple(f"{expected} support recipe".split()) == COLUMNS


def test_a_row_comes_back_as_it_was(tmp_path: Path):
    failed = ManifestRow("b_00", "b.jpg", "", 0, status="no_face", reason="no face was found")
    write_manifest(tmp_path / "m.csv", [GOOD, failed], ["Smiling", "Male"])
    assert list(iterate_manifest(tmp_path / "m.csv")) == [GOOD, failed]
    assert read_attribute_names(tmp_path / "m.csv") == ("Smiling", "Male")


@pytest.mark.parametrize("name", AWKWARD)
def test_any_file_name_survives(tmp_path: Path, name: str):
    path = tmp_path / "m.csv"
    write_manifest(path, [ManifestRow(f"{name}_00", name, "", 0, status="no_face", reason="none")])
    assert next(iterate_manifest(path)).source == name
    assert read_manifest(path)["source"][0] == name


def test_equal_rows_give_equal_bytes_with_unix_line_ends(tmp_path: Path):
    for name in ("a.csv", "b.csv"):
        write_manifest(tmp_path / name, iter([GOOD]), ["Smiling", "Male"])
    data = (tmp_path / "a.csv").read_bytes()
    assert data == (tmp_path / "b.csv").read_bytes()
    assert b"\r" not in data
    assert data.endswith(b"\n")
    assert not list(tmp_path.glob("*.part"))


def test_the_table_has_types_and_keeps_texts_as_texts(tmp_path: Path):
    failed = ManifestRow("b_00", "b.jpg", "", 0, identity="7", status="unreadable", reason="damaged JPEG")
    write_manifest(tmp_path / "m.csv", [GOOD, failed], ["Smiling", "Male"])
    table = read_manifest(tmp_path / "m.csv")
    assert list(table["identity"]) == ["0012", "7"]
    assert table["width"].dtype == "Int64"
    assert table["width"].isna().tolist() == [False, True]
    assert table["coverage"][0] == 0.25
    assert table["attr_Smiling"][0] == 1
    assert table["masked"][1] == ""


def test_a_recipe_longer_than_the_csv_modules_limit_is_read(tmp_path: Path):
    row = ManifestRow("a_00", "a.jpg", "", 0, status="rejected", reason="x", recipe="1" * 300_000)
    write_manifest(tmp_path / "m.csv", [row])
    assert next(iterate_manifest(tmp_path / "m.csv")) == row


def test_a_status_outside_the_closed_set_is_refused():
    assert STATUSES == ("ok", "no_face", "many_faces", "too_small", "unreadable", "rejected")
    with pytest.raises(ValueError, match="status 'fine' is not one of"):
        ManifestRow("a_00", "a.jpg", "", 0, status="fine")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: text.replace(",ok,", ",fine,"), "line 2: status 'fine'"),
        (lambda text: text.replace("0.25000", "a quarter"), "line 2"),
        (lambda text: text.rsplit(",", 1)[0], "line 2: 28 cells under 29 columns"),
        (lambda text: text.replace("key,", "cle,", 1), "column 'key'"),
        (lambda _: "", "not a manifest"),
    ],
)
def test_a_damaged_manifest_is_one_line_that_names_the_file(tmp_path: Path, damage, words: str):
    path = tmp_path / "m.csv"
    write_manifest(path, [GOOD], ["Smiling", "Male"])
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8", newline="")
    with pytest.raises(UserError, match=words) as caught:
        list(iterate_manifest(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_manifest_is_one_line(tmp_path: Path):
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_manifest(tmp_path / "none.csv")
