from collections.abc import Callable

import cv2
import numpy as np
import pytest

from unmask.datagen.render.pose import pose_face
from unmask.datagen.render.quality import LOWER_FACE, Fit, fault, measure_fit

SIZE = (218, 178)
GOOD = Fit(lower_face=1.0, eyes=0.0, mouth=1.0, nostrils=1.0, spill=0.0, folded=0.0)


def fill(points: np.ndarray, size: tuple[int, int] = SIZE, value: float = 1.0) -> np.ndarray:
    """The convex hull of points as coverage, float32."""
    alpha = np.zeros(size, np.float32)
    cv2.fillConvexPoly(alpha, cv2.convexHull(np.rint(points).astype(np.int32)), value)
    return alpha


def measure(alpha: np.ndarray, points: np.ndarray, origin: tuple[int, int] = (0, 0)) -> Fit:
    return measure_fit(alpha, origin, points, pose_face(points), 0.0)


@pytest.fixture
def points(pose_points: Callable[..., np.ndarray]) -> np.ndarray:
    return pose_points(yaw=10)


def test_a_hull_that_is_filled_is_fully_covered_and_nothing_else_is_wrong(points: np.ndarray):
    fit = measure(fill(points[LOWER_FACE[LOWER_FACE != 27]]), points)
    assert fit.lower_face > 0.9
    fit = measure(fill(points[LOWER_FACE]), points)
    assert fit.lower_face == 1.0
    assert (fit.mouth, fit.nostrils, fit.spill) == (1.0, 1.0, 0.0)


def test_no_mask_covers_nothing(points: np.ndarray):
    fit = measure(np.zeros(SIZE, np.float32), points)
    assert fit == Fit(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert fault(fit, "proper", 0.8) is not None


def test_half_transparent_counts_from_128_of_255_on(points: np.ndarray):
    hull = points[LOWER_FACE]
    assert measure(fill(hull, value=128 / 255), points).lower_face == 1.0
    assert measure(fill(hull, value=127 / 255), points).lower_face == 0.0


def test_half_of_the_lower_face_measures_about_a_half(points: np.ndarray):
    alpha = fill(points[LOWER_FACE])
    alpha[:, : int(points[33, 0])] = 0
    assert measure(alpha, points).lower_face == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize("eye", [range(36, 42), range(42, 48)])
def test_a_covered_eye_is_seen_on_either_side(points: np.ndarray, eye: range):
    alpha = np.maximum(fill(points[LOWER_FACE]), fill(points[list(eye)]))
    fit = measure(alpha, points)
    assert fit.eyes > 0.95
    assert "eye" in str(fault(fit, "proper", 0.8))


def test_a_bare_mouth_is_seen(points: np.ndarray):
    alpha = fill(points[LOWER_FACE])
    alpha[fill(points[48:60]) > 0] = 0
    fit = measure(alpha, points)
    assert fit.mouth < 0.1
    assert fit.nostrils == 1.0
    assert "mouth" in str(fault(fit, "proper", 0.0))
    assert "mouth" in str(fault(fit, "nose_out", 0.0))


def test_bare_nostrils_are_seen_where_the_mask_is_worn_properly_only(points: np.ndarray):
    alpha = fill(points[LOWER_FACE])
    alpha[: int(points[48:60, 1].min()) - 2] = 0
    fit = measure(alpha, points)
    assert (fit.nostrils, fit.mouth) == (0.0, 1.0)
    assert "nostrils" in str(fault(fit, "proper", 0.0))
    assert fault(fit, "nose_out", 0.0) is None


def test_a_mask_beside_the_head_spills(points: np.ndarray):
    alpha = fill(points[LOWER_FACE])
    alpha[:30] = 1
    fit = measure(alpha, points)
    assert fit.spill > 0.3
    assert "spill" in str(fault(fit, "proper", 0.8))


def test_a_little_room_around_the_jaw_is_no_spill(points: np.ndarray):
    middle = points[LOWER_FACE].mean(axis=0)
    wide = middle + (points[LOWER_FACE] - middle) * 1.12
    assert measure(fill(wide), points).spill < 0.02


def test_the_window_may_lie_anywhere(points: np.ndarray):
    whole = fill(points[LOWER_FACE])
    whole[100:120, 60:80] = 0
    y, x = np.nonzero(whole)
    x0, y0 = int(x.min()) - 3, int(y.min()) - 4
    part = whole[y0 : y.max() + 2, x0 : x.max() + 3]
    assert measure(part, points, (x0, y0)) == measure(whole, points)


@pytest.mark.parametrize("shift", [(-400, 0), (0, 900), (-60, -120)])
def test_a_face_partly_or_wholly_outside_the_picture_is_measured_without_trouble(
    points: np.ndarray, shift: tuple[int, int]
):
    fit = measure(np.ones(SIZE, np.float32), points + shift)
    assert all(0 <= value <= 1 for value in (fit.lower_face, fit.eyes, fit.mouth, fit.nostrils, fit.spill))


def test_too_little_cover_is_named_with_its_share():
    assert fault(GOOD, "proper", 0.8) is None
    assert "70%" in str(fault(Fit(0.7, 0.0, 1.0, 1.0, 0.0, 0.0), "proper", 0.8))
    assert fault(Fit(0.7, 0.0, 1.0, 1.0, 0.0, 0.0), "proper", 0.6) is None


def test_a_folded_mesh_is_a_fault_however_it_is_worn():
    for worn in ("proper", "nose_out", "chin"):
        assert "folded" in str(fault(Fit(1.0, 0.0, 1.0, 0.0, 0.0, 0.5), worn, 0.5))


def test_a_chin_mask_must_leave_the_nose_bare():
    assert "nose" in str(fault(GOOD, "chin", 0.8))
    assert fault(Fit(0.3, 0.0, 0.2, 0.0, 0.0, 0.0), "chin", 0.8) is None
