"""A coarse map at the edges of a photograph."""

import cv2
import numpy as np
import pytest

from unmask.datagen.faces.frame import place_frame
from unmask.datagen.pictures.pyramid import PicturePyramid
from unmask.model.inference.aligned import Seen, look_at, see_pictures
from unmask.model.inference.edges import at_edges, edge_coefficients
from unmask.model.inference.face_mask import mask_of
from unmask.model.inference.photo_patch import work_grid

CLOSE_UP = place_frame((430.0, 500.0), 450.0, 8.0)  # five pixels of the photograph for one of the frame
WIDTH, HEIGHT = 890, 1090


@pytest.fixture(scope="module")
def close_up() -> tuple[np.ndarray, np.ndarray]:
    """A face in a close-up with a grey mask, some noise, and the true map."""
    there = np.array([(88.0 + 38 * np.cos(t), 160.0 + 30 * np.sin(t)) for t in np.linspace(0, 6.2, 60)])
    outline = there @ CLOSE_UP[:, :2].T + CLOSE_UP[:, 2]
    truth = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.fillPoly(truth, [np.rint(outline).astype(np.int32)], 255)
    image = np.where(truth[..., None] > 0, (120, 140, 150), (205, 165, 140)).astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 4, (HEIGHT, WIDTH, 1))
    return np.clip(cv2.GaussianBlur(image, (0, 0), 1.5) + noise, 0, 255).astype(np.uint8), truth


def seen_coarsely(truth: np.ndarray, shift_px: float) -> Seen:
    """What a network sees that says 0.98 or 0.02 and is off by so many of its own pixels."""
    grid = work_grid(128)
    matrix = grid.to_picture(CLOSE_UP)
    matrix[:, 2] += shift_px * matrix[:, :2] @ (1.0, 0.5)
    crop = PicturePyramid(truth).cut(matrix, grid.width, grid.height, border=cv2.BORDER_CONSTANT)
    return Seen(np.where(crop >= 128, 0.98, 0.02).astype(np.float32), None)


def off_px(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Distance of each pixel of one outline to the other outline."""
    ours, theirs = (
        cv2.morphologyEx(map_, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) for map_ in (found, truth)
    )
    return cv2.distanceTransform(255 - theirs, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[ours > 0]


def test_a_coarse_map_of_a_close_up_ends_where_the_mask_does(close_up: tuple[np.ndarray, np.ndarray]) -> None:
    image, truth = close_up
    found = mask_of(seen_coarsely(truth, 0.7), CLOSE_UP, PicturePyramid(image))
    assert found is not None
    full = np.zeros_like(truth)
    full[found.body.place] = found.body.pixels
    off = off_px(full, truth)  # a pixel of the network is seven of the photograph
    assert off.mean() < 1.5
    assert np.percentile(off, 95) < 4


def test_without_edges_a_coarse_map_has_no_stairs(close_up: tuple[np.ndarray, np.ndarray]) -> None:
    image, truth = close_up
    flat = np.full_like(image, 128)
    found = mask_of(seen_coarsely(truth, 0.0), CLOSE_UP, PicturePyramid(flat))
    assert found is not None
    full = np.zeros_like(truth)
    full[found.body.place] = found.body.pixels
    assert np.percentile(off_px(full, truth), 95) < 5


def fitted(probability: np.ndarray, image: np.ndarray) -> np.ndarray:
    return at_edges(edge_coefficients(probability, image), image)


def test_a_flat_photograph_only_smooths_and_a_constant_map_stays() -> None:
    flat = np.full((40, 50, 3), 90, np.uint8)
    step = np.repeat((np.arange(50) >= 25).astype(np.float32)[None], 40, 0)
    smooth = fitted(step, flat)
    assert (np.diff(smooth, axis=1) >= -1e-6).all()
    assert np.array_equal(smooth[20] >= 0.5, step[20] > 0)
    noise = np.random.default_rng(1).integers(0, 256, (40, 50, 3), np.uint8)
    assert fitted(np.full((40, 50), 0.3, np.float32), noise) == pytest.approx(0.3, abs=1e-4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 37), (41, 2)])
def test_slivers_of_a_photograph_are_taken(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(2).integers(0, 256, (*shape, 3), np.uint8)
    made = fitted(np.full(shape, 0.7, np.float32), image)
    assert made.shape == shape
    assert np.isfinite(made).all()


class TooLow:
    """A Map Module whose map begins a pixel below the mask's edge."""

    side = 64

    def __init__(self, layers: int) -> None:
        self.card: dict[str, object] = {}
        self.layers = layers

    def probabilities(self, pictures: np.ndarray) -> np.ndarray:
        said = np.full((*pictures.shape[:3], self.layers), 0.02, np.float32)
        said[:, 33:, :, 0] = 0.98
        return said

    def straps(self, pictures: np.ndarray) -> np.ndarray:
        return self.probabilities(pictures)[..., 1]


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("side", [64, 96, 40])
def test_maps_of_aligned_faces_end_where_the_colour_does(side: int, layers: int) -> None:
    image = np.full((side, side, 3), 200, np.uint8)
    image[side // 2 :] = (40, 90, 130)
    (seen,) = see_pictures(TooLow(layers), [image])
    assert np.array_equal(seen.body >= 0.5, np.indices((side, side))[0] >= side // 2)
    assert 0 <= seen.body.min() <= seen.body.max() <= 1
    (raw,) = look_at(TooLow(layers), [image])
    assert (raw.body >= 0.5).mean() < 0.495
    assert (seen.straps is None) == (layers == 1)
    if raw.straps is not None:
        assert np.array_equal(seen.straps, raw.straps)
