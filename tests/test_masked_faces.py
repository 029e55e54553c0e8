from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from unmask.datagen.common.errors import UserError
from unmask.datagen.faces.frame import (
    FRAME_EYE_DIST_PX,
    FRAME_POINTS,
    fit_frame,
    frame_above_mask,
    frame_box,
    frame_corners,
    frame_distance,
    frame_scale,
    frame_turn_deg,
    place_frame,
    snapped,
)
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.pictures.pyramid import Grid, PicturePyramid
from unmask.datagen.render.triplet import Triplet, make_triplet
from unmask.datagen.render.triplet_config import TripletConfig
from unmask.model.checkpoints.shipped import weights_folder
from unmask.model.common.limits import LEAST_SCORE
from unmask.model.inference.face_finder import (
    SURE,
    FaceFinder,
    FoundFace,
    distinct,
    moved,
    possible,
    thinned,
)
from unmask.model.inference.torch_modules import TrainedModule, load_finder
from unmask.model.networks.frame_look import LOOK, corrected
from unmask.model.networks.frame_net import FrameNet, load_frame_module

CPU = torch.device("cpu")
LEANING = np.array(
    [[1.5 * np.cos(0.3), -1.5 * np.sin(0.3), 40.0], [1.5 * np.sin(0.3), 1.5 * np.cos(0.3), -7.0]]
)


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    """The shipped one."""
    return load_finder(CPU)


@pytest.fixture(scope="module")
def masked_photo(
    draw_face: Callable[[int], tuple[np.ndarray, Landmarks]], triplet_config: TripletConfig
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A drawn masked face that leans in a larger picture, its map, and its frame."""
    image, landmarks = draw_face(2)
    made = make_triplet(image, [landmarks], triplet_config, key="a", variant=0)
    assert isinstance(made, Triplet)
    frame = moved(place_frame((230.0, 190.0), 130.0), 1.0, 12.0, 0.0, 0.0)
    canvas = np.full((330, 470, 3), (96, 110, 120), np.uint8)
    canvas = cv2.warpAffine(made.masked, frame, (470, 330), canvas, cv2.INTER_CUBIC, cv2.BORDER_TRANSPARENT)
    return canvas, cv2.warpAffine(made.map, frame, (470, 330)), frame


def test_the_frame_of_the_mean_face_is_the_similarity_that_moved_it() -> None:
    assert fit_frame(FRAME_POINTS @ LEANING[:, :2].T + LEANING[:, 2]) == pytest.approx(LEANING)
    assert frame_scale(LEANING) == pytest.approx(1.5)
    assert frame_turn_deg(LEANING) == pytest.approx(np.degrees(0.3))


def test_a_frame_is_placed_by_the_box_that_it_gives() -> None:
    frame = place_frame((200.0, 120.0), 45.0, 20.0)
    box = frame_box(frame)
    assert (box.x, box.y, box.width) == pytest.approx((200.0, 120.0, 45.0))
    assert frame_turn_deg(frame) == pytest.approx(20.0)


def test_the_distance_of_two_frames_is_counted_in_eye_distances() -> None:
    other = LEANING + np.array([[0, 0, 0.2 * 1.5 * FRAME_EYE_DIST_PX], [0, 0, 0]])
    assert frame_distance(LEANING, LEANING) == 0
    assert frame_distance(LEANING, other) == pytest.approx(0.2)


def test_the_eyes_of_the_mean_face_are_the_frames_corners() -> None:
    eyes = [FRAME_POINTS[36:42].mean(0), FRAME_POINTS[42:48].mean(0)]
    assert frame_corners(np.eye(2, 3))[:2] == pytest.approx(np.array(eyes), abs=0.3)


def test_frames_on_the_grid_are_near_and_the_same_for_answers_that_differ_in_their_last_bits() -> None:
    rng, other = np.random.default_rng(3), 0
    for _ in range(200):
        x, y, width, turn = rng.uniform((-50, -50, 8, -170), (3000, 3000, 900, 170))
        frame = snapped(place_frame((x, y), width, turn))
        assert frame_distance(place_frame((x, y), width, turn), frame) < 0.003
        assert snapped(frame) == pytest.approx(frame, abs=1e-9)
        nudged = place_frame((x + 1e-6 * width, y), width * (1 + 1e-6), turn + 1e-6)
        other += not np.array_equal(snapped(nudged), frame)
    assert other <= 3


def test_a_mask_as_large_as_most_gives_the_frame_of_celeba() -> None:
    assert frame_above_mask(90.5, 158.0, 61.0) == pytest.approx(np.eye(2, 3), abs=1e-9)


def test_a_crop_at_full_scale_has_the_pictures_pixels() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 70, 3), np.uint8)
    assert np.array_equal(
        PicturePyramid(image).cut(np.array([[1.0, 0, 5], [0, 1, 8]]), 20, 10), image[8:18, 5:25]
    )


def test_a_crop_of_an_odd_picture_is_where_it_was_asked_for_at_every_scale() -> None:
    rows, columns = np.mgrid[:301, :427]
    image = np.stack([columns / 2, rows / 2, 0 * rows], 2).astype(np.uint8)
    for step in (1.2, 2.9, 5.0):
        crop = PicturePyramid(image).cut(np.array([[step, 0, 60], [0, step, 50]]), 30, 24).astype(float)
        assert crop[..., 0] == pytest.approx(
            np.tile((60 + step * np.arange(30)) / 2, (24, 1)), abs=1.6
        )  # levels are rounded three times
        assert crop[..., 1] == pytest.approx(
            np.tile((50 + step * np.arange(24))[:, None] / 2, (1, 30)), abs=1.6
        )  # levels are rounded three times


def test_a_crop_that_shrinks_does_not_alias() -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (200, 100))
    crop = PicturePyramid(stripes).cut(np.array([[8.0, 0, 3], [0, 8.0, 3]]), 24, 24)
    assert np.ptp(crop.astype(int)) <= 2


def test_beyond_a_picture_lies_its_mirror_image_or_what_is_asked_for() -> None:
    image = np.arange(20, dtype=np.uint8).reshape(1, 20).repeat(16, 0)
    left = np.array([[1.0, 0, -3], [0, 1, 0]])
    assert PicturePyramid(image).cut(left, 5, 1).tolist() == [[3, 2, 1, 0, 1]]
    assert PicturePyramid(image).cut(left, 5, 1, border=cv2.BORDER_REPLICATE).tolist() == [[0, 0, 0, 0, 1]]


def test_a_small_picture_can_be_enlarged_and_a_large_one_shrunk() -> None:
    image = np.zeros((100, 60, 3), np.uint8)
    for side in (40, 250):
        small, factor = PicturePyramid(image).shrunk(side)
        assert small.shape == (side, round(0.6 * side), 3)
        assert factor == pytest.approx(100 / side)


def test_the_grid_of_a_look_is_centred_where_it_says() -> None:
    matrix = LOOK.to_picture(np.eye(2, 3))
    assert matrix @ [(LOOK.width - 1) / 2, (LOOK.height - 1) / 2, 1] == pytest.approx(LOOK.centre)
    assert Grid(178, 218, 1.0, (88.5, 108.5)).to_picture(np.eye(2, 3)) == pytest.approx(np.eye(2, 3))


def test_a_correction_leads_from_the_guess_to_the_frame() -> None:
    centre = np.array(LOOK.centre)
    guess = place_frame((50.0, 60.0), 90.0, 30.0)
    a, b, x, y = 0.2, -0.1, 0.3, -0.2
    turn = np.array([[1 + a, -b], [b, 1 + a]])
    point = np.array([100.0, 140.0])
    there = centre + turn @ (point - centre) + FRAME_EYE_DIST_PX * np.array([x, y])
    better = corrected(guess, np.array([a, b, x, y, 9.0]))
    assert better[:, :2] @ point + better[:, 2] == pytest.approx(guess[:, :2] @ there + guess[:, 2])


def test_no_correction_leaves_the_guess() -> None:
    assert corrected(LEANING, np.zeros(5)) == pytest.approx(LEANING)


def test_a_masked_face_is_found_where_it_is(
    finder: FaceFinder, masked_photo: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    canvas, _, frame = masked_photo
    (face,) = finder.find(PicturePyramid(canvas))
    assert face.score > SURE
    assert frame_distance(frame, face.frame) < 0.2
    assert face.eye_dist_px == pytest.approx(FRAME_EYE_DIST_PX * 130 / 90, rel=0.15)


@pytest.mark.parametrize("turn_deg", [-40.0, 0.0, 40.0])
def test_bare_faces_are_found_upright_and_leaning_and_in_every_place(
    finder: FaceFinder, draw_face: Callable[[int], tuple[np.ndarray, Landmarks]], turn_deg: float
) -> None:
    places = [
        place_frame(middle, 70.0, turn_deg) for middle in ((110.0, 120.0), (330.0, 120.0), (220.0, 300.0))
    ]
    canvas = np.full((420, 440, 3), (96, 110, 120), np.uint8)
    for index, frame in enumerate(places):
        image, _ = draw_face(index)
        canvas = cv2.warpAffine(image, frame, (440, 420), canvas, cv2.INTER_AREA, cv2.BORDER_TRANSPARENT)
    found = finder.find(PicturePyramid(canvas))
    assert len(found) == 3
    for frame in places:
        assert min(frame_distance(frame, face.frame) for face in found) < 0.35


def test_hints_lead_to_a_face_that_the_finder_does_not_see(
    finder: FaceFinder, masked_photo: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    canvas, map_, frame = masked_photo
    blind = FaceFinder(finder.frames, TrainedModule(Blind(), {}, CPU))
    picture = PicturePyramid(canvas)
    assert blind.find(picture) == []
    _, _, _, middles = cv2.connectedComponentsWithStats((map_ >= 128).astype(np.uint8))
    (face,) = blind.find(picture, [frame_above_mask(*middles[1], float((map_ >= 128).sum()) ** 0.5)])
    assert frame_distance(frame, face.frame) < 0.2


def test_an_empty_picture_shows_no_face(finder: FaceFinder) -> None:
    for shape in ((300, 200, 3), (1, 1, 3), (3, 900, 3)):
        assert finder.find(PicturePyramid(np.full(shape, 128, np.uint8))) == []


def test_where_no_face_is_sure_all_that_may_be_one_are_told_to_whom_it_concerns(
    finder: FaceFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = place_frame((60.0, 60.0), 40.0)
    scores = [1.2, 0.4, LEAST_SCORE, LEAST_SCORE - 0.1]
    seen = [FoundFace(frame, score) for score in scores]
    monkeypatch.setattr(FaceFinder, "_settled", lambda *_: seen)
    picture = PicturePyramid(np.zeros((120, 120, 3), np.uint8))
    assert [face.score for face in finder.find(picture)] == scores[:1]
    assert {face.score for face in finder.find(picture, doubtful=True)} == set(scores[:3])
    seen.append(FoundFace(frame, SURE))
    assert [face.score for face in finder.find(picture, doubtful=True)] == [SURE]


def test_a_part_of_a_face_gives_way_to_the_whole() -> None:
    whole = FoundFace(place_frame((200.0, 200.0), 120.0), 3.0)
    ear = FoundFace(place_frame((240.0, 200.0), 20.0), 4.0)
    beside = FoundFace(place_frame((420.0, 200.0), 20.0), 2.5)
    assert distinct([ear, whole, beside]) == [whole, beside]


def test_a_face_inside_what_is_hardly_one_stays() -> None:
    coat = FoundFace(place_frame((200.0, 200.0), 120.0), 1.0)
    face = FoundFace(place_frame((210.0, 190.0), 30.0), 5.0)
    assert distinct([coat, face]) == [face]


def test_of_equal_frames_the_best_is_looked_at_again() -> None:
    near, far = moved(LEANING, 1.0, 0.5, 0.01, 0.0), moved(LEANING, 1.0, 0.0, 1.0, 0.0)
    kept, scores = thinned([LEANING, near, far], [1.0, 3.0, 2.0], 0.1)
    assert scores == [3.0, 2.0]
    assert np.array_equal(kept[0], near)
    assert thinned([], [], 0.1) == ([], [])


def test_a_face_made_of_the_mirrored_border_is_none() -> None:
    picture = PicturePyramid(np.zeros((218, 178, 3), np.uint8))
    assert possible(picture, np.eye(2, 3))
    assert not possible(picture, np.eye(2, 3) + np.array([[0, 0, 0], [0, 0, 130.0]]))
    assert not possible(picture, moved(np.eye(2, 3), 1.0, 120.0, 0.0, 0.0))


def test_frame_weights_that_are_missing_or_something_else_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="missing"):
        load_frame_module(tmp_path / "none.safetensors", CPU)
    (tmp_path / "text").write_bytes(b"not weights at all")
    with pytest.raises(UserError, match="not the weights"):
        load_frame_module(tmp_path / "text", CPU)
    other = weights_folder() / "attributes.safetensors"
    if other.is_file():
        with pytest.raises(UserError, match="not the weights"):
            load_frame_module(other, CPU)


def test_the_frame_network_takes_crops_of_its_size() -> None:
    answer = FrameNet()(torch.zeros(2, 3, LOOK.height, LOOK.width))
    assert answer.shape == (2, 5)


class Blind(torch.nn.Module):
    """Sees nothing anywhere."""

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return torch.full((1, 6, picture.shape[2] // 8, picture.shape[3] // 8), -9.0)
