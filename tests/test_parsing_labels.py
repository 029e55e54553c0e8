"""Parsing maps numbered as other programs number them."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.datagen.common.errors import UserError
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.manifest import iterate_manifest
from unmask.datagen.dataset.verify import verify
from unmask.datagen.drawn_faces.demo import drawn_landmarks
from unmask.datagen.faces.parsing import read_parsing
from unmask.datagen.faces.parsing_labels import (
    BISENET,
    CELEBAMASK,
    LABEL_NAMES,
    label_table,
    read_numbering,
    what_does_not_fit,
)

SHAPE = (218, 178)
# skin, brows, eyes, glasses, ears, earring, nose, mouth, lips, neck, necklace, cloth, hair, hat
IN_BISENET = dict(zip(
    ("skin", "l_brow", "r_brow", "l_eye", "r_eye", "eye_g", "l_ear", "r_ear", "ear_r", "nose", "mouth", "u_lip",
     "l_lip", "neck", "neck_l", "cloth", "hair", "hat"), range(1, 19), strict=True,
))  # fmt: skip
IN_CELEBAMASK = {name: number for number, name in enumerate(LABEL_NAMES) if number}


def face_map(numbers: dict[str, int], points: np.ndarray) -> np.ndarray:
    """Labels of a face: skin, hair at the left side, brows, eyes, nose and lips around its points."""
    labels = np.full(SHAPE, numbers["skin"], np.uint8)
    labels[:, :40] = numbers["hair"]
    labels[200:] = numbers["neck"]
    where = {"l_brow": (17, 22), "r_brow": (22, 27), "nose": (27, 36), "l_eye": (36, 42), "r_eye": (42, 48)}
    where |= {"u_lip": (48, 55), "l_lip": (55, 60), "mouth": (60, 68)}
    for name, (first, end) in where.items():
        for x, y in np.rint(points[first:end]).astype(int):
            cv2.circle(labels, (int(x), int(y)), 2, numbers[name], -1)
    return labels


@pytest.fixture
def maps(tmp_path: Path) -> Callable[[dict[str, int]], Path]:
    def write(numbers: dict[str, int]) -> Path:
        folder = tmp_path / "parsing"
        folder.mkdir(exist_ok=True)
        for number in range(6):
            labels = face_map(numbers, drawn_landmarks(number))
            cv2.imwrite(str(folder / f"{number + 1:06d}.png"), labels)
        return folder

    return write


def test_bisenets_numbers_become_those_of_celebamask(tmp_path: Path):
    theirs = np.resize(np.arange(19, dtype=np.uint8), SHAPE)
    cv2.imwrite(str(tmp_path / "a.png"), theirs)
    read = read_parsing(tmp_path, "a", SHAPE, numbering=BISENET)
    assert read is not None
    for name, number in IN_BISENET.items():
        assert (read[theirs == number] == IN_CELEBAMASK[name]).all(), name
    assert np.array_equal(read_parsing(tmp_path, "a", SHAPE), theirs)


def test_a_file_names_the_numbers(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbfhair = [17, 19]\nhat = 2\n")
    table = label_table(read_numbering(str(path)))
    assert table is not None
    assert {int(number): int(table[number]) for number in np.flatnonzero(table)} == {2: 14, 17: 13, 19: 13}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hair = 300", "hair = 300: expected a whole number from 0 to 255"),
        ("hair = true", "expected a whole number"),
        ("hat = 3", "does not say which number hair has"),
        ("hair = 3\nhat = 3", "3 is hair and hat"),
        ("beard = 3", "'beard' is none of background, skin"),
        ("hair", "no TOML file"),
    ],
)
def test_a_file_that_names_none_is_one_line(tmp_path: Path, text: str, words: str):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=f"^parsing_labels .*{words}"):
        read_numbering(str(path))
    with pytest.raises(UserError, match="neither celebamask nor bisenet"):
        read_numbering("nonsense")


@pytest.mark.parametrize(("numbers", "numbering"), [(IN_CELEBAMASK, CELEBAMASK), (IN_BISENET, BISENET)])
def test_a_map_read_as_it_is_numbered_fits_and_one_that_is_not_does_not(
    maps: Callable, numbers: dict[str, int], numbering: str
):
    folder = maps(numbers)
    other = {CELEBAMASK: BISENET, BISENET: CELEBAMASK}[numbering]
    for number in range(6):
        stem, points = f"{number + 1:06d}", [drawn_landmarks(number)]
        read, misread = (read_parsing(folder, stem, SHAPE, numbering=each) for each in (numbering, other))
        assert read is not None
        assert misread is not None
        assert what_does_not_fit(read, points) == ""
        assert "is it numbered another way" in what_does_not_fit(misread, points)


def test_hair_over_the_lips_is_named(draw_face: Callable):
    labels = np.ones(SHAPE, np.uint8)
    labels[140:175] = IN_CELEBAMASK["hair"]
    assert what_does_not_fit(labels, [drawn_landmarks(0)]).startswith("the parsing map calls the lips hair")
    labels[140:175] = IN_CELEBAMASK["cloth"]  # a scarf
    assert what_does_not_fit(labels, [drawn_landmarks(0)]) == ""


def test_a_build_with_bisenets_maps_is_that_with_ours(options: Callable, maps: Callable, tmp_path: Path):
    ours = options(parsing=maps(IN_CELEBAMASK), limit=3, out=tmp_path / "ours")
    build(ours)
    theirs = options(parsing=maps(IN_BISENET), limit=3, out=tmp_path / "theirs", parsing_labels=BISENET)
    build(theirs)
    rows = [list(iterate_manifest(each.out / "manifest.csv")) for each in (ours, theirs)]
    assert rows[0] == rows[1]
    assert {row.status for row in rows[0]} == {"ok"}
    for row in rows[0]:
        assert (ours.out / row.masked).read_bytes() == (theirs.out / row.masked).read_bytes()
    assert verify(theirs.out, replay=-1) == []
    assert json.loads((theirs.out / "build.json").read_text())["config"]["parsing_labels"] == BISENET
    with pytest.raises(UserError, match="parsing_labels"):
        build(options(parsing=theirs.parsing, limit=3, out=theirs.out))


def test_maps_read_by_the_wrong_numbers_are_refused_picture_by_picture(options: Callable, maps: Callable):
    wanted = options(parsing=maps(IN_BISENET), limit=3)
    build(wanted)
    rows = list(iterate_manifest(wanted.out / "manifest.csv"))
    assert {row.status for row in rows} == {"unreadable"}
    assert all("(--parsing-labels)" in row.reason for row in rows)


def test_numbers_without_maps_are_one_line(options: Callable):
    with pytest.raises(UserError, match="parsing_labels bisenet: goes with `parsing` DIR"):
        build(options(parsing_labels=BISENET))
