from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from train_support import AT_THE_END, short, train

from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.options import BuildOptions
from unmask.model.checkpoints.checkpoint import load_model
from unmask.model.data.batches import Batch
from unmask.model.data.training_triplet import seen_straps
from unmask.model.networks.networks import build_network, fit_outputs
from unmask.model.networks.spec import NetworkSpec
from unmask.model.training.train_edit import some_straps
from unmask.model.training.train_map import some_bare


def batch(n: int) -> Batch:
    """Masked pictures of full levels, half-full maps, clean pictures of zeros, straps of a fifth."""
    full = torch.full((n, 3, 4, 5), 255, dtype=torch.uint8)
    return Batch(full, full[:, :1] // 2, 0 * full, full[:, :1] // 5, tuple("abc"))


def test_a_bare_face_is_the_clean_picture_with_empty_maps_and_the_others_stay():
    picture, truth, straps = some_bare(batch(2000), 0.25, np.random.default_rng(1))
    bare = (picture == -1).flatten(1).all(1)
    assert 0.2 < bare.float().mean() < 0.3
    assert (truth[bare] == 0).all()
    assert (straps[bare] == 0).all()
    assert (picture[~bare] == 1).all()
    assert (truth[~bare] == 127 / 255).all()
    assert (straps[~bare] == 51 / 255).all()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_no_share_and_a_whole_one(share: float):
    masked, map_, clean = batch(3).pictures()
    picture, truth, _ = some_bare(batch(3), share, np.random.default_rng(0))
    assert torch.equal(picture, clean if share else masked)
    assert torch.equal(truth, map_ * (1 - share))


def test_the_same_seed_bares_the_same_faces():
    twice = [some_bare(batch(64), 0.5, np.random.default_rng(7))[0] for _ in range(2)]
    assert torch.equal(*twice)


def test_straps_are_what_the_body_does_not_hide():
    layers = np.array([[[0, 200, 9], [255, 200, 9], [51, 100, 0], [0, 0, 90]]], np.uint8)
    assert seen_straps(layers).tolist() == [[200, 0, 80, 0]]


def test_a_dataset_with_layers_teaches_straps_and_one_without_the_body_alone(tmp_path: Path):
    for name, layers in (("with", True), ("without", False)):
        build(BuildOptions("demo", tmp_path / name, limit=6, size=(64, 64), layers=layers, workers=1))
        options = short(
            "map", tmp_path / f"{name}-run", tmp_path, online=None, data=tmp_path / name, **AT_THE_END
        )
        result = train(replace(options, limit=None, val_pictures=2))
        network, card = load_model(options.run, "map")
        assert card["network"].get("straps", False) == layers
        assert network(torch.zeros(1, 3, 32, 32)).shape == (1, 1 + layers, 32, 32)
        assert ("val_straps_iou" in result.metrics) == layers


def test_a_network_without_straps_begins_one_with_them_and_finds_the_same_masks():
    old = NetworkSpec("map", "compact", 8)
    new = replace(old, straps=True)
    weights = build_network(old).state_dict()
    grown, shrunk = build_network(new), build_network(old)
    grown.load_state_dict(fit_outputs(weights, new))
    shrunk.load_state_dict(fit_outputs(grown.state_dict(), old))
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        body, straps = grown.eval()(picture).split(1, 1)
        # One output more may be summed in another order, by processor.
        assert torch.allclose(body, shrunk.eval()(picture), atol=1e-5)
    assert (straps < -3).all()


def test_straps_are_told_of_in_most_pictures_and_never_where_they_are_faint():
    straps = torch.full((2000, 1, 2, 2), 0.8)
    straps[:, :, 0] = 0.1
    told = some_straps(straps, np.random.default_rng(2))
    assert not told[:, :, 0].any()
    assert 0.6 < (told[:, 0, 1, 0] == 0.8).float().mean() < 0.8
