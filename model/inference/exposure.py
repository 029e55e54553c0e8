"""A face that is very dark or very bright is shown to the Editing Module in usual light, and brought back after.

The network has seen few such faces: it draws them blotched, or lighter than they are.
"""

from dataclasses import dataclass

import numpy as np

from unmask.datagen.pictures.arrays import F32, U8, Bools

from .tone import LUMA

# Luma of what is seen between brows and mask on CelebA's test faces, 75th and 95th percentile: skin, while hair,
# glasses and shadows are below. Medians.
USUAL, USUAL_BRIGHT = 165.0, 202.0
# From where on, from where on in full, and as what share of usual it is shown: by the 95th percentile, by the 75th.
DARK, DARKEST, DARK_SHARE = 125.0, 100.0, 0.78
GLARING, MOST_GLARING, GLARING_SHARE = 215.0, 230.0, 1.15
# Where is looked: so far above the middle of the mask and to either side of it, in roots of its area.
_ABOVE, _BESIDE = 1.4, 0.6
_LEAST_SHARE = 0.1  # of that place has to be seen
_HIGHEST, _LOWEST = 245.0, 4.0
_GAMMAS = (0.4, 2.5)
_LEVELS: F32 = np.linspace(0, 1, 256, dtype=np.float32)


@dataclass(frozen=True)
class Exposure:
    """A curve: level x of 0..1 is shown as gain * x ** gamma."""

    gamma: float = 1.0
    gain: float = 1.0

    @property
    def is_usual(self) -> bool:
        """Nothing is changed."""
        return self.gamma == self.gain == 1.0

    def shown(self, picture: U8) -> U8:
        """Return what the network is shown of a picture, uint8."""
        return picture if self.is_usual else _table(self.gain * _LEVELS**self.gamma)[picture]

    def back(self, drawn: U8) -> U8:
        """Return what the network drew, uint8, in the light of the picture."""
        return drawn if self.is_usual else _table((_LEVELS / self.gain) ** (1 / self.gamma))[drawn]


def _table(levels: F32) -> U8:
    return np.asarray(np.rint(255 * np.clip(levels, 0, 1)), np.uint8)


def exposure_of(picture: U8, hidden: Bools) -> Exposure:
    """Measure how a face is lit, by what is seen of it above its mask.

    Parameters
    ----------
    picture : uint8 (h, w, 3)
        RGB.
    hidden : bool (h, w)
        Where the mask is.

    Returns
    -------
    Exposure
        That brings both percentiles near those of usual faces, but so that a dark face stays darker than most;
        without a step: it begins at ``DARK`` or ``GLARING`` with nothing. The usual one where too little is seen.
    """
    seen = _seen_luma(picture, hidden)
    if seen is None:
        return Exposure()
    skin, bright = (float(np.clip(value, _LOWEST, _HIGHEST)) for value in np.percentile(seen, (75, 95)))
    dark, glaring = (DARK - bright) / (DARK - DARKEST), (skin - GLARING) / (MOST_GLARING - GLARING)
    share = min(max(dark, glaring), 1.0)
    if share <= 0:
        return Exposure()
    kept = DARK_SHARE if dark > glaring else GLARING_SHARE
    wanted, wanted_bright = kept * USUAL, min(kept * USUAL_BRIGHT, _HIGHEST)
    gamma = np.log(wanted_bright / wanted) / np.log(max(bright, skin + 2) / skin)
    gamma = float(np.clip(gamma, *_GAMMAS))
    gain = wanted / 255 / (skin / 255) ** gamma
    return Exposure(gamma**share, gain**share)


def _seen_luma(picture: U8, hidden: Bools) -> F32 | None:
    """Luma of the pixels between brows and mask that are not hidden."""
    rows, columns = np.nonzero(hidden)
    if not len(rows):
        return None
    side, x, y = len(rows) ** 0.5, columns.mean(), rows.mean()
    top, bottom = (int(np.clip(value, 0, len(picture))) for value in (y - _ABOVE * side, y))
    left, right = (
        int(np.clip(value, 0, picture.shape[1])) for value in (x - _BESIDE * side, x + _BESIDE * side)
    )
    place = picture[top:bottom, left:right][~hidden[top:bottom, left:right]]
    if len(place) < _LEAST_SHARE * _ABOVE * 2 * _BESIDE * side * side:
        return None
    return np.asarray(place.astype(np.float32) @ LUMA, np.float32)
