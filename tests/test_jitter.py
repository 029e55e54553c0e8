from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from unmask.datagen.common.rng import generator
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.datagen.render.jitter import MIRRORED_POINTS, Jitter, apply_jitter, draw_jitter
from unmask.datagen.render.triplet import Triplet, make_triplet, replay
from unmask.datagen.render.triplet_config import TripletConfig

STILL = Jitter(scale=1.0, roll=0.0, shift_x=0.0, shift_y=0.0, flip=False)
DrawFace = Callable[[int], tuple[np.ndarray, Landmarks]]


@pytest.fixture(scope="module")
def jittered(triplet_config: TripletConfig) -> TripletConfig:
    return replace(triplet_config, jitter=True)


def make(
    draw_face: DrawFace, config: TripletConfig, index: int = 0, key: str = "a", variant: int = 0
) -> Triplet:
    image, landmarks = draw_face(index)
    made = make_triplet(image, [landmarks], config, key=key, variant=variant)
    assert isinstance(made, Triplet), made
    return made


def marked(points: np.ndarray, numbers: range, height: int = 218, width: int = 178) -> np.ndarray:
    """A black picture with a white spot on each of some points, drawn by area so that centres are exact."""
    y, x = np.mgrid[:height, :width]
    spots = [np.exp(-0.5 * ((x - points[n, 0]) ** 2 + (y - points[n, 1]) ** 2) / 1.5**2) for n in numbers]
    return np.repeat((255 * np.max(spots, axis=0)).round().astype(np.uint8)[..., None], 3, axis=2)


def centre_near(image: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Centre of brightness within 5 pixels of a point."""
    x, y = np.rint(point).astype(int)
    window = image[max(y - 5, 0) : y + 6, max(x - 5, 0) : x + 6, 0].astype(np.float64)
    rows, cols = np.indices(window.shape)
    total = window.sum()
    return np.array(
        [(cols * window).sum() / total + max(x - 5, 0), (rows * window).sum() / total + max(y - 5, 0)]
    )


def test_mirroring_twice_gives_every_point_back_and_swaps_left_and_right(mirror_order: np.ndarray):
    assert sorted(MIRRORED_POINTS.tolist()) == list(range(68))
    assert np.array_equal(MIRRORED_POINTS[MIRRORED_POINTS], np.arange(68))
    assert np.array_equal(MIRRORED_POINTS, mirror_order)
    alone = [n for n in range(68) if MIRRORED_POINTS[n] == n]
    assert alone == [8, 27, 28, 29, 30, 33, 51, 57, 62, 66]


@pytest.mark.parametrize(
    "jitter",
    [
        replace(STILL, roll=12.0),
        replace(STILL, scale=1.2),
        replace(STILL, shift_x=0.05, shift_y=-0.07),
        replace(STILL, flip=True),
        Jitter(0.8, -10.0, -0.05, 0.06, True),
    ],
)
@pytest.mark.parametrize("size", [None, (150, 150), (260, 300)])
def test_marked_points_move_as_the_landmarks_do(
    draw_face: DrawFace, jitter: Jitter, size: tuple[int, int] | None
):
    _, landmarks = draw_face(0)
    inner = range(36, 48, 3)
    moved, (face,) = apply_jitter(marked(landmarks.points, inner), [landmarks], jitter, size)
    assert moved.shape[1::-1] == (size or (178, 218))
    numbers = [int(np.flatnonzero(n == MIRRORED_POINTS)[0]) if jitter.flip else n for n in inner]
    for number in numbers:
        assert np.abs(centre_near(moved, face.points[number]) - face.points[number]).max() < 0.5
    assert np.array_equal(face.points, np.round(face.points * 4) / 4)


def test_a_roll_is_clockwise_and_a_shift_is_a_share_of_the_size(draw_face: DrawFace):
    image, landmarks = draw_face(0)
    _, (rolled,) = apply_jitter(image, [landmarks], replace(STILL, roll=8.0), None)
    assert rolled.roll_deg - landmarks.roll_deg == pytest.approx(8, abs=0.5)
    _, (shifted,) = apply_jitter(image, [landmarks], replace(STILL, shift_x=0.1, shift_y=0.05), None)
    assert np.allclose(shifted.points - landmarks.points, [17.8, 10.9], atol=0.13)
    _, (large,) = apply_jitter(image, [landmarks], replace(STILL, scale=1.5), None)
    assert large.eye_dist_px == pytest.approx(1.5 * landmarks.eye_dist_px, rel=0.02)


def test_a_flip_mirrors_the_picture_to_the_bit_and_keeps_left_left(draw_face: DrawFace):
    image, landmarks = draw_face(4)
    mirrored, (face,) = apply_jitter(image, [landmarks], replace(STILL, flip=True), None)
    assert np.array_equal(mirrored, image[:, ::-1])
    assert face.points[36, 0] < face.points[45, 0]
    assert face.points[0, 0] < face.points[16, 0]
    again, (back,) = apply_jitter(mirrored, [face], replace(STILL, flip=True), None)
    assert np.array_equal(again, image)
    assert back == landmarks


def test_nothing_to_move_leaves_the_picture_alone(draw_face: DrawFace):
    image, landmarks = draw_face(2)
    same, (face,) = apply_jitter(image, [landmarks], STILL, None)
    assert np.array_equal(same, image)
    assert face == landmarks


def test_equal_seed_key_and_variant_give_equal_bytes_and_variants_differ(
    draw_face: DrawFace, jittered: TripletConfig
):
    one, again = make(draw_face, jittered), make(draw_face, jittered)
    for part in ("masked", "map", "clean", "layers"):
        assert getattr(one, part).tobytes() == getattr(again, part).tobytes()
    assert one.recipe_json == again.recipe_json
    others = [make(draw_face, jittered, variant=variant) for variant in (1, 2)]
    others += [make(draw_face, jittered, key="b"), make(draw_face, replace(jittered, seed=2))]
    for first, second in pairwise([one, *others]):
        assert not np.array_equal(first.clean, second.clean)


def test_the_mask_drawn_is_the_same_with_and_without_jitter(
    draw_face: DrawFace, jittered: TripletConfig, triplet_config: TripletConfig
):
    same = [
        make(draw_face, jittered, 0, variant=n).summary.template
        == make(draw_face, triplet_config, 0, variant=n).summary.template
        for n in range(6)
    ]
    assert sum(same) >= 5  # quality control may refuse one of the two and draw again


def test_pixels_off_the_mask_are_those_of_the_jittered_picture_which_replays(
    draw_face: DrawFace, jittered: TripletConfig
):
    for index in range(4):
        for config in (jittered, replace(jittered, size=(128, 128))):
            made = make(draw_face, config, index)
            untouched = ~made.layers.any(axis=2)
            assert untouched.any()
            assert np.array_equal(made.masked[untouched], made.clean[untouched])
            again = replay(made.clean, made.recipe_json, config.templates)
            assert np.array_equal(again.masked, made.masked)
            assert np.array_equal(again.layers, made.layers)
            assert again.summary == made.summary


def test_the_source_picture_and_its_points_are_not_changed(draw_face: DrawFace, jittered: TripletConfig):
    image, landmarks = draw_face(3)
    before, points = image.copy(), landmarks.points.copy()
    make(draw_face, jittered, 3)
    assert np.array_equal(image, before)
    assert np.array_equal(landmarks.points, points)


def test_the_homogeneous_recipe_moves_nothing_but_may_mirror(draw_face: DrawFace):
    config = load_recipe_config("homogeneous")
    image, landmarks = draw_face(5)
    flips = set()
    for variant in range(12):
        jitter = draw_jitter(generator(1, "a", variant, "jitter"), config)
        moved, _ = apply_jitter(image, [landmarks], jitter, None)
        assert np.array_equal(moved, image[:, ::-1] if jitter.flip else image)
        flips.add(jitter.flip)
    assert flips == {True, False}


def test_pins_reach_the_jitter(draw_face: DrawFace):
    still = [
        f"jitter.{name}={value}" for name, value in (("scale", 1), ("roll", 0), ("shift", 0), ("flip", 0))
    ]
    drawn = draw_jitter(generator(1, "a", 0, "jitter"), load_recipe_config("default", still))
    assert replace(drawn, repeat=False) == STILL
    turned = draw_jitter(
        generator(1, "a", 0, "jitter"), load_recipe_config("default", [*still, "jitter.roll=[-170,-160]"])
    )
    assert -170 <= turned.roll <= -160


def test_beyond_its_edges_a_picture_is_repeated_or_mirrored(draw_face: DrawFace):
    image, landmarks = draw_face(5)
    aside = replace(STILL, shift_x=0.25)
    mirrored, _ = apply_jitter(image, [landmarks], aside, None)
    repeated, _ = apply_jitter(image, [landmarks], replace(aside, repeat=True), None)
    beyond = image.shape[1] // 5
    assert np.array_equal(mirrored[:, beyond * 2 :], repeated[:, beyond * 2 :])
    assert (repeated[:, :beyond] == repeated[:, :1]).all()
    assert not (mirrored[:, :beyond] == mirrored[:, :1]).all()
    drawn = [draw_jitter(generator(1, "a", n, "jitter"), load_recipe_config("default")) for n in range(12)]
    assert {jitter.repeat for jitter in drawn} == {True, False}


def test_the_mouth_is_not_always_at_the_same_place(
    draw_face: DrawFace, jittered: TripletConfig, triplet_config: TripletConfig
):
    def spread(config: TripletConfig) -> np.ndarray:
        maps = [make(draw_face, config, n % 3, variant=n).map for n in range(18)]
        return np.std([np.argwhere(m >= 128).mean(axis=0) for m in maps], axis=0)

    assert (spread(jittered) > 4).all()
    assert spread(jittered).prod() > 3 * spread(triplet_config).prod()


def test_a_picture_shrunk_by_the_jitter_does_not_alias():
    stripes = np.zeros((218, 178, 3), np.uint8)
    stripes[:, ::2] = 255
    landmarks = Landmarks(np.full((68, 2), 50, np.float32), "drawn")
    small, _ = apply_jitter(stripes, [landmarks], replace(STILL, scale=0.5), None)
    assert small.std() < 30
    assert cv2.GaussianBlur(small, (0, 0), 3).std() < 12
