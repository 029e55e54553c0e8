"""Photographs that lie on their side or stand on their head, without EXIF that says so."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from unmask.datagen.faces.frame import frame_corners, frame_turn_deg, place_frame
from unmask.datagen.pictures.arrays import F64
from unmask.datagen.pictures.pyramid import PicturePyramid
from unmask.model.inference.face_finder import FoundFace
from unmask.model.inference.photo import NO_FACE, NO_MASK, OK, restore_photo
from unmask.model.inference.quarter_turns import frame_turned_back, quarter_turned
from unmask.model.inference.unmasker import Unmasker

SIZE = (307, 541)
FRAME = place_frame((200.0, 150.0), 90.0, 10.0)
RED = (255, 0, 0)  # in the corner at the top left of the upright photograph


class UprightFinder:
    """Finds a face where the photograph stands upright, and something worse in other positions."""

    def __init__(self, score: float = 5.0, others: float = 1.0) -> None:
        self.score, self.others, self.looks = score, others, 0

    def find(
        self, picture: PicturePyramid, hints: Sequence[F64] = (), *, doubtful: bool = False
    ) -> list[FoundFace]:
        self.looks += 1
        if tuple(picture.levels[0][0, 0]) == RED:
            return [FoundFace(FRAME, self.score)]
        return [FoundFace(place_frame((60.0, 60.0), 60.0), self.others)]


@pytest.fixture
def photo() -> np.ndarray:
    photo = np.random.default_rng(3).integers(0, 250, (*SIZE, 3), np.uint8)
    photo[0, 0] = RED
    return photo


@pytest.fixture
def own_map() -> np.ndarray:
    map_ = np.zeros(SIZE, np.uint8)
    cv2.ellipse(map_, (197, 180), (30, 22), 10, 0, 360, 255, -1)
    return map_


def use(unmasker: Unmasker, finder: UprightFinder) -> UprightFinder:
    unmasker.__dict__["finder"] = finder
    return finder


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_photograph_gives_what_the_upright_one_gives_turned(
    unmasker: Unmasker, photo: np.ndarray, own_map: np.ndarray, quarters: int
) -> None:
    use(unmasker, UprightFinder())
    upright = restore_photo(unmasker, photo, own_map)
    turned_photo, turned_map = quarter_turned(photo, quarters), quarter_turned(own_map, quarters)
    turned = restore_photo(unmasker, turned_photo, turned_map)
    assert (turned.status, turned.image.shape) == (OK, turned_photo.shape)
    assert np.array_equal(turned.image, quarter_turned(upright.image, quarters))
    assert np.array_equal(turned.map, turned_map)
    assert np.array_equal(turned.straps, quarter_turned(upright.straps, quarters))
    far = cv2.dilate(turned_map, np.ones((31, 31), np.uint8)) == 0
    assert np.array_equal(turned.image[far], turned_photo[far])


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_the_face_lies_where_it_is_in_the_photograph_as_it_was_given(
    unmasker: Unmasker, photo: np.ndarray, own_map: np.ndarray, quarters: int
) -> None:
    use(unmasker, UprightFinder())
    turned = restore_photo(unmasker, quarter_turned(photo, quarters), quarter_turned(own_map, quarters))
    face = turned.faces[0]
    marked = np.zeros(SIZE, np.uint8)
    x, y = np.rint(frame_corners(FRAME)[0]).astype(int)
    marked[y, x] = 255
    (row,), (column,) = np.nonzero(quarter_turned(marked, quarters))
    assert frame_corners(face.frame)[0] == pytest.approx((column, row), abs=0.51)
    assert face.eye_dist_px == pytest.approx(FoundFace(FRAME, 1.0).eye_dist_px)
    leans = frame_turn_deg(face.frame) - frame_turn_deg(FRAME)
    assert (leans + 90 * quarters) % 360 == pytest.approx(0, abs=1e-6)


def test_a_frame_turned_back_and_forth_is_the_same() -> None:
    height, width = SIZE
    back = frame_turned_back(FRAME, 1, width, height)
    assert frame_turned_back(back, 3, height, width) == pytest.approx(FRAME)
    assert frame_turned_back(FRAME, 0, width, height) == pytest.approx(FRAME)
    twice = frame_turned_back(frame_turned_back(FRAME, 2, width, height), 2, width, height)
    assert twice == pytest.approx(FRAME)


def test_a_sure_face_in_the_photograph_as_it_is_ends_the_search(
    unmasker: Unmasker, photo: np.ndarray, own_map: np.ndarray
) -> None:
    finder = use(unmasker, UprightFinder(score=2.1, others=9.0))
    assert restore_photo(unmasker, photo, own_map).faces[0].score == 2.1
    assert finder.looks == 1
    own_map[:] = 0
    assert restore_photo(unmasker, photo, own_map).status == NO_MASK
    assert finder.looks == 2


def test_a_bare_face_in_another_position_is_none_where_one_with_a_mask_is_found(
    unmasker: Unmasker, photo: np.ndarray, own_map: np.ndarray
) -> None:
    use(unmasker, UprightFinder(score=2.5, others=4.7))  # the surer ones lie where no map is
    given = quarter_turned(photo, 1)
    finder = unmasker.finder

    def find(
        picture: PicturePyramid, hints: Sequence[F64] = (), *, doubtful: bool = False
    ) -> list[FoundFace]:
        faces = UprightFinder.find(finder, picture, hints)
        return [] if np.array_equal(picture.levels[0], given) else faces

    finder.__dict__["find"] = find
    restored = restore_photo(unmasker, given, quarter_turned(own_map, 1))
    assert [round(face.score, 1) for face in restored.faces] == [2.5]
    assert np.array_equal(restored.map, quarter_turned(own_map, 1))


def test_an_unsure_face_counts_in_the_photograph_as_it_is_only(
    unmasker: Unmasker, photo: np.ndarray, own_map: np.ndarray
) -> None:
    finder = use(unmasker, UprightFinder(score=0.5, others=1.9))
    restored = restore_photo(unmasker, photo, own_map)
    assert finder.looks == 4
    assert [face.score for face in restored.faces] == [0.5]
    assert restored.status == OK
    use(unmasker, UprightFinder(score=1.9, others=1.9))
    assert restore_photo(unmasker, quarter_turned(photo, 2), np.zeros(SIZE, np.uint8)).status == NO_FACE
