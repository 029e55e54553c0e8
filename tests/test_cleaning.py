from collections.abc import Callable

import numpy as np
import onnxruntime
import pytest
from scipy import ndimage

from unmask.model.export.onnx_cleaning import clean_map_model
from unmask.model.inference.cleaning import clean_map

SQUARE = np.ones((3, 3))


def picture(*rows: str) -> np.ndarray:
    return np.array([[1.0 if letter == "#" else 0.0 for letter in row] for row in rows], np.float32)


def expected(probability: np.ndarray) -> np.ndarray:
    """What the docstring says, in scipy's words."""
    binary = np.pad(probability >= 0.5, 1, mode="edge")
    eroded = ndimage.binary_erosion(binary, SQUARE, border_value=1)[1:-1, 1:-1]
    opened = ndimage.binary_dilation(eroded, SQUARE)
    labels, count = ndimage.label(opened, SQUARE)
    if not count:
        return np.zeros(probability.shape, np.uint8)
    sizes = np.bincount(labels.ravel())[1:]
    ties = 1 + np.flatnonzero(sizes == sizes.max())
    chosen = next(label for label in labels.ravel() if label in ties)
    return ndimage.binary_fill_holes(labels == chosen).astype(np.uint8) * 255


def random_maps(rng: np.random.Generator, smooth_px: float) -> np.ndarray:
    n, h, w = rng.integers(1, 4), *rng.integers(1, 50, 2)
    noise = ndimage.gaussian_filter(rng.random((n, h, w)), (0, smooth_px, smooth_px))
    spread = max(float(np.ptp(noise)), 1e-9)
    return ((noise - noise.min()) / spread).astype(np.float32)


def spiral(side: int) -> np.ndarray:
    """A band of 3 pixels that winds to the middle, with a gap of 1: one component, the longest way there is."""
    band = np.zeros((side, side), np.float32)
    low, high = 0, side
    while high - low >= 3:
        band[low : low + 3, max(low - 4, 0) : high] = 1
        band[low:high, high - 3 : high] = 1
        band[high - 3 : high, low:high] = 1
        band[low + 4 : high, low : low + 3] = 1
        low, high = low + 4, high - 4
    return band


@pytest.fixture(scope="module")
def clean_onnx() -> Callable[[np.ndarray], np.ndarray]:
    session = onnxruntime.InferenceSession(clean_map_model().SerializeToString())
    return lambda maps: session.run(None, {"probability": maps})[0]


def test_an_empty_map_stays_empty_and_a_full_one_full():
    assert not clean_map(np.zeros((16, 24), np.float32)).any()
    full = clean_map(np.ones((16, 24), np.float32))
    assert full.shape == (16, 24)
    assert full.dtype == np.uint8
    assert (full == 255).all()


def test_one_half_is_mask_and_so_is_128():
    just_below = np.nextafter(np.float32(0.5), np.float32(0))
    assert (clean_map(np.full((5, 5), 0.5, np.float32)) == 255).all()
    assert not clean_map(np.full((5, 5), just_below, np.float32)).any()
    assert (clean_map(np.full((5, 5), 128, np.uint8)) == 255).all()
    assert not clean_map(np.full((5, 5), 127, np.uint8)).any()


def test_lines_thinner_than_three_pixels_go_but_not_where_the_border_may_hide_the_rest():
    line = np.zeros((12, 12), np.float32)
    line[:, 5:7] = 1
    assert not clean_map(line).any()
    edge = np.zeros((12, 12), np.float32)
    edge[:, :2] = 1
    assert np.array_equal(clean_map(edge) > 0, edge > 0)


def test_only_the_largest_component_stays():
    both = np.zeros((20, 20), np.float32)
    both[1:6, 1:6] = 1
    both[9:19, 9:19] = 1
    cleaned = clean_map(both)
    assert cleaned[9:19, 9:19].all()
    assert not cleaned[:8].any()


def test_of_equal_components_the_one_whose_pixel_comes_first_row_by_row_stays():
    both = np.zeros((16, 24), np.float32)
    both[1:5, 0:4] = 1  # OpenCV gives this one the lower number
    both[0:4, 10:14] = 1
    assert not clean_map(both)[:, :5].any()
    assert clean_map(both)[0:4, 10:14].all()


def test_components_hang_together_over_a_corner():
    corner = np.zeros((12, 12), np.float32)
    corner[1:5, 1:5] = corner[5:9, 5:9] = 1
    assert np.array_equal(clean_map(corner) > 0, corner > 0)


def test_holes_are_filled_but_not_a_bay_at_the_border_nor_one_that_a_corner_closes():
    ring = np.zeros((20, 20), np.float32)
    ring[2:18, 2:18] = 1
    ring[8:12, 8:12] = 0
    assert clean_map(ring)[2:18, 2:18].all()
    bay = np.ones((20, 20), np.float32)
    bay[:6, 8:12] = 0
    assert np.array_equal(clean_map(bay) > 0, bay > 0)
    by_corner = ring.copy()
    by_corner[2:8, 12:16] = 0  # a bay that touches the hole with a corner: of 4 neighbours none is shared
    cleaned = clean_map(by_corner)
    assert cleaned[8:12, 8:12].all()
    assert not cleaned[2:8, 12:16].any()


def test_a_hole_counts_as_filled_only_after_components_are_compared():
    rings = np.zeros((24, 50), np.float32)
    rings[1:21, 1:21] = 1
    rings[4:18, 4:18] = 0  # 204 pixels around a hole
    rings[1:17, 30:46] = 1  # 256 without
    assert clean_map(rings)[1:17, 30:46].all()
    assert not clean_map(rings)[:, :25].any()


def test_the_input_is_left_alone():
    given = picture("####", "####", "####", "....")
    before = given.copy()
    clean_map(given)
    assert np.array_equal(given, before)


@pytest.mark.parametrize("smooth_px", [0.0, 0.7, 2.0, 5.0])
def test_random_maps_are_cleaned_as_scipy_would(smooth_px: float):
    rng = np.random.default_rng(3)
    for _ in range(20):
        for probability in random_maps(rng, smooth_px):
            assert np.array_equal(clean_map(probability), expected(probability))


@pytest.mark.parametrize("smooth_px", [0.0, 0.7, 2.0, 5.0])
def test_the_onnx_graph_cleans_random_maps_of_any_size_bit_for_bit(
    clean_onnx: Callable[[np.ndarray], np.ndarray], smooth_px: float
):
    rng = np.random.default_rng(4)
    for _ in range(40):
        maps = random_maps(rng, smooth_px)
        assert np.array_equal(clean_onnx(maps), np.stack([clean_map(probability) for probability in maps]))


def test_the_onnx_graph_cleans_the_hard_cases_bit_for_bit(clean_onnx: Callable[[np.ndarray], np.ndarray]):
    band = spiral(128)
    tie = np.zeros((128, 128), np.float32)
    tie[1:5, 0:4] = tie[0:4, 10:14] = 1
    half = np.full((128, 128), 0.5, np.float32)
    half[40:60, 40:60] = np.nextafter(np.float32(0.5), np.float32(0))
    maps = np.stack([band, band[::-1], band[:, ::-1], 1 - band, tie, half, 0 * half, 0 * half + 1])
    cleaned = clean_onnx(maps)
    assert cleaned.dtype == np.uint8
    assert np.array_equal(cleaned, np.stack([clean_map(probability) for probability in maps]))
    assert np.array_equal(cleaned[0] > 0, band > 0)  # the whole spiral is one component, without a hole
