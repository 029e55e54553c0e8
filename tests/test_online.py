import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.datagen.common.errors import UserError
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.manifest import iterate_manifest
from unmask.datagen.dataset.online import TripletDataset
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.datagen.masks.template import load_templates
from unmask.datagen.render.triplet import TripletConfig


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
        item = dataset[i]
        assert item["row"].recipe == row.recipe
        assert (item["row"].key, item["row"].attributes) == (row.key, row.attributes)
        assert np.array_equal(item["masked"], cv2.imread(str(chosen.out / row.masked))[..., ::-1])
        assert np.array_equal(item["map"], cv2.imread(str(chosen.out / row.map), cv2.IMREAD_UNCHANGED))
        assert np.array_equal(item["clean"], cv2.imread(str(chosen.out / row.clean))[..., ::-1])


def test_every_epoch_has_new_masks_and_epoch_0_is_repeatable(drawn_celeba: Path):
    dataset = TripletDataset(str(drawn_celeba), config(), variants=2)
    seen = []
    for epoch in (0, 1, 0):
        dataset.set_epoch(epoch)
        seen.append([dataset[i]["row"].recipe for i in (0, 1)])
    assert seen[0] == seen[2]
    assert len({*seen[0], *seen[1]}) == 4


def test_a_picture_without_a_triplet_gives_its_place_to_the_next_one(
    tmp_path: Path, drawn_jpegs: list[bytes]
):
    (tmp_path / "a.jpg").write_bytes(b"broken")
    (tmp_path / "b.jpg").write_bytes(drawn_jpegs[0])
    dataset = TripletDataset(str(tmp_path), config())
    assert [dataset[i]["row"].source for i in (0, 1, -1)] == ["b.jpg"] * 3
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
