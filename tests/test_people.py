"""Trees of people: whose folder a picture lies in is who is in it, where the tree looks like one of people."""

from pathlib import Path

import numpy as np
import pytest

from unmask.cli.data import main
from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.dataset.manifest import iterate_manifest
from unmask.datagen.pictures.picture import encode_jpg
from unmask.datagen.sources.open_source import open_source
from unmask.datagen.sources.people import identities_of

PEOPLE = [f"Person_{letter}" for letter in "ABCDEFGHIJKL"]
LFW = [f"{who}/{who}_{number:04d}.jpg" for who in PEOPLE for number in (1, 2)]
JPG = encode_jpg(np.full((60, 50, 3), 90, np.uint8))


def who_by_name(names: list[str], mode: str = "auto") -> list[str]:
    return identities_of(names, mode) or []


@pytest.mark.parametrize("above", ["", "lfw/", "lfw-deepfunneled/lfw-deepfunneled/"])
def test_a_tree_of_people_says_who_is_in_it_whatever_lies_above(above: str):
    assert who_by_name([above + name for name in LFW]) == [name.split("/")[0] for name in LFW]


def test_a_folder_of_splits_is_no_person():
    names = [f"{'train' if number % 2 else 'test'}/{name}" for number, name in enumerate(LFW)]
    assert who_by_name(names) == [name.split("/")[0] for name in LFW]


@pytest.mark.parametrize(
    "names",
    [
        ["a.jpg", "b.jpg"],
        [name for name in LFW if name < "Person_D"],  # three folders: rather classes or albums
        [*LFW, "group.jpg"],
        [*LFW, "Person_A/holiday/1.jpg"],
        [f"{number // 1000 * 1000:05d}/{number:05d}.png" for number in range(0, 20000, 500)],  # FFHQ's parts
        [],
    ],
)
def test_what_does_not_look_like_people_says_nothing(names: list[str]):
    assert identities_of(names) is None


def test_one_may_say_so_and_one_may_forbid_it():
    assert who_by_name(["a/x/1.jpg", "2.jpg"], "folder") == ["x", ""]
    assert identities_of(LFW, "none") is None
    with pytest.raises(ArgumentError, match="identities persons: expected one of auto, folder, none"):
        identities_of(LFW, "persons")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in LFW:
        path = tmp_path / "lfw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(JPG)
    return tmp_path / "lfw"


def test_a_source_tells_how_many_people_it_took(tree: Path):
    source = open_source(str(tree))
    assert {face.identity for face in source.faces} == set(PEOPLE)
    assert source.notes == ("LFW, by its folders: 12 people",)
    assert {face.identity for face in open_source(str(tree), identities="none").faces} == {""}


def test_a_list_of_identities_comes_before_folders(tree: Path):
    (tree / "identity_CelebA.txt").write_text("".join(f"{name} 7\n" for name in LFW))
    assert {face.identity for face in open_source(str(tree)).faces} == {"7"}


def test_the_manifest_has_them_of_failures_too(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["build", str(tree), str(tmp_path / "out"), "--workers", "1", "--limit", "3"]) == 2
    rows = list(iterate_manifest(tmp_path / "out/manifest.csv"))
    assert [row.identity for row in rows] == ["Person_A", "Person_A", "Person_B"]
    assert "12 people" in capsys.readouterr().out
    assert main(["build", str(tree), str(tmp_path / "two"), "--identities", "maybe"]) == 2
    assert "--identities maybe: expected one of auto, folder, none" in capsys.readouterr().err


@pytest.mark.parametrize("blank", ["_", " "])
def test_a_packed_tree_is_a_source_that_knows_its_people_by_numbers(
    drawn_jpegs: list[bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str], blank: str
):
    for number in range(10):
        path = tmp_path / f"tree/Person{blank}{number:02d}/picture{blank}1.jpg"
        path.parent.mkdir(parents=True)
        path.write_bytes(drawn_jpegs[number % len(drawn_jpegs)])
    assert main(["pack", str(tmp_path / "tree"), str(tmp_path / "packed"), "--workers", "1"]) == 0
    faces = open_source(str(tmp_path / "packed")).faces
    assert [face.identity for face in faces] == [str(number) for number in range(1, 11)]
    assert faces[3].name.endswith(f"Person{blank}03__picture{blank}1.jpg")
