"""Datasets in torch's data loader: epochs reach its processes, and items need no function of ours to be stacked."""

import gc
import pickle
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from unmask.datagen.dataset import online
from unmask.datagen.dataset.built import BuiltDataset
from unmask.datagen.dataset.online import TripletDataset
from unmask.datagen.dataset.shared import FoundLandmarks, SharedEpoch
from unmask.datagen.faces.landmarks import Landmarks, quantise
from unmask.model.data.tensors import to_tensors

# of a machine with one core
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


def dataset_of(folder: Path, **more: Any) -> TripletDataset:
    return TripletDataset(folder, seed=2, size=48, landmarks=folder / "landmarks.csv", **more)


def epochs_of(loader: Iterable[Any], dataset: TripletDataset, epochs: Sequence[int]) -> list[np.ndarray]:
    made = []
    for epoch in epochs:
        dataset.set_epoch(epoch)
        made.append(np.concatenate([batch["masked"].numpy() for batch in loader]))
    return made


@pytest.mark.parametrize(
    ("method", "persistent"), [("fork", True), ("fork", False), ("spawn", True)], ids=str
)
def test_an_epoch_reaches_every_process_of_a_loader(drawn_celeba: Path, method: str, persistent: bool):
    dataset = dataset_of(drawn_celeba)
    alone = epochs_of(DataLoader(dataset, batch_size=2), dataset, (0, 1, 5))
    loader = DataLoader(
        dataset, batch_size=2, num_workers=2, persistent_workers=persistent, multiprocessing_context=method
    )
    shared = epochs_of(loader, dataset, (0, 1, 5))
    assert all(map(np.array_equal, shared, alone))
    assert len({pictures.tobytes() for pictures in shared}) == 3


def test_a_copy_has_an_epoch_of_its_own(drawn_celeba: Path):
    dataset = dataset_of(drawn_celeba, epoch=4)
    copy = pickle.loads(pickle.dumps(dataset))
    dataset.set_epoch(6)
    assert (dataset.epoch, copy.epoch) == (6, 4)
    with pytest.raises(ValueError, match="epoch -1 is negative"):
        dataset.set_epoch(-1)
    assert pickle.loads(pickle.dumps(SharedEpoch())).get() == 0


@pytest.mark.parametrize("persistent", [True, False])
def test_points_that_one_process_found_are_known_to_the_others(
    drawn_celeba: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, persistent: bool
):
    find, searched = online.find_points, tmp_path / "searched"

    def noting(face: Any, image: np.ndarray) -> Sequence[Landmarks]:
        with searched.open("a") as file:
            file.write(f"{face.name}\n")
        return find(face, image)

    monkeypatch.setattr(online, "find_points", noting)
    order = list(range(6))
    dataset = TripletDataset(drawn_celeba, size=48)
    loader = DataLoader(
        dataset,
        batch_size=None,
        sampler=order,
        num_workers=2,
        persistent_workers=persistent,
        multiprocessing_context="fork",
    )
    epochs_keys, searches = [], []
    for epoch in range(2):
        dataset.set_epoch(epoch)
        epochs_keys.append([item["key"] for item in loader])
        searches.append(searched.read_text().splitlines())
        order.reverse()  # each picture is now the other process's
    assert epochs_keys[0][0] == "000001_00"
    assert epochs_keys[1][0] == "000006_01"
    # Two may look at one picture at the same moment, where it also stands in for one that yields no triplet.
    assert len(set(searches[0])) == 6
    assert searches[1] == searches[0]


def test_found_points_are_equal_to_the_bit_and_their_file_goes_with_them():
    found = FoundLandmarks()
    points = np.random.Generator(np.random.PCG64(1)).uniform(-9, 300, (68, 2))
    faces = (Landmarks(quantise(points), "hog", 0.1 + 0.2), Landmarks(quantise(points / 3), "cnn", -1.5))
    found.add(7, faces)
    found.add(8, ())
    assert (found.get(7), found.get(8), found.get(9)) == (faces, (), None)
    path = found._path
    assert path.exists()
    del found
    gc.collect()
    assert not path.exists()


def test_a_line_that_was_cut_short_hides_none_of_the_others():
    found = FoundLandmarks()
    with found._path.open("ab") as file:
        file.write(b"[3, [[")
    assert found.get(3) is None
    found.add(4, ())
    assert (found.get(3), found.get(4)) == (None, ())
    found._path.unlink()
    assert found.get(4) is None


def test_items_are_stacked_by_the_default_of_torch(drawn_celeba: Path, built_once: Path):
    online_items, built = dataset_of(drawn_celeba, row=True), BuiltDataset(built_once, size=48, row=True)
    for dataset in (online_items, built):
        batch = next(iter(DataLoader(dataset, batch_size=3)))
        assert list(batch) == ["masked", "map", "clean", "key", "row"]
        assert batch["masked"].shape == batch["clean"].shape == (3, 48, 48, 3)
        assert batch["map"].shape == (3, 48, 48)
        assert {batch[name].dtype for name in ("masked", "map", "clean")} == {torch.uint8}
        assert batch["key"] == batch["row"]["key"]
        assert batch["row"]["attr_Male"][0] in ("0", "1")


def test_unknown_attributes_are_empty_so_that_the_portrait_stacks_with_drawn_faces():
    dataset = TripletDataset("demo", size=192, row=True)
    batch = next(iter(DataLoader(torch.utils.data.Subset(dataset, [47, 48]), batch_size=2)))
    assert batch["key"] == ["000048_00", "portrait_00"]
    assert batch["row"]["attr_Male"][0] in ("0", "1")
    assert batch["row"]["attr_Male"][1] == ""


def test_to_tensors_gives_channels_first_from_0_to_1(drawn_celeba: Path):
    item = dataset_of(drawn_celeba)[1]
    made = dataset_of(drawn_celeba, transform=to_tensors)[1]
    assert made["key"] == item["key"]
    for name, channels in (("masked", 3), ("map", 1), ("clean", 3)):
        assert (made[name].shape, made[name].dtype) == ((channels, 48, 48), torch.float32)
        levels = made[name].permute(1, 2, 0).numpy() * 255
        assert np.array_equal(np.rint(levels).reshape(item[name].shape), item[name])
        assert made[name].min() >= 0
        assert made[name].max() <= 1


def test_a_transform_takes_the_whole_item(drawn_celeba: Path, built_once: Path):
    for dataset in (
        dataset_of(drawn_celeba, transform=lambda item: (item["key"], item["map"].mean() > 0)),
        BuiltDataset(built_once, transform=lambda item: (item["key"], item["map"].mean() > 0)),
    ):
        assert dataset[0] == ("000001_00", True)
