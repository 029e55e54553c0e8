from collections.abc import Callable

import cv2
import numpy as np
import pytest
from skimage.color import rgb2lab

from unmask.datagen.faces.landmarks import Landmarks
from unmask.model.metrics.skin import skin_lightness, skin_patches

SKIN, DARK_SKIN = (214, 168, 140), (92, 60, 44)
HAIR, LENS, WALL = (40, 28, 20), (22, 24, 30), (120, 150, 200)


def lightness_of(rgb: tuple[int, int, int]) -> float:
    return float(rgb2lab(np.array([[rgb]], np.uint8))[0, 0, 0])


def paint(image: np.ndarray, outline: np.ndarray, rgb: tuple[int, int, int], grow: int = 0) -> None:
    """Fill an outline, and the pixels around it that are at most `grow` away."""
    cv2.fillPoly(image, [np.rint(outline).astype(np.int32)], rgb)
    if grow:
        cv2.polylines(image, [np.rint(outline).astype(np.int32)], True, rgb, 2 * grow)


@pytest.fixture
def points(pose_points: Callable[..., np.ndarray]) -> np.ndarray:
    return pose_points()


@pytest.fixture
def face(points: np.ndarray) -> np.ndarray:
    """A flat face of one colour before a wall: 178x218, the skin up to above the brows."""
    image = np.full((218, 178, 3), WALL, np.uint8)
    hull = cv2.convexHull(np.vstack([points, points[17:27] - [0, 40]]).astype(np.float32))[:, 0]
    paint(image, hull, SKIN, grow=4)
    return image


@pytest.mark.parametrize("rgb", [SKIN, DARK_SKIN, (128, 128, 128)])
def test_skin_of_one_colour_has_the_lightness_of_that_colour(points: np.ndarray, rgb: tuple[int, int, int]):
    image = np.full((218, 178, 3), rgb, np.uint8)
    assert skin_lightness(image, points) == pytest.approx(lightness_of(rgb), abs=0.3)


def test_background_and_mask_region_do_not_count(face: np.ndarray, points: np.ndarray):
    face[int(points[33, 1]) :] = (255, 255, 255)  # from the nostrils down
    assert skin_lightness(face, points) == pytest.approx(lightness_of(SKIN), abs=0.3)


def test_a_fringe_over_the_whole_forehead_leaves_the_cheeks(face: np.ndarray, points: np.ndarray):
    paint(face, skin_patches(points)[0], HAIR, grow=3)
    assert skin_lightness(face, points) == pytest.approx(lightness_of(SKIN), abs=0.3)


def test_dark_glasses_over_both_cheeks_leave_the_forehead(face: np.ndarray, points: np.ndarray):
    for cheek in skin_patches(points)[1:]:
        paint(face, cheek, LENS, grow=3)
    assert skin_lightness(face, points) == pytest.approx(lightness_of(SKIN), abs=0.3)


def test_a_cheek_in_shade_does_not_pull_the_value_down(face: np.ndarray, points: np.ndarray):
    paint(face, skin_patches(points)[1], tuple(channel // 2 for channel in SKIN), grow=3)
    assert skin_lightness(face, points) == pytest.approx(lightness_of(SKIN), abs=0.3)


def test_nothing_is_measured_where_hat_and_glasses_cover_all(face: np.ndarray, points: np.ndarray):
    for patch in skin_patches(points):
        paint(face, patch, LENS, grow=3)
    assert skin_lightness(face, points) is None


@pytest.mark.parametrize("moved", [(-400, 0), (0, -400), (400, 400)])
def test_a_face_outside_the_picture_has_no_lightness(
    face: np.ndarray, points: np.ndarray, moved: tuple[int, int]
):
    assert skin_lightness(face, points + moved) is None


def test_a_face_partly_outside_the_picture_is_measured_by_what_is_inside(
    face: np.ndarray, points: np.ndarray
):
    left = int(points[27, 0])
    half = np.ascontiguousarray(face[:, left:])
    assert skin_lightness(half, points - [left, 0]) == pytest.approx(lightness_of(SKIN), abs=0.3)


def test_too_small_a_face_has_no_lightness(points: np.ndarray):
    assert skin_lightness(np.full((11, 9, 3), SKIN, np.uint8), points / 20) is None
    assert skin_lightness(np.full((22, 18, 3), SKIN, np.uint8), np.zeros((68, 2))) is None


def test_a_drawn_face_keeps_its_lightness_in_other_sizes_and_mirrored(
    draw_face: Callable[[int], tuple[np.ndarray, Landmarks]], mirror_order: np.ndarray
):
    for index in range(6):
        image, landmarks = draw_face(index)
        value = skin_lightness(image, landmarks.points)
        assert value is not None
        small = cv2.resize(image, (89, 109), interpolation=cv2.INTER_AREA)
        assert skin_lightness(small, landmarks.points / 2 - 0.25) == pytest.approx(value, abs=3)
        mirrored = np.ascontiguousarray(image[:, ::-1])
        points = (landmarks.points * [-1, 1] + [image.shape[1] - 1, 0])[mirror_order]
        assert skin_lightness(mirrored, points) == pytest.approx(value, abs=1.0)


def test_a_darker_exposure_has_a_smaller_lightness(draw_face: Callable[[int], tuple[np.ndarray, Landmarks]]):
    image, landmarks = draw_face(1)
    values = [skin_lightness((image * share).astype(np.uint8), landmarks.points) for share in (0.4, 0.7, 1.0)]
    assert values == sorted(values)
    assert values[0] < values[2] - 15


@pytest.mark.parametrize("yaw", [-35.0, 0.0, 35.0])
def test_patches_lie_above_the_brows_and_between_eyes_and_mouth_however_the_head_turns(
    pose_points: Callable[..., np.ndarray], yaw: float
):
    points = pose_points(yaw=yaw, roll=0)
    forehead, *cheeks = skin_patches(points)
    assert (forehead[:, 1] < points[18:26, 1].max()).all()
    for cheek in cheeks:
        assert (cheek[:, 1] > points[[40, 41, 46, 47], 1].min()).all()
        assert (cheek[:, 1] < points[48:68, 1].min()).all()
    widths = [np.ptp(cheek[:, 0]) for cheek in cheeks]
    assert (np.sign(round(widths[0] - widths[1], 3)) == np.sign(yaw)) or yaw == 0
