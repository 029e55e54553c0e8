"""Faces that are printed on masks."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pytest
import torch

from unmask.datagen.faces.frame import frame_distance, place_frame
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.pictures.pyramid import PicturePyramid
from unmask.datagen.render.triplet import Triplet, make_triplet
from unmask.datagen.render.triplet_config import TripletConfig
from unmask.model.inference.face_finder import SURE, FaceFinder, FoundFace
from unmask.model.inference.face_mask import FaceMask
from unmask.model.inference.photo_patch import Patch
from unmask.model.inference.printed_faces import on_mask, worn_masks
from unmask.model.inference.torch_modules import load_finder

WEARER = FoundFace(place_frame((200.0, 180.0), 200.0), 3.0)
DOUBTFUL = FoundFace(WEARER.frame, 0.5)
PRINT = FoundFace(place_frame((205.0, 250.0), 26.0), 4.0)
BESIDE = FoundFace(place_frame((420.0, 200.0), 60.0), 2.5)


def mask_below(frame: np.ndarray) -> FaceMask:
    """What covers the lower half of a face."""
    x, y = np.rint(frame @ (88.5, 156.0, 1.0)).astype(int)
    half = round(40 * float(np.hypot(frame[0, 0], frame[1, 0])))
    return FaceMask.of_body(Patch(x - half, y - half, np.full((2 * half, 2 * half), 255, np.uint8)))


def worn(
    faces: Sequence[FoundFace], bare: Sequence[FoundFace] = ()
) -> list[tuple[FoundFace, FaceMask | None]]:
    def find(frame: np.ndarray) -> FaceMask | None:
        return None if any(frame is face.frame for face in bare) else mask_below(frame)

    return list(worn_masks(faces, find))


def test_a_face_on_the_mask_of_a_larger_one_is_none() -> None:
    assert [face for face, _ in worn([WEARER, BESIDE, PRINT])] == [WEARER, BESIDE]


def test_a_doubtful_face_that_wears_a_sure_one_on_its_mask_takes_its_place() -> None:
    told = FoundFace(PRINT.frame, PRINT.score, rivals=(DOUBTFUL,))
    ((face, mask),) = worn([told])
    assert face is DOUBTFUL
    assert mask is not None


def test_a_doubtful_face_without_a_mask_is_none_and_the_sure_one_stays() -> None:
    told = FoundFace(PRINT.frame, PRINT.score, rivals=(DOUBTFUL,))
    assert [face for face, _ in worn([told], bare=[DOUBTFUL])] == [told]


def test_two_prints_on_one_mask_show_one_face() -> None:
    prints = [FoundFace(place_frame((x, 250.0), 26.0), 4.0, rivals=(DOUBTFUL,)) for x in (180.0, 225.0)]
    assert [face for face, _ in worn(prints)] == [DOUBTFUL]


def test_a_face_whose_eyes_are_seen_above_a_mask_stays() -> None:
    """Such as one that stands before a coat which looks like a masked face."""
    half_above = FoundFace(place_frame((205.0, 150.0), 40.0), 4.0, rivals=(DOUBTFUL,))
    assert not on_mask(half_above, mask_below(DOUBTFUL.frame))
    assert [face for face, _ in worn([half_above])] == [half_above]


def test_a_mask_that_ends_with_the_photograph_has_no_face_beyond_it() -> None:
    outside = FoundFace(place_frame((-30.0, 250.0), 26.0), 4.0)
    assert not on_mask(outside, mask_below(WEARER.frame))


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    """The shipped one."""
    return load_finder(torch.device("cpu"))


def test_the_wearer_of_a_printed_face_is_found(
    finder: FaceFinder,
    draw_face: Callable[[int], tuple[np.ndarray, Landmarks]],
    triplet_config: TripletConfig,
) -> None:
    """In a close-up: as a face, or as what the print may be part of."""
    image, landmarks = draw_face(2)
    made = make_triplet(image, [landmarks], triplet_config, key="a", variant=0)
    assert isinstance(made, Triplet)
    frame = place_frame((220.0, 250.0), 240.0)
    scene = np.full((430, 440, 3), (96, 110, 120), np.uint8)
    cv2.warpAffine(made.masked, frame, (440, 430), scene, cv2.INTER_CUBIC, cv2.BORDER_TRANSPARENT)
    printed, _ = draw_face(5)
    place = place_frame((225.0, 322.0), 26.0)
    cv2.warpAffine(printed, place, (440, 430), scene, cv2.INTER_AREA, cv2.BORDER_TRANSPARENT)
    faces = finder.find(PicturePyramid(scene))
    assert min(frame_distance(frame, each.frame) for face in faces for each in (face, *face.rivals)) < 0.3


def test_only_sure_faces_have_rivals_and_those_are_larger(finder: FaceFinder) -> None:
    rng = np.random.default_rng(4)
    noise = cv2.resize(rng.integers(0, 256, (40, 50, 3), np.uint8), (400, 320), interpolation=cv2.INTER_CUBIC)
    for face in finder.find(PicturePyramid(noise)):
        assert not face.rivals or face.score >= SURE
        assert all(rival.eye_dist_px > face.eye_dist_px for rival in face.rivals)
