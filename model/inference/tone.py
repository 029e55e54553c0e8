"""A photograph in one tone stays in it: the restored face of a grey or sepia one has no colours of its own."""

import numpy as np

from unmask.datagen.pictures.arrays import F32, U8, Bools

# Levels that chroma may differ from what lightness says, at the 95th percentile of the visible pixels: JPEG's
# chroma noise stays below, and the dullest colour photographs are above.
MOST_SPREAD = 4.0
_BINS = 16
_LEAST_PIXELS = 200
# RGB to luma, and to what is left of blue and red without it (ITU-R BT.601; not scaled).
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def in_tone(raw: U8, picture: U8, hidden: Bools) -> U8:
    """Give a restored face the tone of its photograph where that has only one.

    Parameters
    ----------
    raw, picture : uint8 (h, w, 3)
        RGB: the network's picture, and what it saw.
    hidden : bool (h, w)
        Where the mask is: its colours say nothing of the photograph's.

    Returns
    -------
    uint8 (h, w, 3)
        ``raw`` itself where the photograph has colours; else each pixel has the mean chroma that visible pixels
        of its lightness have, none in a grey photograph.
    """
    seen = picture[~hidden].astype(np.float32)
    if len(seen) < _LEAST_PIXELS:
        return raw
    lightness = seen @ LUMA
    chroma = seen - lightness[:, None]
    tone = _tone(lightness, chroma)
    # By channels: numpy's greatest of three neighbours in memory is slow.
    apart = [np.abs(own - told) for own, told in zip(chroma.T, _at(tone, lightness), strict=True)]
    if np.percentile(np.maximum.reduce(apart), 95) > MOST_SPREAD:
        return raw
    own = raw.astype(np.float32) @ LUMA
    return np.asarray(np.clip(np.rint(own[..., None] + np.dstack(_at(tone, own))), 0, 255), np.uint8)


def _tone(lightness: F32, chroma: F32) -> tuple[F32, F32]:
    """Lightness and mean chroma (n, 3) of the bins that visible pixels fill."""
    bins = np.minimum((lightness * (_BINS / 256)).astype(int), _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS)
    filled = counts > len(lightness) * 0.002
    sums = [np.bincount(bins, weights=values, minlength=_BINS) for values in (lightness, *chroma.T)]
    means = np.array([each[filled] / counts[filled] for each in sums], np.float32)
    return means[0], means[1:].T


def _at(tone: tuple[F32, F32], lightness: F32) -> list[F32]:
    """Chroma at some lightness, a channel after the other."""
    levels, chroma = tone
    return [np.interp(lightness, levels, chroma[:, channel]).astype(np.float32) for channel in range(3)]
