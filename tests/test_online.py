import pickle
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from unmask.datagen.common.errors import UserError
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.manifest import iterate_manifest
from unmask.datagen.dataset.online import TripletDataset
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.datagen.masks.template import load_templates
from unmask.datagen.render.triplet_config import TripletConfig


def config(seed: int = 1, size: tuple[int, int] | None = None) -> TripletConfig:
    return TripletConfig(
        seed=seed, size=size, recipe=load_recipe_config("default"), templates=load_templates(), faces="all"
    )


@pytest.mark.parametrize("size", [None, (64, 80)])
def test_items_are_the_pixels_of_the_files(options, drawn_celeba: Path, size: tuple[int, int] | None):
    chosen = options(variants=2, size=size, limit=3)
    build(chosen)
    dataset = TripletDataset(
        str(drawn_celeba), config(size=size), variants=2, landmarks=drawn_celeba / "landmarks.csv"
    )
    assert len(dataset) == 12
    for i, row in enumerate(iterate_manifest(chosen.out / "manifest.csv")):
        item, told = dataset[i], dataset.row(i)
        assert told.recipe == row.recipe
        assert (told.key, told.attributes) == (row.key, row.attributes)
        assert item["key"] == row.key
        assert np.array_equal(item["masked"], cv2.imread(str(chosen.out / row.masked))[..., ::-1])
        assert np.array_equal(item["map"], cv2.imread(str(chosen.out / row.map), cv2.IMREAD_UNCHANGED))
        assert np.array_equal(item["clean"], cv2.imread(str(chosen.out / row.clean))[..., ::-1])


def test_every_epoch_has_new_masks_and_epoch_0_is_repeatable(drawn_celeba: Path):
    dataset = TripletDataset(str(drawn_celeba), config(), variants=2)
    seen = []
    for epoch in (0, 1, 0):
        dataset.set_epoch(epoch)
        seen.append([dataset.row(i).recipe for i in (0, 1)])
    assert seen[0] == seen[2]
    assert len({*seen[0], *seen[1]}) == 4


def test_a_picture_without_a_triplet_gives_its_place_to_the_next_one(
    tmp_path: Path, drawn_jpegs: list[bytes]
):
    (tmp_path / "a.jpg").write_bytes(b"broken")
    (tmp_path / "b.jpg").write_bytes(drawn_jpegs[0])
    dataset = TripletDataset(str(tmp_path), config())
    assert [dataset.row(i).source for i in (0, 1, -1)] == ["b.jpg"] * 3
    with pytest.raises(IndexError):
        dataset[2]


def test_pictures_without_a_face_are_left_out_when_a_table_knows(
    options, tmp_path: Path, drawn_jpegs: list[bytes]
):
    source = tmp_path / "in"
    source.mkdir()
    (source / "a.png").write_bytes(cv2.imencode(".png", np.full((80, 80, 3), 90, np.uint8))[1].tobytes())
    (source / "b.jpg").write_bytes(drawn_jpegs[0])
    chosen = options(source=str(source), landmarks=None)
    build(chosen)
    dataset = TripletDataset(str(source), config(), landmarks=chosen.out / "landmarks.csv")
    assert [face.name for face in dataset.faces] == ["b.jpg"]


def test_nothing_to_show_is_one_line(tmp_path: Path):
    (tmp_path / "a.jpg").write_bytes(b"broken")
    with pytest.raises(UserError, match="no picture yields a triplet"):
        TripletDataset(str(tmp_path), config())[0]


def test_it_travels_to_other_processes(drawn_celeba: Path):
    dataset = TripletDataset(str(drawn_celeba), config())
    first = dataset[0]
    again = pickle.loads(pickle.dumps(dataset))[0]
    assert np.array_equal(first["masked"], again["masked"])


def test_keywords_stand_for_a_configuration_and_never_beside_one(drawn_celeba: Path):
    table = str(drawn_celeba / "landmarks.csv")
    usual = TripletDataset(str(drawn_celeba), config(seed=3, size=(64, 64)), landmarks=table)
    short = TripletDataset(drawn_celeba, seed=3, size=64, landmarks=table)
    assert short.config.recipe.text == usual.config.recipe.text
    for mine, same in zip(short[4].values(), usual[4].values(), strict=True):
        assert np.array_equal(mine, same)
    with pytest.raises(UserError, match="give config, or what it would hold"):
        TripletDataset(drawn_celeba, config(), seed=3)
    with pytest.raises(UserError, match="split and limit choose from a source that is given by its name"):
        TripletDataset(usual.source, limit=2)
    assert len(TripletDataset("demo", split="val", limit=2)) == 2


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"seed": -1}, "seed -1: expected at least 0"),
        ({"size": 8}, "size 8x8: each side needs 16 to 8192 pixels"),
        ({"faces": "some"}, "faces some: expected one of all, largest, single"),
        ({"families": "veil"}, "families: unknown family 'veil'"),
        ({"recipe": "no.toml"}, "recipe: no.toml cannot be read"),
        ({"variants": 0}, "variants 0: expected at least 1"),
        ({"limit": 0}, "limit 0: must be at least 1"),
    ],
)
def test_what_makes_no_sense_is_named_before_any_work(keywords: dict[str, Any], words: str):
    with pytest.raises(UserError, match=f"^{re.escape(words)}"):
        TripletDataset("demo", **keywords)


def test_a_family_can_be_chosen(drawn_celeba: Path):
    dataset = TripletDataset(
        drawn_celeba, families=["scarf"], pins=["worn=proper"], landmarks=drawn_celeba / "landmarks.csv"
    )
    assert {dataset.row(i).family for i in range(3)} == {"scarf"}
