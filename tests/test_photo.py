from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from unmask.datagen.faces.frame import frame_distance, place_frame
from unmask.datagen.pictures.pyramid import PicturePyramid
from unmask.model.inference.aligned import Restoration, Seen
from unmask.model.inference.face_finder import FoundFace
from unmask.model.inference.face_mask import EYES, FaceMask, _doubted, beside_face, main_mask, segment_face
from unmask.model.inference.photo import (
    FEATHER,
    GROW,
    LEAST_EYE_DIST_PX,
    MOST_BESIDE,
    NO_FACE,
    NO_MASK,
    OK,
    TOO_SMALL,
    TURNED_AWAY,
    draw_face,
    restore_photo,
)
from unmask.model.inference.photo_patch import Patch, work_grid
from unmask.model.inference.unmasker import Unmasker

FACE = FoundFace(place_frame((200.0, 150.0), 90.0, 10.0), 5.0)
SECOND = FoundFace(place_frame((420.0, 160.0), 60.0), 4.0)


class Finder:
    """Finds what it is told, and remembers the hints that it was given."""

    def __init__(self, faces: Sequence[FoundFace]) -> None:
        self.faces = list(faces)
        self.hints: list[np.ndarray] = []

    def find(
        self, picture: PicturePyramid, hints: Sequence[np.ndarray] = (), *, doubtful: bool = False
    ) -> list[FoundFace]:
        self.hints += hints
        return self.faces


@pytest.fixture
def photo() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (307, 541, 3), np.uint8)


@pytest.fixture
def own_map() -> np.ndarray:
    """Masks below both faces."""
    map_ = np.zeros((307, 541), np.uint8)
    cv2.ellipse(map_, (197, 180), (30, 22), 10, 0, 360, 255, -1)
    cv2.ellipse(map_, (420, 180), (20, 14), 0, 0, 360, 255, -1)
    return map_


def use(unmasker: Unmasker, *faces: FoundFace) -> Finder:
    finder = Finder(faces)
    unmasker.__dict__["finder"] = finder
    return finder


def test_every_pixel_beyond_the_grown_map_keeps_its_bytes(
    unmasker: Unmasker, photo: np.ndarray, own_map: np.ndarray
) -> None:
    use(unmasker, FACE, SECOND)
    before = photo.copy()
    restored = restore_photo(unmasker, photo, own_map)
    reach = int(np.ceil(GROW + FEATHER)) + 1  # a pixel of the frame is a pixel of the photograph here
    near = cv2.dilate(own_map, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0
    assert restored.status == OK
    assert np.array_equal(photo, before)
    assert np.array_equal(restored.image[~near], photo[~near])
    assert (restored.image[own_map > 0] != photo[own_map > 0]).any(1).mean() > 0.99
    assert np.array_equal(restored.map, own_map)


def test_a_grey_photograph_before_a_light_ground_stays_grey(unmasker: Unmasker, own_map: np.ndarray) -> None:
    """Through tone, ground and grain: chroma 0 in, 0 out."""
    grey = np.full((307, 541), 245, np.uint8)
    cv2.ellipse(grey, (200, 150), (42, 60), 10, 0, 360, 150, -1)
    noise = np.random.default_rng(1).normal(0, 3, grey.shape)
    image = np.clip(np.rint(grey + noise), 0, 255).astype(np.uint8)[..., None].repeat(3, 2)
    cv2.rectangle(own_map, (150, 165), (245, 215), 255, -1)
    use(unmasker, FACE, SECOND)
    restored = restore_photo(unmasker, image, own_map)
    assert (restored.image != image).any()
    assert not np.ptp(restored.image, axis=2).any()


def test_a_photograph_without_a_face_comes_back_unchanged(unmasker: Unmasker, photo: np.ndarray) -> None:
    use(unmasker)
    restored = restore_photo(unmasker, photo)
    assert (restored.status, restored.faces) == (NO_FACE, ())
    assert np.array_equal(restored.image, photo)
    assert not restored.map.any()


def test_a_face_without_a_mask_comes_back_unchanged(unmasker: Unmasker, photo: np.ndarray) -> None:
    use(unmasker, FACE)
    restored = restore_photo(unmasker, photo, np.zeros(photo.shape[:2], np.uint8))
    assert restored.status == NO_MASK
    assert np.array_equal(restored.image, photo)


def test_what_may_be_a_face_and_wears_no_mask_is_no_face(unmasker: Unmasker, photo: np.ndarray) -> None:
    use(unmasker, FoundFace(FACE.frame, 1.0))
    assert restore_photo(unmasker, photo, np.zeros(photo.shape[:2], np.uint8)).status == NO_FACE


def seen_with(probability: float) -> Seen:
    """A mask that covers the mouth, as sure as that, wherever a frame is."""
    grid = work_grid(128)
    body = np.zeros((grid.height, grid.width), np.float32)
    body[105:150, 40:88] = probability
    return Seen(body, None)


@pytest.mark.parametrize(("sure_of_it", "faces"), [(0.95, 1), (0.85, 0)])
def test_of_doubtful_faces_the_surest_counts_that_wears_a_mask_for_sure(
    unmasker: Unmasker,
    photo: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    sure_of_it: float,
    faces: int,
) -> None:
    """A sure face wears one at 0.85, too: 0.77 is needed, and 0.04 more for each unit below 2."""
    bare, masked, less = (
        FoundFace(each.frame, score) for each, score in [(SECOND, 1.5), (FACE, -0.4), (FACE, -0.8)]
    )

    def see(_module: object, _picture: PicturePyramid, frame: np.ndarray) -> Seen:
        return seen_with(0.0 if frame is SECOND.frame else sure_of_it)

    monkeypatch.setattr("unmask.model.inference.face_mask.see_face", see)
    use(unmasker, bare, less, masked)
    restored = restore_photo(unmasker, photo)
    assert [(face.score, face.status) for face in restored.faces] == [(-0.4, OK)] * faces
    use(unmasker, FACE)
    assert restore_photo(unmasker, photo).status == OK


def test_a_face_that_is_too_small_is_said_and_left(unmasker: Unmasker, photo: np.ndarray) -> None:
    tiny = FoundFace(place_frame((200.0, 150.0), 0.9 * LEAST_EYE_DIST_PX * 90 / 38), 5.0)
    map_ = np.zeros(photo.shape[:2], np.uint8)
    map_[152:162, 194:206] = 255
    use(unmasker, tiny)
    restored = restore_photo(unmasker, photo, map_)
    assert restored.status == TOO_SMALL
    assert np.array_equal(restored.image, photo)


def test_of_several_faces_one_can_be_bare(unmasker: Unmasker, photo: np.ndarray, own_map: np.ndarray) -> None:
    use(unmasker, FACE, SECOND)
    own_map[:, 350:] = 0
    restored = restore_photo(unmasker, photo, own_map)
    assert [face.status for face in restored.faces] == [OK, NO_MASK]
    assert restored.status == OK
    assert np.array_equal(restored.image[:, 350:], photo[:, 350:])


def test_with_an_own_map_the_map_module_is_not_asked_and_the_map_says_where_a_face_may_be(
    unmasker: Unmasker, photo: np.ndarray, own_map: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unmask.model.inference.face_looks.look_at", None)
    finder = use(unmasker, FACE)
    assert restore_photo(unmasker, photo, own_map).status == OK
    assert min(frame_distance(FACE.frame, hint) for hint in finder.hints) < 0.6


def test_a_map_is_used_where_no_face_is_found(
    unmasker: Unmasker, photo: np.ndarray, own_map: np.ndarray
) -> None:
    use(unmasker)
    restored = restore_photo(unmasker, photo, own_map)
    assert (restored.status, len(restored.faces)) == (OK, 2)
    assert np.array_equal(restored.map, own_map)
    assert (restored.image[own_map > 0] != photo[own_map > 0]).any(1).mean() > 0.98
    left, right = restored.faces
    assert left.eye_dist_px > right.eye_dist_px > LEAST_EYE_DIST_PX


def test_a_map_is_used_on_the_face_that_is_not_found_beside_one_that_is(
    unmasker: Unmasker, photo: np.ndarray, own_map: np.ndarray
) -> None:
    use(unmasker, FACE)
    restored = restore_photo(unmasker, photo, own_map)
    assert [face.score for face in restored.faces] == [FACE.score, 0.0]
    assert np.array_equal(restored.map, own_map)


def test_specks_of_a_map_are_no_faces(unmasker: Unmasker, photo: np.ndarray, own_map: np.ndarray) -> None:
    use(unmasker, FACE, SECOND)
    own_map[10:13, 20:24] = 255
    assert len(restore_photo(unmasker, photo, own_map).faces) == 2
    speck = np.zeros_like(own_map)
    speck[10:13, 20:24] = 255
    use(unmasker)
    restored = restore_photo(unmasker, photo, speck)
    assert (restored.status, len(restored.faces)) == (TOO_SMALL, 1)
    assert np.array_equal(restored.image, photo)


def test_a_map_of_another_size_is_refused(unmasker: Unmasker, photo: np.ndarray) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        restore_photo(unmasker, photo, np.zeros((10, 10), np.uint8))


def test_the_map_module_finds_the_mask_in_crops_of_the_face(
    unmasker: Unmasker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def probabilities(module: object, crops: Sequence[np.ndarray]) -> list[Seen]:
        return [Seen(*(crop[..., n].astype(np.float32) / 255 for n in (0, 2))) for crop in crops]

    photo = np.zeros((307, 541, 3), np.uint8)
    corners = (
        np.array([(60, 125), (115, 125), (110, 180), (65, 180)]) @ FACE.frame[:, :2].T + FACE.frame[:, 2]
    )
    cv2.fillPoly(photo, [np.rint(corners).astype(np.int32)], (255, 0, 0))
    strap = np.array([(115, 128), (145, 118)]) @ FACE.frame[:, :2].T + FACE.frame[:, 2]
    cv2.line(photo, *np.rint(strap).astype(int).tolist(), (0, 0, 255), 4)
    cv2.line(photo, (20, 20), (60, 25), (0, 0, 255), 4)  # hangs together with no mask
    monkeypatch.setattr("unmask.model.inference.face_looks.look_at", probabilities)
    monkeypatch.setattr(
        "unmask.model.inference.face_looks.see_closer",
        lambda module, crops: [each.straps for each in probabilities(module, crops)],
    )
    use(unmasker, FACE)
    restored = restore_photo(unmasker, photo)
    assert restored.status == OK
    red, there = photo[..., 0] > 0, restored.map > 0
    assert (red & there).sum() / (red | there).sum() > 0.93
    blue, straps = photo[..., 2] > 0, restored.straps > 0
    blue[:40, :80] = False
    assert (blue & straps).sum() / (blue | straps).sum() > 0.6
    assert not (straps & there).any()
    assert (restored.image[blue] != photo[blue]).any(1).all()
    assert np.array_equal(restored.image[:40, :80], photo[:40, :80])


def test_a_face_at_the_edge_is_restored_as_far_as_it_is_seen(unmasker: Unmasker, photo: np.ndarray) -> None:
    use(unmasker, FoundFace(place_frame((530.0, 300.0), 120.0, -15.0), 5.0))
    map_ = np.zeros(photo.shape[:2], np.uint8)
    map_[290:, 490:] = 255
    restored = restore_photo(unmasker, photo, map_)
    assert restored.status == OK
    assert (restored.image[300:, 500:] != photo[300:, 500:]).any(2).mean() > 0.98


def test_a_frame_beside_the_photograph_changes_nothing(unmasker: Unmasker, photo: np.ndarray) -> None:
    use(unmasker, FoundFace(place_frame((5000.0, 300.0), 100.0), 5.0))
    restored = restore_photo(unmasker, photo, np.full(photo.shape[:2], 255, np.uint8))
    assert np.array_equal(restored.image, photo)


def test_the_mask_in_the_middle_counts_and_not_a_larger_neighbours() -> None:
    probabilities = np.zeros((96, 64), np.float32)
    probabilities[52:74, 20:46] = 0.9
    probabilities[40:96, 52:64] = 0.9
    mask = main_mask(probabilities)
    assert mask is not None
    assert np.array_equal(mask > 0, (probabilities > 0) & (np.arange(64) < 50))


def test_a_few_pixels_are_no_mask() -> None:
    probabilities = np.zeros((96, 64), np.float32)
    assert main_mask(probabilities) is None
    probabilities[60:65, 30:36] = 1
    assert main_mask(probabilities) is None


def test_the_networks_see_the_frame_and_half_as_much_again() -> None:
    grid = work_grid(128)
    matrix = grid.to_picture(np.eye(2, 3))
    assert (grid.width, grid.height) == (128, 192)
    assert matrix @ [63.5, 95.5, 1] == pytest.approx([88.5, 108.5])
    assert matrix @ [-0.5, 0, 1] == pytest.approx([-0.5, matrix[1, 2]])


def test_collars_below_the_chin_need_better_evidence_than_cloth_on_the_mouth() -> None:
    grid = work_grid(64)
    probabilities = _doubted(np.full((grid.height, grid.width), 0.9, np.float32), grid)
    frame_y = grid.to_picture(np.eye(2, 3))[1] @ np.array([0 * np.arange(96), np.arange(96), np.ones(96)])
    assert probabilities[np.abs(frame_y - 160) < 3, 32] == pytest.approx(0.9, abs=1e-5)
    assert (probabilities[frame_y > 215] < 0.5).all()
    assert (probabilities[frame_y < 98] < 0.5).all()


def test_a_map_covers_no_eye(unmasker: Unmasker, monkeypatch: pytest.MonkeyPatch) -> None:
    def everywhere(module: object, crops: Sequence[np.ndarray]) -> list[Seen]:
        return [Seen(np.ones(crop.shape[:2], np.float32), None) for crop in crops]

    monkeypatch.setattr("unmask.model.inference.face_looks.look_at", everywhere)
    picture = PicturePyramid(np.zeros((307, 541, 3), np.uint8))
    found = segment_face(unmasker.map_module, picture, FACE.frame)
    assert found is not None
    for eye in EYES:
        x, y = np.rint(FACE.frame @ [*eye, 1]).astype(int) - (found.body.left, found.body.top)
        assert not found.body.pixels[y - 3 : y + 4, x - 5 : x + 6].any()
        assert found.body.pixels[y + 20, x]


UPRIGHT = FoundFace(place_frame((270.0, 150.0), 90.0), 5.0)


def mask_beside(offset_px: float) -> FaceMask:
    """A mask on UPRIGHT, whose frame has the photograph's scale, so far to the right of its midline."""
    x, y = UPRIGHT.frame @ (88.5, 155.0, 1.0)
    pixels = np.zeros((41, 61), np.uint8)
    cv2.ellipse(pixels, (30, 20), (30, 20), 0, 0, 360, 255, -1)
    return FaceMask.of_body(Patch(round(x + offset_px) - 30, round(y) - 20, pixels))


@pytest.mark.parametrize("offset", [-20.0, 0.0, 7.0])
def test_how_far_a_mask_lies_beside_its_face_is_counted_in_the_frame(offset: float) -> None:
    assert beside_face(mask_beside(offset), UPRIGHT.frame, (541, 307)) == pytest.approx(offset, abs=0.6)


def test_of_a_mask_that_the_photograph_cuts_off_nothing_is_known() -> None:
    assert beside_face(mask_beside(20.0), UPRIGHT.frame, (300, 307)) == 0


@pytest.mark.parametrize("side", [-1, 1])
def test_a_face_in_profile_is_left_and_said_unless_its_mask_is_marked(
    unmasker: Unmasker, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch, side: int
) -> None:
    mask = mask_beside(side * (MOST_BESIDE + 2))
    monkeypatch.setattr("unmask.model.inference.photo.segment_face", lambda *given: mask)
    use(unmasker, UPRIGHT)
    restored = restore_photo(unmasker, photo)
    assert (restored.status, len(restored.faces)) == (TURNED_AWAY, 1)
    assert np.array_equal(restored.image, photo)
    assert np.array_equal(restored.map[mask.body.place], mask.body.pixels)
    mask = mask_beside(side * (MOST_BESIDE - 2))
    assert restore_photo(unmasker, photo).status == OK
    marked = np.zeros(photo.shape[:2], np.uint8)
    marked[mask_beside(side * (MOST_BESIDE + 2)).body.place] = 255
    assert restore_photo(unmasker, photo, marked).status == OK


def test_a_mask_that_the_photograph_cuts_off_goes_on_beyond_it_as_the_picture_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = np.full((150, 178, 3), 200, np.uint8)
    map_ = np.zeros((150, 178), np.uint8)
    map_[110:, 60:120] = 255
    image[map_ > 0] = (20, 90, 160)
    given: list[np.ndarray] = []

    class Editor:
        side = 176

    def restore(
        editor: object, pictures: Sequence[np.ndarray], maps: Sequence[np.ndarray]
    ) -> list[Restoration]:
        given.extend([pictures[0], maps[0]])
        return [Restoration(pictures[0], pictures[0])]

    monkeypatch.setattr("unmask.model.inference.photo.restore_pictures", restore)
    # However small the rectangle that it comes in: nothing is mirrored at an edge that is not the photograph's.
    for rectangle in (Patch(0, 0, map_), Patch(60, 110, map_[110:, 60:120])):
        draw_face(Editor(), PicturePyramid(image), np.eye(2, 3), FaceMask.of_body(rectangle))
        picture, seen = given[-2:]
        assert (((seen > 127) != (picture[..., 0] < 110)).mean()) < 0.005  # but for half covered pixels
        assert (seen[205:] > 127).any()
