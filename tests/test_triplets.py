import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unmask.datagen.common.errors import UserError
from unmask.datagen.dataset.online import TripletDataset
from unmask.datagen.faces.landmark_table import LandmarkTable
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.datagen.masks.template import load_templates
from unmask.datagen.render.prepared_picture import Refusal
from unmask.datagen.render.triplet import Triplet
from unmask.datagen.render.triplet_config import TripletConfig
from unmask.datagen.sources.open_source import open_source
from unmask.model.data import online as online_triplets
from unmask.model.data.faces import open_face_cache
from unmask.model.data.online import OnlineTriplets
from unmask.model.data.options import DataOptions
from unmask.model.data.triplets import open_triplets

HELD_OUT = ("bandana", "duckbill")


@pytest.mark.parametrize("jitter", [False, True])
@pytest.mark.parametrize("size", [(128, 128), (120, 150), (178, 218)])
def test_cached_faces_give_the_pixels_of_the_dataset_without_a_cache(
    drawn_celeba: Path, tmp_path: Path, jitter: bool, size: tuple[int, int]
):
    source, table = open_source(str(drawn_celeba)), LandmarkTable.read(drawn_celeba / "landmarks.csv")
    config = TripletConfig(3, size, load_recipe_config(), load_templates(), "largest", jitter)
    cached = OnlineTriplets(open_face_cache(source, size, jitter, tmp_path, 1, table), config)
    direct = TripletDataset(source, config, landmarks=table, row=True)
    for epoch in (0, 1):
        direct.set_epoch(epoch)
        for index in (0, 3, 4):
            item = direct[index]
            assert item["row"]["source"] == cached.keys(index)
            ours = cached.get(index, epoch)
            for name in ("masked", "map", "clean"):
                assert np.array_equal(getattr(ours, name), item[name]), name


def rendering(
    refused: Callable[[str, int], bool],
) -> tuple[Callable[..., Triplet | Refusal], list[tuple[str, int]]]:
    tried: list[tuple[str, int]] = []
    real = online_triplets.make_triplet

    def render(*given: object, key: str, variant: int, **more: object) -> Triplet | Refusal:
        tried.append((key, variant))
        if refused(key, variant):
            return Refusal("rejected", "the mask covers an eye")
        return real(*given, key=key, variant=variant, **more)

    return render, tried


def test_a_rejected_mask_is_drawn_again_far_from_the_other_epochs(
    online: Callable[..., DataOptions], monkeypatch: pytest.MonkeyPatch
):
    train = open_triplets(online()).train
    usual = train.get(1, 7)
    render, tried = rendering(lambda key, variant: variant == 7)
    monkeypatch.setattr(online_triplets, "make_triplet", render)
    again = train.get(1, 7)
    assert tried == [("000002.jpg", 7), ("000002.jpg", 1_000_007)]
    assert np.array_equal(again[2], usual[2])
    assert not np.array_equal(again[1], usual[1])
    assert np.array_equal(again[0], train.get(1, 7)[0])


def test_a_face_on_which_nothing_fits_gives_its_place_to_the_next_one(
    online: Callable[..., DataOptions], monkeypatch: pytest.MonkeyPatch
):
    train = open_triplets(online()).train
    render, tried = rendering(lambda key, variant: key == "000006.jpg")
    monkeypatch.setattr(online_triplets, "make_triplet", render)
    found = train.get(3, 0)
    assert tried[-1] == ("000001.jpg", 1_000_000)
    assert np.array_equal(found[2], train.get(0, 0)[2])


def test_when_nothing_fits_anywhere_it_is_said_with_the_reason(
    online: Callable[..., DataOptions], monkeypatch: pytest.MonkeyPatch
):
    train = open_triplets(online()).train
    monkeypatch.setattr(online_triplets, "make_triplet", rendering(lambda key, variant: True)[0])
    with pytest.raises(UserError, match=r"no mask of recipe 'default' fits on '000001.jpg'.*covers an eye"):
        train.get(0, 0)


def test_the_official_splits_train_and_judge(online: Callable[..., DataOptions]):
    splits = open_triplets(online())
    assert [splits.train.keys(i) for i in range(len(splits.train))] == [
        "000001.jpg", "000002.jpg", "000005.jpg", "000006.jpg",
    ]  # fmt: skip
    assert {splits.val.keys(i) for i in range(len(splits.val))} == {"000003.jpg", "000004.jpg"}
    who = {face.name: face.identity for face in open_source(str(online().online)).faces}
    people = [{who[part.keys(i)] for i in range(len(part))} for part in (splits.train, splits.val)]
    assert people == [{"1", "3"}, {"2"}]


def test_validation_is_the_same_whatever_the_training(online: Callable[..., DataOptions]):
    one = open_triplets(online())
    other = open_triplets(online(seed=5, jitter=True, limit=1))
    assert len(other.train) == 1
    assert one.val.fingerprint == other.val.fingerprint
    assert one.train.fingerprint != other.train.fingerprint
    assert one.fingerprint == open_triplets(online()).fingerprint
    assert all(map(np.array_equal, one.val.get(0, 0), other.val.get(0, 0)))
    fewer = open_triplets(online(val_pictures=1)).val
    assert len(fewer) == 1
    assert fewer.keys(0) == one.val.keys(0)


def families_drawn(triplets: OnlineTriplets, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    drawn: set[str] = set()
    real = online_triplets.make_triplet

    def note(*given: object, **more: object) -> Triplet | Refusal:
        made = real(*given, **more)
        if isinstance(made, Triplet):
            drawn.add(made.summary.family)
        return made

    with monkeypatch.context() as patch:
        patch.setattr(online_triplets, "make_triplet", note)
        for epoch in range(12):
            for index in range(len(triplets)):
                triplets.get(index, epoch)
    return drawn


def test_held_out_families_judge_and_never_train(
    online: Callable[..., DataOptions], monkeypatch: pytest.MonkeyPatch
):
    splits = open_triplets(online(holdout_families=HELD_OUT))
    assert families_drawn(splits.val, monkeypatch) == set(HELD_OUT)
    assert not families_drawn(splits.train, monkeypatch) & set(HELD_OUT)
    assert "never draws: bandana, duckbill" in splits.notes[-1]


def test_families_narrow_what_trains_and_what_judges(
    online: Callable[..., DataOptions], monkeypatch: pytest.MonkeyPatch
):
    splits = open_triplets(online(families=("surgical", "cloth"), holdout_families=("cloth",)))
    assert families_drawn(splits.train, monkeypatch) == {"surgical"}
    assert families_drawn(splits.val, monkeypatch) == {"cloth"}
    both = open_triplets(online(families=("surgical", "cloth")))
    assert families_drawn(both.val, monkeypatch) == {"surgical", "cloth"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"holdout_families": ("veil",)}, r"holdout_families: unknown family 'veil'; known: bandana, "),
        ({"families": ("veil",)}, r"families: unknown family 'veil'; known: "),
        ({"families": ("cloth",), "holdout_families": ("cloth",)}, "no family is left to train on"),
        (
            {"pins": ("family=cloth",), "holdout_families": ("scarf",)},
            r"holdout_families scarf: .* the recipe draws from cloth",
        ),
        ({"online": "nowhere"}, r"source 'nowhere': no such folder"),
        ({"online": None}, "give `data` DATASET or `online` SOURCE"),
        ({"recipe": "no-such-recipe"}, "recipe"),
    ],
)
def test_what_cannot_be_is_one_line(
    online: Callable[..., DataOptions], changes: dict[str, object], message: str
):
    with pytest.raises(UserError, match=message):
        open_triplets(online(**changes))


def test_triplets_travel_to_other_processes(online: Callable[..., DataOptions]):
    train = open_triplets(online()).train
    first = train.get(0, 2)
    assert all(map(np.array_equal, pickle.loads(pickle.dumps(train)).get(0, 2), first))


def test_a_cache_for_another_size_or_jitter_is_not_taken(online: Callable[..., DataOptions]):
    train = open_triplets(online()).train
    for changes in ({"size": (80, 80)}, {"jitter": True}, {"faces": "all"}):
        with pytest.raises(ValueError, match=r"another size or jitter|the largest one only"):
            OnlineTriplets(train.cache, replace(train.config, **changes))
