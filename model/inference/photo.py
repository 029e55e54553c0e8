"""Taking the masks off the faces of a photograph: find, frame, segment, restore, put back."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np

from unmask.datagen.faces.frame import frame_scale
from unmask.datagen.pictures.arrays import F32, F64, U8
from unmask.datagen.pictures.pyramid import PicturePyramid
from unmask.model.common.limits import LEAST_SCORE

from .aligned import FaceModule, restore_pictures
from .face_finder import SURE, FaceFinder, FoundFace
from .face_mask import FaceMask, beside_face, segment_face
from .given_maps import given_mask, masks_left
from .grain import add_grain
from .ground import clear_ground
from .photo_patch import Patch, bounds, to_photo, work_grid
from .printed_faces import worn_masks
from .quarter_turns import View, find_views, frame_turned_back, quarter_turned

OK, NO_FACE, NO_MASK, TOO_SMALL, UNSURE = "ok", "no_face", "no_mask", "too_small", "unsure"
TURNED_AWAY = "turned_away"
UNREADABLE, BAD_MAP = "unreadable", "bad_map"  # of inputs that cannot be used
BEYOND = cv2.BORDER_REFLECT_101  # as jitter mirrors what is beyond a picture in training
LEAST_EYE_DIST_PX = 7.0  # a face in less is a dozen and a half pixels wide: nothing to go by
# Pixels of the frame from the face's midline to the middle of its mask, which grow with the turn of the head. Of
# drawn masks on CelebA one in a hundred has more (docs/results.md): the networks hardly know such faces.
MOST_BESIDE = 18.0

# The pasted region is the map, grown and feathered, in pixels of the frame: the Editing Module erases as much.
GROW, FEATHER = 2.0, 2.5
# For each logit that a face lacks to be sure, its mask has to be surer by so much mean probability: a lamp before
# a window (-0.1) has one of 0.79, faces that are cut off or look down (-0.5, -1) 0.91 and more (docs/results.md).
_SURER_MASK = 0.04
_GRAIN_ROW = 4099  # one row further the grain is another one
_MOST_HINTS = 12  # of the regions of a given map: a brush leaves specks
STRAP_SHARE = 0.6  # of that for straps: a wider band of drawn skin beside a thin one shows


class PhotoModules(Protocol):
    """What takes masks off a photograph: `unmask.model.inference.unmasker.Unmasker` has it."""

    @property
    def map_module(self) -> FaceModule:
        """Finds masks."""

    @property
    def edit_module(self) -> FaceModule | None:
        """Draws what is under them; None: only maps are wanted, and the picture stays as it is."""

    @property
    def finder(self) -> FaceFinder:
        """Finds the faces of a photograph."""


@dataclass(frozen=True, eq=False)
class PhotoFace(FoundFace):
    """One face of a photograph and what became of it.

    Attributes
    ----------
    status : str
        ``ok`` where its mask was taken off; ``no_mask``; ``too_small``, ``turned_away`` or ``unsure`` where it
        was left.
    """

    status: str


@dataclass(frozen=True, eq=False)
class Restored:
    """A photograph without masks.

    Attributes
    ----------
    image : uint8 (h, w, 3)
        RGB; pixels beyond the grown map are those of the input.
    map : uint8 (h, w)
        0 or 255: every mask that was taken off, and those of faces that are turned away, which were left.
    straps : uint8 (h, w)
        0 or 255: their straps beside them.
    faces : tuple of PhotoFace
        The largest first.
    """

    image: U8
    map: U8
    straps: U8
    faces: tuple[PhotoFace, ...]

    @property
    def status(self) -> str:
        """``ok`` where a mask was taken off; else why none was.

        That is ``too_small``, ``turned_away``, ``unsure``, ``no_mask`` or ``no_face``, the first one that some
        face has.
        """
        return status_of(face.status for face in self.faces)


def status_of(statuses: Iterable[str]) -> str:
    """Status of a photograph or clip: ``ok`` where a mask was taken off, else the first that some face has."""
    seen = set(statuses)
    return next(
        (status for status in (OK, TOO_SMALL, TURNED_AWAY, UNSURE, NO_MASK) if status in seen), NO_FACE
    )


def masked_status(face: FoundFace, least_score: float, *, turned_away: bool = False) -> str:
    """``ok`` where the mask of a masked face is taken off; why it is left else."""
    if face.eye_dist_px < LEAST_EYE_DIST_PX:
        return TOO_SMALL
    if face.score < least_score:
        return UNSURE
    return TURNED_AWAY if turned_away else OK


def restore_photo(
    unmasker: PhotoModules, image_rgb: U8, map_: U8 | None = None, least_score: float = LEAST_SCORE
) -> Restored:
    """Take the masks off every face of a photograph, which may lie on its side or stand on its head.

    Parameters
    ----------
    unmasker : Unmasker
        Or whatever has its three modules.
    image_rgb : uint8 (h, w, 3)
        RGB, any size.
    map_ : uint8 (h, w), optional
        All that is to be taken off, at least 128; the Map Module then has no say. A mask on a face that is not
        found is taken off as well: of an upright face that would wear it.
    least_score : float
        A masked face that is found with a lower score is left.

    Raises
    ------
    ValueError
        When the map has another size than the photograph.
    """
    if map_ is not None and map_.shape != image_rgb.shape[:2]:
        raise ValueError(f"map of {map_.shape} does not fit a photograph of {image_rgb.shape}")

    def find(picture: PicturePyramid, quarters: int) -> list[FoundFace]:
        hints = [] if map_ is None else _hints(quarter_turned(map_, quarters))
        return unmasker.finder.find(picture, hints, doubtful=True)

    made = [
        (_restore_faces(unmasker, view, map_, least_score), view.quarters)
        for view in find_views(PicturePyramid(image_rgb), find)
    ]
    # Upside down, hair and collar can look like a bare face, but hardly ever like one with a mask.
    return _turned_back(*max(made, key=lambda one: _masked_score(one[0])))


def _hints(map_: U8) -> list[F64]:
    """Frames of faces that would wear the masks of a map, the largest first: who marks a mask shows a face."""
    frames = [frame for frame, _ in masks_left(map_, np.zeros_like(map_))]
    return sorted(frames, key=frame_scale, reverse=True)[:_MOST_HINTS]


def _masked_score(restored: Restored) -> float:
    """Of the surest face whose mask was taken off."""
    return max((face.score for face in restored.faces if face.status == OK), default=-np.inf)


def _turned_back(restored: Restored, quarters: int) -> Restored:
    if not quarters:
        return restored
    image, union, straps = (
        quarter_turned(pixels, -quarters) for pixels in (restored.image, restored.map, restored.straps)
    )
    height, width = union.shape
    faces = (
        replace(face, frame=frame_turned_back(face.frame, quarters, width, height)) for face in restored.faces
    )
    return Restored(image, union, straps, tuple(faces))


def _restore_faces(
    unmasker: PhotoModules, view: View, upright_map: U8 | None, least_score: float
) -> Restored:
    picture, image_rgb = view.picture, view.picture.levels[0]
    map_ = None if upright_map is None else quarter_turned(upright_map, view.quarters)
    done, faces = image_rgb.copy(), list[PhotoFace]()
    union, straps, taken = (np.zeros(image_rgb.shape[:2], np.uint8) for _ in range(3))

    def find_mask(frame: F64, slack: float = 0.0) -> FaceMask | None:
        if map_ is None:
            return segment_face(unmasker.map_module, picture, frame, slack)
        given = given_mask(map_, frame)
        return None if given is None else FaceMask.of_body(given)

    for found, mask in _masked_faces(view, find_mask):
        if mask is None:
            status = NO_MASK
        else:
            taken[mask.body.place] |= mask.body.pixels
            if map_ is None:
                beside = beside_face(mask, found.frame, image_rgb.shape[1::-1])
                status = masked_status(found, least_score, turned_away=abs(beside) > MOST_BESIDE)
            else:  # who marks a mask wants it off
                status = masked_status(found, -np.inf)
            if status in (OK, TURNED_AWAY):
                union[mask.body.place] |= mask.body.pixels
                straps[mask.straps.place] |= mask.straps.pixels
            if status == OK:
                restore_face(unmasker, picture, found.frame, mask, done)
        faces.append(PhotoFace(found.frame, found.score, status))
    if map_ is not None:
        for frame, left in masks_left(map_, taken):
            face = PhotoFace(frame, 0.0, OK)
            if face.eye_dist_px >= LEAST_EYE_DIST_PX:
                union[left.place] |= left.pixels
                restore_face(unmasker, picture, frame, FaceMask.of_body(left), done)
                faces.append(face)
            elif not faces:  # else specks of a brush would be faces
                faces.append(replace(face, status=TOO_SMALL))
        faces.sort(key=lambda face: -face.eye_dist_px)
    return Restored(done, union, straps & ~union, tuple(faces))


def _masked_faces(
    view: View, find_mask: Callable[..., FaceMask | None]
) -> Iterator[tuple[FoundFace, FaceMask | None]]:
    """Yield the faces of a view and their masks; of doubtful ones alone the surest that wears one for sure."""
    if view.score >= SURE:
        yield from worn_masks(view.faces, find_mask)
        return
    for face in sorted(view.faces, key=lambda face: -face.score):
        mask = find_mask(face.frame, -_SURER_MASK * (SURE - face.score))
        if mask is not None:
            yield face, mask
            return


def restore_face(
    unmasker: PhotoModules, picture: PicturePyramid, frame: F64, mask: FaceMask, done: U8
) -> None:
    """Draw what is under a mask and its straps and paste it there into ``done``, a copy of the photograph."""
    editor = unmasker.edit_module
    if editor is None:
        return
    paste_face(draw_face(editor, picture, frame, mask), frame, mask, done)


def draw_face(editor: FaceModule, picture: PicturePyramid, frame: F64, mask: FaceMask) -> U8:
    """Draw what is under a mask and its straps: uint8 (h, w, 3) on `.photo_patch.work_grid` of its width."""
    grid = work_grid(editor.side)
    matrix = grid.to_picture(frame)
    crop = picture.cut(matrix, grid.width, grid.height, border=BEYOND)
    # A mask that the photograph cuts off goes on beyond it, where its picture is mirrored, too: cloth in plain
    # sight there would be taken for a chin.
    here = bounds(frame, picture.levels[0].shape[1::-1])
    seen = mask if here is None else mask.within(here)
    map_crop = seen.cut(matrix, grid.width, grid.height, border=BEYOND)
    return restore_pictures(editor, [crop], [map_crop])[0].raw


def paste_face(raw: U8, frame: F64, mask: FaceMask, done: U8) -> None:
    """Paste what `draw_face` drew into ``done``, a copy of the photograph, where the mask and its straps are."""
    both = mask.both
    scale = frame_scale(frame)
    grow, feather = max(1.0, GROW * scale), max(1.5, FEATHER * scale)
    left, top, width, height = cv2.boundingRect(both.pixels)
    reach_px = int(np.ceil(grow + feather)) + 1
    rows = slice(max(top - reach_px, 0), top + height + reach_px)
    columns = slice(max(left - reach_px, 0), left + width + reach_px)
    near = Patch(both.left + columns.start, both.top + rows.start, both.pixels[rows, columns])
    alpha = _alpha(mask.body.pixels[rows, columns], grow, feather)
    if mask.straps.pixels.any():
        thin = (max(1.0, STRAP_SHARE * reach) for reach in (grow, feather))
        alpha = np.maximum(alpha, _alpha(mask.straps.pixels[rows, columns], *thin))
    drawn = to_photo(raw, work_grid(raw.shape[1]), frame, near.box, border=cv2.BORDER_REPLICATE)
    below = done[near.place]
    clear = clear_ground(drawn.pixels, below, alpha, scale)
    grained = add_grain(clear, below, alpha, seed=near.top * _GRAIN_ROW + near.left, scale=scale)
    pasted = alpha > 0
    share = alpha[pasted][:, None]
    mixed = below[pasted] * (1 - share) + grained[pasted] * share
    below[pasted] = np.rint(mixed).clip(0, 255).astype(np.uint8)


def _alpha(map_: U8, grow: float, feather: float) -> F32:
    """How much is pasted: 1 up to ``grow`` pixels beyond the map, 0 ``feather`` further out."""
    distance = cv2.distanceTransform(255 - map_, cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.asarray(np.clip(1 - (distance - grow) / feather, 0, 1), np.float32)
