from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from unmask.datagen.render.face_model import GENERIC_POINTS
from unmask.datagen.render.pose import estimate_pose, pose_face

CHIN, NOSE_TIP, EYE_CORNERS = 8, 30, [36, 39, 42, 45]
POSES = list(product((-45, -20, 0, 33, 60), (-25, 0, 30), (-170, -90, -30, 0, 45, 135)))


@pytest.mark.parametrize(("yaw", "pitch", "roll"), POSES[::4])
def test_the_camera_of_a_posed_generic_face_is_found_exactly(
    pose_points: Callable[..., np.ndarray], yaw: float, pitch: float, roll: float
):
    pose = estimate_pose(pose_points(yaw, pitch, roll, scale=47.5, origin=(120.25, 61.5)))
    turned = (GENERIC_POINTS @ pose.rotation.T)[:, :2] * [47.5, -47.5] + [120.25, 61.5]
    assert np.abs(turned - pose_points(yaw, pitch, roll, 47.5, (120.25, 61.5))).max() < 1e-6
    assert np.abs(pose.project(GENERIC_POINTS) - turned).max() < 1e-6
    assert pose.scale_px == pytest.approx(47.5)
    assert pose.translation_px == pytest.approx([120.25, 61.5])
    assert pose.misfit < 1e-9
    assert np.allclose(pose.rotation @ pose.rotation.T, np.eye(3))
    assert np.linalg.det(pose.rotation) == pytest.approx(1)


@pytest.mark.parametrize("angle", [-60, -12.5, 0, 3, 45])
def test_a_turn_about_one_axis_reads_as_that_angle_alone(
    pose_points: Callable[..., np.ndarray], angle: float
):
    for axis in ("yaw", "pitch", "roll"):
        pose = estimate_pose(pose_points(**{axis: angle}))
        angles = {"yaw": pose.yaw, "pitch": pose.pitch, "roll": pose.roll}
        assert angles.pop(axis) == pytest.approx(angle, abs=0.1)
        assert list(angles.values()) == pytest.approx([0, 0], abs=0.1)


def test_yaw_is_positive_when_the_nose_points_to_the_pictures_right(pose_points: Callable[..., np.ndarray]):
    points = pose_points(yaw=25)
    assert points[NOSE_TIP, 0] > points[EYE_CORNERS, 0].mean()
    assert estimate_pose(points).yaw > 0


def test_pitch_is_positive_when_the_face_looks_up(pose_points: Callable[..., np.ndarray]):
    up, level = pose_points(pitch=20), pose_points()
    # Looking up brings the nose tip nearer to the eyes on the picture.
    assert up[NOSE_TIP, 1] - up[EYE_CORNERS, 1].mean() < level[NOSE_TIP, 1] - level[EYE_CORNERS, 1].mean()
    assert estimate_pose(up).pitch > 0


def test_roll_is_positive_when_the_head_leans_clockwise(pose_points: Callable[..., np.ndarray]):
    points = pose_points(roll=30)
    assert points[45, 1] > points[36, 1]  # the eye at the picture's right goes down
    assert estimate_pose(points).roll == pytest.approx(30, abs=0.1)


def test_mirrored_points_turn_yaw_and_roll_around_and_keep_pitch(
    draw_face: Callable, mirror_order: np.ndarray
):
    for index in range(6):
        points = draw_face(index)[1].points
        here, there = estimate_pose(points), estimate_pose(points[mirror_order] * [-1, 1])
        assert [there.yaw, there.pitch, there.roll] == pytest.approx(
            [-here.yaw, here.pitch, -here.roll], abs=1e-6
        )
        assert there.scale_px == pytest.approx(here.scale_px)
        assert there.misfit == pytest.approx(here.misfit)


def test_scaling_and_moving_the_points_changes_scale_and_place_only(draw_face: Callable):
    points = draw_face(2)[1].points.astype(np.float64)
    here, there = estimate_pose(points), estimate_pose(points * 3 + [50, -20])
    assert np.allclose(here.rotation, there.rotation)
    assert there.scale_px == pytest.approx(3 * here.scale_px)
    assert there.translation_px == pytest.approx(here.translation_px * 3 + [50, -20])


@pytest.mark.parametrize("index", range(12))
def test_the_bent_face_meets_nose_and_chin_of_a_drawn_face(draw_face: Callable, index: int):
    points = draw_face(index)[1].points.astype(np.float64)
    face = pose_face(points)
    missed = np.hypot(*(face.project(GENERIC_POINTS) - points).T) / face.pose.scale_px
    assert missed[[27, 28, 29, 30, 33, CHIN]].max() < 0.08
    assert missed[[CHIN, NOSE_TIP]].mean() < 0.05


@pytest.mark.parametrize(("yaw", "pitch", "roll"), [(0, 0, 0), (20, 10, -15), (-40, 0, 90)])
def test_a_face_that_is_the_generic_one_is_hardly_bent_at_nose_and_chin(
    pose_points: Callable[..., np.ndarray], yaw: float, pitch: float, roll: float
):
    points = pose_points(yaw, pitch, roll)
    face = pose_face(points)
    near = GENERIC_POINTS[[28, 29, 30, 33, 48, 54, CHIN]]
    moved = np.hypot(*(face.project(near) - face.pose.project(near)).T) / face.pose.scale_px
    assert moved.max() < 0.1


@pytest.mark.parametrize("turn", [30, 90, 180])
def test_the_bend_turns_with_the_picture(draw_face: Callable, turn: float):
    points = draw_face(4)[1].points.astype(np.float64)
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    clockwise = np.array([[c, s], [-s, c]])
    here, there = pose_face(points), pose_face(points @ clockwise)
    gap = here.project(GENERIC_POINTS) @ clockwise - there.project(GENERIC_POINTS)
    assert np.abs(gap).max() < 1e-6 * here.pose.scale_px
    rest = (there.pose.roll - here.pose.roll - turn + 180) % 360 - 180
    assert rest == pytest.approx(0, abs=1e-4)


def test_small_moves_of_the_points_move_the_bent_face_little(draw_face: Callable):
    points = draw_face(1)[1].points.astype(np.float64)
    rng = np.random.default_rng(3)
    base = pose_face(points)
    for _ in range(20):
        shaken = pose_face(points + rng.uniform(-0.25, 0.25, points.shape))
        assert np.abs(shaken.project(GENERIC_POINTS) - base.project(GENERIC_POINTS)).max() < 2.5


def test_points_on_one_line_give_finite_numbers():
    face = pose_face(np.column_stack([np.arange(68.0), np.arange(68.0)]))
    assert np.isfinite([face.pose.yaw, face.pose.pitch, face.pose.roll, face.pose.scale_px]).all()
    assert np.isfinite(face.project(GENERIC_POINTS)).all()
