from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.render.front import front_matte, hair_colour, labelled_matte
from unmask.datagen.render.scene import Scene, read_scene

HAIR = np.array([34, 26, 22])
DARK_HAIRED = (1, 9, 15)  # their hair's colour is read on the painted picture
BARE = (0, 2, 31, 10)
DrawFace = Callable[[int], tuple[np.ndarray, Landmarks]]


def eye_dist(points: np.ndarray) -> float:
    return float(np.linalg.norm(points[36:42].mean(axis=0) - points[42:48].mean(axis=0)))


def face_area(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Inside of jaw line and brows."""
    area = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(area, [np.rint(np.concatenate([points[:17], points[26:16:-1]])).astype(np.int32)], 1)
    return area > 0


def paint_hair(
    image: np.ndarray, points: np.ndarray, *, lock: bool, colour: np.ndarray = HAIR
) -> tuple[np.ndarray, np.ndarray]:
    """The picture with long hair around the face, and where a lock of it covers the left cheek."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width]
    iod, (root_x, root_y) = eye_dist(points), points[27]

    def ellipse(wide: float, high: float, down: float) -> np.ndarray:
        inside = ((x - root_x) / (wide * iod)) ** 2 + ((y - root_y - down * iod) / (high * iod)) ** 2 < 1
        return np.asarray(inside)

    face = cv2.dilate(face_area(points, image.shape).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    skin = face | (ellipse(1.05, 1.15, 0) & (y < root_y))
    head = ellipse(2.0, 2.9, 0.35)
    covered = head & (x < points[36, 0] + 0.05 * iod) & (y > points[17:27, 1].min() - 0.2 * iod) & lock
    strands = (
        colour + np.random.default_rng(0).normal(0, 3, (height, width, 1)) + 4 * np.sin(1.3 * x)[..., None]
    )
    painted = image.copy()
    hairy = (head & ~skin) | covered
    painted[hairy] = np.clip(strands[hairy], 0, 255)
    return painted, covered & face_area(points, image.shape)


def matte_of(image: np.ndarray, points: np.ndarray, scene: Scene | None = None) -> np.ndarray:
    scene = scene or read_scene(image, points)
    found = front_matte(image, (0, 0), scene.face, scene.light, scene.hair_rgb)
    return np.zeros(image.shape[:2], np.float32) if found is None else found


def heights(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """IOD above the root of the nose, for upright faces."""
    return (points[27, 1] - np.mgrid[: image.shape[0], : image.shape[1]][0]) / eye_dist(points)


@pytest.mark.parametrize("index", DARK_HAIRED)
def test_dark_hair_over_a_cheek_stays_in_front_and_bare_skin_does_not(draw_face: DrawFace, index: int):
    image, landmarks = draw_face(index)
    painted, lock = paint_hair(image, landmarks.points, lock=True)
    matte = matte_of(painted, landmarks.points)
    assert matte.dtype == np.float32
    assert 0 <= matte.min() <= matte.max() <= 1
    up = heights(image, landmarks.points)
    below_eyes = lock & (up < -0.25) & (up > -1.1)
    assert below_eyes.sum() > 100
    assert matte[below_eyes].mean() > 0.8
    other = face_area(landmarks.points, image.shape) & (np.mgrid[:218, :178][1] > landmarks.points[30, 0])
    inside = cv2.erode(other.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    assert matte[inside].mean() < 0.02
    assert not matte[up < -1.35].any()


@pytest.mark.parametrize("index", [0, 2, 7, 14])
def test_dark_hair_is_known_by_its_colour_however_bright_the_forehead_is(draw_face: DrawFace, index: int):
    image, landmarks = draw_face(index)
    painted, lock = paint_hair(image, landmarks.points, lock=True)
    scene = read_scene(painted, landmarks.points)
    assert scene.hair_rgb is not None
    assert np.abs(scene.hair_rgb - HAIR).max() < 15
    up = heights(image, landmarks.points)
    assert matte_of(painted, landmarks.points, scene)[lock & (up < -0.25) & (up > -1.1)].mean() > 0.8


@pytest.mark.parametrize("index", BARE)
def test_a_bare_face_has_nothing_in_front(draw_face: DrawFace, index: int):
    image, landmarks = draw_face(index)
    scene = read_scene(image, landmarks.points)
    assert front_matte(image, (0, 0), scene.face, scene.light, scene.hair_rgb) is None


@pytest.mark.parametrize("index", DARK_HAIRED)
def test_hair_beside_the_face_does_not_reach_into_it(draw_face: DrawFace, index: int):
    image, landmarks = draw_face(index)
    painted, _ = paint_hair(image, landmarks.points, lock=False)
    inside = cv2.erode(face_area(landmarks.points, image.shape).astype(np.uint8), np.ones((9, 9), np.uint8))
    assert matte_of(painted, landmarks.points)[inside > 0].mean() < 0.005


def test_light_from_one_side_keeps_nothing_in_front(draw_face: DrawFace):
    image, landmarks = draw_face(DARK_HAIRED[0])
    painted, _ = paint_hair(image, landmarks.points, lock=True)
    scene = read_scene(painted, landmarks.points)
    for side, kept in ((-0.5, False), (-0.3, True), (0.3, True), (0.5, False)):
        light = replace(scene.light, direction=np.array([side, 0.2, 0.4]))
        assert (front_matte(painted, (0, 0), scene.face, light, scene.hair_rgb) is not None) == kept
    ramp = np.clip(0.6 + 0.4 * (np.arange(178) - landmarks.points[27, 0]) / 40, 0.15, 1.1)[None, :, None]
    seen = np.clip(painted * ramp, 0, 255).astype(np.uint8)
    scene = read_scene(seen, landmarks.points)
    assert scene.light.direction[0] > 0.6
    assert front_matte(seen, (0, 0), scene.face, scene.light, scene.hair_rgb) is None


def wear_glasses(
    image: np.ndarray, points: np.ndarray, tone: int, high: float
) -> tuple[np.ndarray, np.ndarray]:
    """Dark frames of a height in IOD with a bridge, a little below the eyes; and where they are."""
    iod = eye_dist(points)
    frame = np.zeros(image.shape[:2], np.uint8)
    thick = max(2, round(0.08 * iod))
    for eye in (points[36:42], points[42:48]):
        centre = np.rint(eye.mean(axis=0) + np.array([0, 0.06 * iod])).astype(int)
        half = np.rint([0.4 * iod, high / 2 * iod]).astype(int)
        cv2.rectangle(frame, (centre - half).tolist(), (centre + half).tolist(), 255, thick)
    inner = np.rint((points[39] + points[42]) / 2).astype(int)
    reach = np.array([round(0.2 * iod), 0])
    cv2.line(frame, (inner - reach).tolist(), (inner + reach).tolist(), 255, thick)
    worn = image.copy()
    worn[frame > 0] = tone
    return worn, frame > 0


def low_frame_kept(image: np.ndarray, points: np.ndarray, high: float) -> float:
    """Share of the frames' lower rims that is kept, after a look at the rest of the face."""
    worn, frame = wear_glasses(image, points, 12, high)
    matte = matte_of(worn, points)
    far = cv2.dilate(frame.astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    up = heights(image, points)
    assert matte[far & face_area(points, image.shape) & (up < -0.2)].mean() < 0.02
    low = frame & (up < -0.2)
    assert low.sum() > 20
    return float(matte[low].mean())


@pytest.mark.parametrize("high", [0.44, 0.54])
def test_dark_frames_that_reach_below_the_eyes_are_kept(draw_face: DrawFace, high: float):
    kept = [low_frame_kept(draw_face(n)[0], draw_face(n)[1].points, high) for n in (0, 2, 10)]
    assert min(kept) > 0.5, kept


@pytest.mark.parametrize("index", [0, 1, 9, 15])
def test_lips_nostrils_and_a_moustache_are_covered_however_dark(draw_face: DrawFace, index: int):
    image, landmarks = draw_face(index)
    points = landmarks.points
    painted, _ = paint_hair(image, points, lock=True)
    dark = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(dark, [np.rint(points[48:60]).astype(np.int32)], 1)
    for nostril in points[31:36]:
        cv2.circle(dark, np.rint(nostril).astype(int).tolist(), 2, 1, -1)
    left, right = np.rint(points[[48, 54]] - [0, 4]).astype(int).tolist()
    cv2.line(dark, left, right, 1, 3)
    for picture in (image.copy(), painted):
        picture[dark > 0] = HAIR
        matte = matte_of(picture, points)
        lips = points[48:60].mean(axis=0)
        centre = np.hypot(*(np.mgrid[:218, :178][::-1] - lips[:, None, None])) < 0.35 * eye_dist(points)
        assert matte[centre].max() < 0.05
        for x, y in np.rint(points[31:36]).astype(int):
            assert matte[y, x] < 0.05


def test_a_beard_is_covered(draw_face: DrawFace):
    for index in (4, 5):
        image, landmarks = draw_face(index)
        up = heights(image, landmarks.points)
        assert not matte_of(image, landmarks.points)[up < -0.75].any()


def test_a_window_gives_the_part_of_the_whole_matte(draw_face: DrawFace):
    image, landmarks = draw_face(DARK_HAIRED[0])
    painted, _ = paint_hair(image, landmarks.points, lock=True)
    scene = read_scene(painted, landmarks.points)
    whole = matte_of(painted, landmarks.points, scene)
    window = np.ascontiguousarray(painted[20:210, 16:170])
    part = front_matte(window, (16, 20), scene.face, scene.light, scene.hair_rgb)
    assert part is not None
    assert np.abs(part - whole[20:210, 16:170])[:, 6:-6].max() < 0.02


def test_hair_as_light_as_the_background_or_of_many_colours_has_no_colour(draw_face: DrawFace):
    image, landmarks = draw_face(DARK_HAIRED[0])
    scene = read_scene(image, landmarks.points)
    skin = scene.light.skin_rgb
    bright, _ = paint_hair(image, landmarks.points, lock=False, colour=np.array([250, 250, 250]))
    assert hair_colour(bright, scene.face, skin) is None
    motley = np.random.default_rng(0).integers(0, 256, image.shape, dtype=np.uint8)
    assert hair_colour(motley, scene.face, skin) is None


def test_labels_in_front_are_opaque_inside_and_soft_at_the_border():
    labels = np.zeros((60, 60), np.uint8)
    labels[20:40, 20:40] = 13
    matte = labelled_matte(labels, 40.0)
    assert matte[25:35, 25:35].min() > 0.99
    assert not matte[:15].any()
    assert 0.1 < matte[20, 30] < 0.9
