from collections.abc import Callable

import cv2
import numpy as np
import pytest

from unmask.datagen.faces.landmarks import Landmarks, quantise
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.datagen.render.jitter import Jitter, apply_jitter, draw_jitter
from unmask.datagen.render.pose import estimate_pose
from unmask.datagen.render.turn import FARTHEST_DEG, turn_face

Pose = Callable[..., np.ndarray]
STILL = {"scale": 1.0, "roll": 0.0, "shift_x": 0.0, "shift_y": 0.0, "flip": False}


def face(pose_points: Pose, **turn: float) -> Landmarks:
    return Landmarks(quantise(pose_points(**turn, scale=50, origin=(120, 90))), "drawn")


def ramp(height: int = 230, width: int = 240) -> np.ndarray:
    x, y = np.meshgrid(np.linspace(20, 230, width), np.linspace(20, 230, height))
    return np.dstack([x, y, np.full_like(x, 90)]).astype(np.uint8)


def test_no_degrees_give_the_picture_itself(pose_points: Pose):
    image, landmarks = ramp(), face(pose_points, yaw=20)
    turned, points = turn_face(image, landmarks, 0.0)
    assert turned is image and points is landmarks


@pytest.mark.parametrize("yaw", [-30.0, -22.0, 22.0, 30.0])
@pytest.mark.parametrize("degrees", [10.0, 25.0])
def test_a_head_turns_on_to_the_side_to_which_it_looks(pose_points: Pose, yaw: float, degrees: float):
    landmarks = face(pose_points, yaw=yaw, pitch=6, roll=8)
    before = estimate_pose(landmarks.points)
    after = estimate_pose(turn_face(ramp(), landmarks, degrees)[1].points)
    assert abs(after.yaw - before.yaw - np.copysign(degrees, yaw)) < 3
    assert np.abs(after.rotation[:, 1] - before.rotation[:, 1]).max() < 0.04  # about the head's own axis
    assert after.scale_px == pytest.approx(before.scale_px, rel=0.05)


def test_no_face_is_turned_beyond_what_its_photograph_shows(pose_points: Pose):
    for yaw, most in ((0.5, 16), (12, 40), (45, FARTHEST_DEG)):
        after = estimate_pose(turn_face(ramp(), face(pose_points, yaw=yaw), 90.0)[1].points)
        assert abs(after.yaw) < most + 3
    landmarks = face(pose_points, yaw=75)
    assert turn_face(ramp(), landmarks, 40.0)[1] is landmarks


def test_what_is_on_the_face_goes_with_its_points(pose_points: Pose):
    landmarks = face(pose_points, yaw=25)
    for index in (36, 39, 48):  # corners of eye and mouth on the side that stays in sight
        image = ramp()
        x, y = np.rint(landmarks.points[index]).astype(int)
        cv2.circle(image, (int(x), int(y)), 4, (255, 0, 255), -1)
        turned, points = turn_face(image, landmarks, 35.0)
        found = np.argwhere((turned[..., 2] > 170) & (turned[..., 1] < 60))[:, ::-1]
        assert len(found) > 5
        assert np.hypot(*(found.mean(axis=0) - points.points[index])) < 5, index
        assert np.hypot(*(points.points[index] - landmarks.points[index])) > 3


def test_the_turned_picture_is_whole_and_has_the_photographs_size(draw_face: Callable):
    image, landmarks = draw_face(0)
    points = landmarks.points + 0.0
    points[17:, 0] += 8  # a face that looks aside
    turned, after = turn_face(image, Landmarks(quantise(points), "drawn"), 30.0)
    assert turned.shape == image.shape and turned.dtype == np.uint8
    assert np.array_equal(turned, turn_face(image, Landmarks(quantise(points), "drawn"), 30.0)[0])
    assert np.abs(turned.mean() - image.mean()) < 25
    assert (after.points != points).any()


def test_a_mirrored_face_is_turned_to_the_other_side(pose_points: Pose, mirror_order: np.ndarray):
    landmarks = face(pose_points, yaw=25, pitch=4)
    mirrored = Landmarks(quantise(landmarks.points[mirror_order] * [-1, 1] + [239, 0]), "drawn")
    image = ramp()
    here, points = turn_face(image, landmarks, 30.0)
    there, others = turn_face(np.ascontiguousarray(image[:, ::-1]), mirrored, 30.0)
    assert np.abs(others.points[mirror_order] * [-1, 1] + [239, 0] - points.points).max() < 1
    assert np.median(np.abs(here.astype(int) - there[:, ::-1])) <= 3


def test_the_range_is_drawn_after_all_else_and_turns_a_head_that_is_alone(pose_points: Pose):
    usual, turning = load_recipe_config(), load_recipe_config(pins=["jitter.turn=[20, 40]"])
    for seed in range(20):
        old, new = (draw_jitter(np.random.default_rng(seed), config) for config in (usual, turning))
        assert old.turn == 0 and 20 <= new.turn <= 40
        assert vars(old) | {"turn": new.turn} == vars(new)
    landmarks, jitter = face(pose_points, yaw=25), Jitter(**STILL, turn=30.0)
    _, (alone,) = apply_jitter(ramp(), [landmarks], jitter, None)
    assert estimate_pose(alone.points).yaw > 50
    _, both = apply_jitter(ramp(), [landmarks, landmarks], jitter, None)
    assert [estimate_pose(one.points).yaw < 30 for one in both] == [True, True]
