"""Masked pictures find their clean ones by names as other generators and people give them."""

from pathlib import Path

import numpy as np
import pytest

from unmask.datagen.common.errors import UserError
from unmask.datagen.pictures.pairs import Pairing, pair_pictures
from unmask.datagen.pictures.picture import encode_jpg

PICTURE = encode_jpg(np.full((8, 8, 3), 90, np.uint8))
KINDS = {"000001": "surgical", "000002": "N95", "000003": "cloth"}


def paired(tmp_path: Path, masked: list[str], clean: list[str]) -> Pairing:
    for folder, names in (("masked", masked), ("clean", clean)):
        for name in names:
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(PICTURE)
    return pair_pictures(tmp_path / "masked", None, tmp_path / "clean")


def names_of(pairing: Pairing, tmp_path: Path) -> dict[str, str]:
    return {
        pair.masked.relative_to(tmp_path / "masked").as_posix(): (
            pair.clean.relative_to(tmp_path / "clean").as_posix() if pair.clean else ""
        )
        for pair in pairing.pairs
    }


@pytest.mark.parametrize(
    ("masked", "clean"),
    [
        ("{0}-with-mask.jpg", "{0}.jpg"),
        ("{0}-with-mask.jpg", "{0}-without-mask.jpg"),
        ("mask_{0}.jpg", "{0}.jpg"),
        ("with_mask_{0}.jpg", "without_mask_{0}.jpg"),
        ("masked-{0}.jpg", "clean-{0}.jpg"),
        ("{1}_{0}.jpg", "{0}.jpg"),
        ("Masked{0}.jpg", "{0}.jpg"),
        ("{0}Masked.jpg", "{0}.jpg"),
        ("{0} (masked).jpg", "{0}.jpg"),
        ("{0}_{1}.JPG", "{0}.jpg"),
        ("IMG_{0}_MASK.JPEG", "img_{0}.jpg"),
        ("{0}_MASKED.JPG", "{0}_Clean.JPG"),
        ("{1}/{0}.jpg", "{0}.jpg"),
        ("{1}/{0}_mask.jpg", "{0}.JPG"),
        ("{1}/mask_{0}.jpg", "{0}.jpg"),
        ("p{0}/0001_surgical.jpg", "p{0}/0001.jpg"),
    ],
)
def test_pictures_of_other_generators_find_their_clean_ones(tmp_path: Path, masked: str, clean: str):
    wanted = {masked.format(*item): clean.format(*item) for item in KINDS.items()}
    pairing = paired(tmp_path, list(wanted), list(wanted.values()))
    assert names_of(pairing, tmp_path) == wanted
    assert pairing.notes[0].startswith("3 pictures are paired by a part of the name, first ")


def test_every_kind_of_a_picture_finds_it(tmp_path: Path):
    masked = [f"{kind}/{number}.jpg" for kind in KINDS.values() for number in KINDS]
    found = names_of(paired(tmp_path, masked, [f"{number}.jpg" for number in KINDS]), tmp_path)
    assert found == {name: name.rpartition("/")[2] for name in masked}


@pytest.mark.parametrize(
    ("masked", "clean"),
    [
        (["p1_0001.jpg", "p2_0001.jpg"], ["0001.jpg"]),  # numbers before it say which one it is
        (["p1/0001.jpg", "p2/0001.jpg"], ["0001.jpg"]),
        (["N95/0001.jpg"], ["anna/0001.jpg", "bela/0001.jpg"]),
        (["cat_mask.jpg"], ["mask.jpg"]),
        (["x_0001.jpg"], ["clean_0001.jpg", "original_0001.jpg"]),
    ],
)
def test_what_may_be_another_picture_is_no_partner(tmp_path: Path, masked: list[str], clean: list[str]):
    with pytest.raises(UserError, match="no picture named"):
        paired(tmp_path, masked, clean)


def test_partners_that_differ_by_capitals_alone_are_told_apart(tmp_path: Path):
    found = names_of(paired(tmp_path, ["a_mask.jpg", "A_mask.jpg"], ["a.jpg", "A.jpg"]), tmp_path)
    assert found == {"a_mask.jpg": "a.jpg", "A_mask.jpg": "A.jpg"}
