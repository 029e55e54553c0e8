"""Features of many pictures at once: those of one at a time, the judge's distance, the package's own features."""

import numpy as np
import pytest
import torch

from unmask.model.evaluation.features import (
    CROP_PX,
    GRID,
    POOLED,
    FeatureNetwork,
    Features,
    mask_crop,
    perceptual_distances,
)
from unmask.model.networks.lite_variants import LITE2, find_lite
from unmask.model.networks.perceptual import load_judge, load_perceptual


@pytest.fixture(scope="module")
def network() -> FeatureNetwork:
    return FeatureNetwork()


def pictures(seed: int, count: int, height: int = 64, width: int = 32) -> np.ndarray:
    """Smooth noise, so that features differ from place to place."""
    coarse = np.random.default_rng(seed).integers(
        0, 256, (count, height // 8 + 1, width // 8 + 1, 3), np.uint8
    )
    return coarse.repeat(8, axis=1).repeat(8, axis=2)[:, :height, :width]


def left_half(seen: Features) -> np.ndarray:
    masks = np.zeros((len(seen), *seen.size), bool)
    masks[:, 10:40, : seen.size[1] // 2] = True
    return masks


def as_tensor(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32)) / 127.5 - 1


def test_distances_are_those_of_the_judging_network_for_each_picture_alone(network):
    a, b = pictures(0, 3), pictures(1, 3)
    seen, other = network.describe(a), network.describe(b)
    masks = left_half(seen)
    found = perceptual_distances(seen, other, masks)
    judge, _ = load_judge()
    for index in range(3):
        one, two = as_tensor(a[index : index + 1]), as_tensor(b[index : index + 1])
        weight = torch.from_numpy(masks[index]).float()[None, None]
        assert found.whole[index] == pytest.approx(float(judge(one, two)), rel=1e-4)
        assert found.mask[index] == pytest.approx(float(judge(one, two, weight)), rel=1e-4)
    assert not np.allclose(found.whole, found.mask, rtol=0.01)


def test_results_are_judged_by_another_network_than_the_one_that_trainings_look_through(network):
    trained_on = load_perceptual(None)
    assert network.sha256 != trained_on.sha256 and network.name != trained_on.name
    # A picture that is nearer in the eyes of the one may be further in those of the other: no rescaling maps them.
    a, b = pictures(0, 8), pictures(1, 8)
    judged = perceptual_distances(network.describe(a), network.describe(b), np.ones((8, 64, 32), bool)).whole
    trained = [float(trained_on(as_tensor(a[i : i + 1]), as_tensor(b[i : i + 1]))) for i in range(len(a))]
    assert abs(np.corrcoef(judged, trained)[0, 1]) < 0.99


def test_what_is_found_in_a_picture_does_not_depend_on_its_company(network):
    many = pictures(2, 19)
    together, some = network.describe(many), network.describe(many[[17, 3]])
    for place, index in enumerate((17, 3)):
        assert np.array_equal(together.pooled[index], some.pooled[place])
        assert np.array_equal(together.grid[index], some.grid[place])
        for tap, other in zip(together.taps, some.taps, strict=True):
            assert torch.equal(tap[index], other[place])
    assert np.array_equal(network.pooled(many), together.pooled)


def test_the_pooled_feature_is_what_the_packages_own_network_classifies_by(network):
    package = pytest.importorskip("efficientnet_lite_pytorch")
    theirs = package.EfficientNet.from_pretrained(
        "efficientnet-lite2", weights_path=str(find_lite(LITE2)), image_size=256
    ).eval()  # of its own 260 px it pads the odd sides that these pictures do not have
    images = pictures(3, 2)
    with torch.inference_mode():
        x = (torch.from_numpy(images).permute(0, 3, 1, 2).float() - 127) / 128
        wanted = theirs.extract_features(x).mean(dim=(2, 3)).numpy()
    found = network.describe(images)
    assert found.pooled.shape == (2, POOLED) and found.grid.shape == (2, GRID)
    np.testing.assert_allclose(found.pooled, wanted, rtol=1e-3, atol=1e-3)


def test_pictures_of_any_size_are_compared_over_their_own_pixels(network):
    a, b = pictures(4, 2, 50, 41), pictures(5, 2, 50, 41)
    seen, other = network.describe(a), network.describe(b)
    everywhere = np.ones((2, 50, 41), bool)
    found = perceptual_distances(seen, other, everywhere)
    assert (found.whole > 0.05).all()
    assert np.array_equal(found.whole, found.mask)
    assert (perceptual_distances(seen, seen, everywhere).whole == 0).all()


def test_a_picture_without_a_mask_has_no_distance_in_it(network):
    seen, other = network.describe(pictures(0, 2)), network.describe(pictures(1, 2))
    masks = left_half(seen)
    masks[1] = False
    found = perceptual_distances(seen, other, masks)
    assert np.isfinite(found.whole).all()
    assert np.isfinite(found.mask).tolist() == [True, False]


def test_sets_that_do_not_fit_together_are_refused(network):
    seen, other = network.describe(pictures(0, 2)), network.describe(pictures(1, 1))
    with pytest.raises(ValueError, match="differ"):
        perceptual_distances(seen, other, left_half(seen))
    for wrong in (pictures(0, 1)[0], pictures(0, 1) / 255, pictures(0, 1)[:0]):
        with pytest.raises(ValueError, match="expected pictures uint8"):
            network.describe(wrong)


@pytest.mark.parametrize(
    ("rows", "columns"), [((40, 60), (30, 70)), ((80, 96), (0, 20)), ((0, 96), (0, 120))]
)
def test_a_crop_shows_the_mask_and_some_of_what_is_around_it(rows, columns):
    mask = np.zeros((96, 120), bool)
    mask[slice(*rows), slice(*columns)] = True
    picture = np.zeros((96, 120, 3), np.uint8)
    picture[mask] = 255
    crop = mask_crop(picture, mask)
    assert crop.shape == (CROP_PX, CROP_PX, 3)
    side = min(round(1.5 * max(rows[1] - rows[0], columns[1] - columns[0])), 96)
    shown = (crop[..., 0] > 127).sum() / CROP_PX**2 * side**2
    assert shown == pytest.approx(min(mask.sum(), side**2), rel=0.03)


def test_an_empty_mask_has_no_crop():
    assert mask_crop(np.zeros((96, 96, 3), np.uint8), np.zeros((96, 96), bool)) is None
