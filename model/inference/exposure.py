"""A face that is very dark or very bright is shown to the Editing Module in usual light, and brought back after.

The network has seen few such faces: it draws them blotched, or lighter than they are.
"""

from dataclasses import dataclass

import numpy as np

from unmask.datagen.pictures.arrays import F32, U8, Bools

# Luma of what is seen between brows and mask on CelebA's test faces: median and 95th percentile are 142 and 202; of
# one face in fifty the median is below 65, of one in fifty above 195.
USUAL, USUAL_BRIGHT = 142.0, 202.0
DARK, DARKEST, DARK_TO = 80.0, 60.0, 110.0  # from where on, from where on in full, and as what it is shown
BRIGHT, BRIGHTEST, BRIGHT_TO = 195.0, 215.0, 170.0
_LEAST_SHARE = 0.1  # of the place that is looked at has to be seen
_HIGHEST, _LOWEST = 245.0, 4.0
_GAMMAS = (0.4, 2.5)
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


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


_LEVELS: F32 = np.linspace(0, 1, 256, dtype=np.float32)


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
        That brings median and 95th percentile to those of usual faces, but so that darker faces stay darker;
        without a step: it begins at ``DARK`` or ``BRIGHT`` with nothing. The usual one where too little is seen.
    """
    seen = _seen_luma(picture, hidden)
    if seen is None:
        return Exposure()
    middle, bright = (float(np.clip(value, _LOWEST, 254)) for value in np.percentile(seen, (50, 95)))
    share = max((DARK - middle) / (DARK - DARKEST), (middle - BRIGHT) / (BRIGHTEST - BRIGHT))
    if share <= 0:
        return Exposure()
    target = DARK_TO if middle < USUAL else BRIGHT_TO
    wanted = min(USUAL_BRIGHT * target / USUAL, _HIGHEST)
    gamma = np.log(wanted / target) / np.log(max(bright, middle + 2) / middle)
    gamma = float(np.clip(gamma, *_GAMMAS))
    gain = target / 255 / (middle / 255) ** gamma
    share = min(share, 1.0)
    return Exposure(gamma**share, gain**share)


def _seen_luma(picture: U8, hidden: Bools) -> F32 | None:
    """Luma of the pixels between brows and mask that are not hidden."""
    rows, columns = np.nonzero(hidden)
    if not len(rows):
        return None
    side, x, y = len(rows) ** 0.5, columns.mean(), rows.mean()
    top, bottom = (int(np.clip(value, 0, len(picture))) for value in (y - 1.4 * side, y))
    left, right = (int(np.clip(value, 0, picture.shape[1])) for value in (x - 0.6 * side, x + 0.6 * side))
    place = picture[top:bottom, left:right][~hidden[top:bottom, left:right]]
    if len(place) < _LEAST_SHARE * 1.68 * side * side:
        return None
    return np.asarray(place.astype(np.float32) @ _LUMA, np.float32)
