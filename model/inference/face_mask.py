"""Where the mask of one face is: what the Map Module sees of it, judged, cleaned and laid on the photograph."""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np

from unmask.datagen.faces.frame import frame_scale
from unmask.datagen.pictures.arrays import F32, F64, U8
from unmask.datagen.pictures.pyramid import Grid, PicturePyramid

from .aligned import FaceModule, Seen
from .calibration import grown_region, shifted
from .cleaning import clean_map
from .edges import at_edges, edge_coefficients
from .face_looks import see_face, strap_grid
from .photo_patch import MIDDLE, Box, Patch, bounds, to_photo, work_grid
from .strap_mask import FAINT, clean_straps

LEAST_MASK = 0.015  # of the square of the crop's width; drawn masks on CelebA: 0.04 and more
# Left, top, right, bottom of where the middle of a mask lies, as shares of the crop.
MASK_PLACE = (0.2, 0.5, 0.8, 0.92)
# Left, top, right, bottom in the frame of where masks are in training; a pixel further out needs better evidence,
# by so many logits for each pixel of the frame: collars and shirts are taken for the lower half of a mask else.
MASK_REACH, DOUBT = (20.0, 106.0, 157.0, 205.0), 0.4
# Mean probability of a mask, where it covers the middle of the mouth and where it does not. The masks of 40 real
# photographs have 0.80 and more; of 19 things taken for masks on 316 bare faces three cover the mouth, with
# up to 0.75, and sixteen do not, with up to 0.91 (docs/results.md).
MOUTH, LEAST_MEAN, LEAST_MEAN_BELOW = (88.5, 153.0), 0.77, 0.92
# In the frame of aligned CelebA: eyes, and half the width and height of what has to stay of each; what is pasted
# reaches some 4 px beyond the map.
EYES, EYE_RADII = np.array([(69.5, 111.5), (108.5, 111.5)]), np.array([10.0, 6.0])
# Pixels of the network: how its map is smoothed before it is enlarged, and how smooth it is at the photograph's
# edges. Chosen on drawn masks (docs/results.md).
SMOOTH, EDGE_SMOOTH = 0.4, 0.2
_LEAST_SIGMA = 0.3  # pixels of the photograph: less does nothing
_OPENING, _BESIDE = np.ones((3, 3), np.uint8), np.ones((7, 7), np.uint8)


@dataclass(frozen=True, eq=False)
class FaceMask:
    """The mask of one face, at the photograph's resolution.

    Attributes
    ----------
    body, straps : Patch
        uint8 (h, w), 0 or 255: the map, and what is seen of the straps beside it. One rectangle.
    """

    body: Patch
    straps: Patch

    @classmethod
    def of_body(cls, body: Patch) -> Self:
        """Return a mask of which no strap is known."""
        return cls(body, Patch(body.left, body.top, np.zeros_like(body.pixels)))

    @property
    def both(self) -> Patch:
        """All that is taken off."""
        return Patch(self.body.left, self.body.top, self.body.pixels | self.straps.pixels)

    def cut(self, matrix: F64, width: int, height: int, *, border: int = cv2.BORDER_CONSTANT) -> U8:
        """Return mask and straps as a crop, uint8 (h, w), cut as `PicturePyramid.cut` cuts the photograph.

        Beyond its rectangle there is no mask, unless ``border``, OpenCV's name, says otherwise.
        """
        both = self.both
        there = matrix.copy()
        there[:, 2] -= (both.left, both.top)
        return PicturePyramid(both.pixels).cut(there, width, height, border=border)

    def within(self, box: Box) -> Self:
        """Return the same mask in another rectangle, what reaches beyond it cut off."""
        return type(self)(_within(self.body, box), _within(self.straps, box))


def _within(patch: Patch, box: Box) -> Patch:
    left, top, right, bottom = box
    pixels = np.zeros((bottom - top, right - left), patch.pixels.dtype)
    first, last = np.maximum(box[:2], patch.box[:2]), np.minimum(box[2:], patch.box[2:])
    if (first < last).all():
        (x, y), (past_x, past_y) = first.tolist(), last.tolist()
        mine, theirs = (
            (slice(y - origin.top, past_y - origin.top), slice(x - origin.left, past_x - origin.left))
            for origin in (Patch(left, top, pixels), patch)
        )
        pixels[mine] = patch.pixels[theirs]
    return Patch(left, top, pixels)


def segment_face(
    module: FaceModule, picture: PicturePyramid, frame: F64, slack: float = 0.0
) -> FaceMask | None:
    """Find the mask of one face.

    Parameters
    ----------
    module : FaceModule
        A Map Module.
    picture : PicturePyramid
        RGB.
    frame : float64 (2, 3)
        Aligned CelebA's frame to the photograph.
    slack : float
        As for `mask_of`.

    Returns
    -------
    FaceMask or None
        None where the face wears no mask.
    """
    height, width = picture.levels[0].shape[:2]
    if bounds(frame, (width, height)) is None:
        return None
    return mask_of(see_face(module, picture, frame), frame, picture, slack)


def mask_of(seen: Seen, frame: F64, picture: PicturePyramid, slack: float = 0.0) -> FaceMask | None:
    """Make the mask of one face of what was seen of it.

    Parameters
    ----------
    seen : Seen
        From `unmask.model.inference.face_looks.see_face`.
    frame : float64 (2, 3)
        Aligned CelebA's frame to the photograph.
    picture : PicturePyramid
        The photograph: the map ends at its edges, where it has some.
    slack : float
        That much less mean probability will do, for a face that is known to wear a mask; negative: more is
        asked.

    Returns
    -------
    FaceMask or None
        None where the face wears no mask, or lies beyond the photograph.
    """
    image_rgb = picture.levels[0]
    box = bounds(frame, (image_rgb.shape[1], image_rgb.shape[0]))
    if box is None:
        return None
    grid = work_grid(seen.body.shape[1])
    probabilities = _doubted(seen.body, grid)
    mask = main_mask(probabilities)
    if mask is None or _mean_over(probabilities, mask) < _least_mean(mask, grid) - slack:
        return None
    probabilities = shifted(probabilities)
    mask = grown_region(probabilities, mask)
    crop = picture.cut(grid.to_picture(frame), grid.width, grid.height, border=cv2.BORDER_REPLICATE)
    patch = to_photo(edge_coefficients(_smooth(probabilities, mask), crop), grid, frame, box)
    fine = at_edges(np.asarray(patch.pixels, np.float32), image_rgb[patch.place])
    cleaned = _without_eyes(clean_map(_without_grain(fine, grid.step * frame_scale(frame))), frame, box)
    if not cleaned.any():
        return None
    body = Patch(patch.left, patch.top, cleaned)
    if seen.straps is None:
        return FaceMask.of_body(body)
    straps = _strap_patch(seen.straps, mask, strap_grid(seen.body.shape[1]), frame, box)
    return FaceMask(body, Patch(body.left, body.top, np.where(cleaned > 0, 0, straps).astype(np.uint8)))


def beside_face(mask: FaceMask, frame: F64, size: tuple[int, ...]) -> float:
    """How far the middle of a mask lies beside the midline of its face, in pixels of the frame, to the right.

    With the turn of the head it goes the other way than the face looks: on 465 drawn masks the two correlate by
    -0.83. 0 where the photograph, ``size`` (width, height), cuts the face off: then the middle says nothing.
    """
    sides = np.array([(MASK_REACH[0] + 20, MOUTH[1], 1), (MASK_REACH[2] - 20, MOUTH[1], 1)]) @ frame.T
    if (sides < 0).any() or (sides > np.array(size) - 1).any():
        return 0.0
    moments = cv2.moments(mask.body.pixels, binaryImage=True)
    if not moments["m00"]:
        return 0.0
    x, y = moments["m10"] / moments["m00"] + mask.body.left, moments["m01"] / moments["m00"] + mask.body.top
    return float(cv2.invertAffineTransform(frame)[0] @ (x, y, 1.0)) - MIDDLE[0]


def _mean_over(probabilities: F32, mask: U8) -> float:
    return float(probabilities[mask > 0].mean())


def _least_mean(mask: U8, grid: Grid) -> float:
    """How sure a mask must be on average: surer where it leaves the mouth bare, as sleeves and collars do."""
    x, y = np.rint(cv2.invertAffineTransform(grid.to_picture(np.eye(2, 3))) @ (*MOUTH, 1)).astype(int)
    return LEAST_MEAN if mask[y, x] else LEAST_MEAN_BELOW


def _without_eyes(map_: U8, frame: F64, box: Box) -> U8:
    """Take the eyes out of a map: a mask covers none, whatever is printed on it or worn above it."""
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    oval = EYE_RADII * np.column_stack([np.cos(angles), np.sin(angles)])
    for eye in EYES:
        there = (oval + eye) @ frame[:, :2].T + frame[:, 2] - box[:2]
        cv2.fillConvexPoly(map_, np.rint(there).astype(np.int32), 0)
    return map_


def _without_grain(probabilities: F32, pixel_px: float) -> F32:
    """Smooth a map that follows a photograph's grain, too; ``pixel_px`` is a pixel of the network there."""
    sigma = EDGE_SMOOTH * pixel_px
    if sigma < _LEAST_SIGMA:
        return probabilities
    return np.asarray(cv2.GaussianBlur(probabilities, (0, 0), sigma), np.float32)


def _strap_patch(probabilities: F32, mask: U8, grid: Grid, frame: F64, box: Box) -> U8:
    """Straps at the photograph's resolution, with borders between the pixels of their grid."""
    body = cv2.resize(mask, (grid.width, grid.height), interpolation=cv2.INTER_NEAREST)
    pieces = clean_straps(probabilities, np.asarray(body, np.uint8))
    near = np.where(cv2.dilate(pieces, _OPENING) > 0, probabilities, 0).astype(np.float32)
    smooth = np.asarray(to_photo(near, grid, frame, box).pixels, np.float32)
    return np.where(smooth >= FAINT, 255, 0).astype(np.uint8)


def _doubted(probabilities: F32, grid: Grid) -> F32:
    """Lower the probabilities where no mask of training reaches."""
    matrix = grid.to_picture(np.eye(2, 3))
    x = matrix[0, 0] * np.arange(grid.width) + matrix[0, 2]
    y = matrix[1, 1] * np.arange(grid.height) + matrix[1, 2]
    left, top, right, bottom = MASK_REACH
    beyond_x = np.maximum(0, np.maximum(left - x, x - right))
    beyond_y = np.maximum(0, np.maximum(top - y, y - bottom))
    factor = np.exp(-DOUBT * (beyond_x[None] + beyond_y[:, None]))
    # The same as taking the doubt from the logit.
    return np.asarray(
        probabilities * factor / (1 - probabilities + probabilities * factor + 1e-9), np.float32
    )


def _smooth(probabilities: F32, mask: U8) -> F32:
    """Probabilities in and beside a cleaned mask, and 0 elsewhere, without steps: enlarged these would be stairs.

    What the cleaning took away stays away; what it filled stays filled.
    """
    just = np.float32(1e-3)  # each side of the threshold
    beside = np.where(cv2.dilate(mask, _BESIDE) > 0, np.minimum(probabilities, 0.5 - just), 0)
    kept = np.where(mask > 0, np.maximum(probabilities, 0.5 + just), beside)
    return np.asarray(cv2.GaussianBlur(kept.astype(np.float32), (0, 0), SMOOTH), np.float32)


def main_mask(probabilities: F32) -> U8 | None:
    """Return the cleaned map of the face that a crop shows, 0 or 255, or None where it wears no mask.

    Of several regions the one counts that covers most of where masks are: the largest one may be a neighbour's.
    """
    binary = cv2.morphologyEx((probabilities >= 0.5).astype(np.uint8), cv2.MORPH_OPEN, _OPENING)
    count, labels = cv2.connectedComponents(binary, connectivity=8)
    height, width = probabilities.shape
    left, top, right, bottom = (
        round(part * whole) for part, whole in zip(MASK_PLACE, (width, height) * 2, strict=True)
    )
    inside = np.bincount(labels[top:bottom, left:right].ravel(), minlength=count)
    inside[0] = 0
    if inside.max() < LEAST_MASK * width**2:
        return None
    return clean_map(np.asarray(labels == inside.argmax(), np.float32))
