"""How a picture of any size is shown to networks that were trained at one size, and how their answer comes back."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .options import MULTIPLE_PX

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]


@dataclass(frozen=True)
class NetworkFrame:
    """The size at which the networks see pictures of one size.

    The picture is scaled until its width is that of training; the height follows, so that faces keep their shape,
    and is padded to a multiple of 16 with mirrored rows, half above and half below, so that the middle stays the
    middle (the Editing Module tells places from there). A square picture of the training's size is not touched.

    Attributes
    ----------
    width, height : int
        Of the picture, pixels.
    side : int
        Width at which the networks work, a multiple of 16.
    """

    width: int
    height: int
    side: int

    @property
    def inner_height(self) -> int:
        """Height of the scaled picture."""
        return max(1, round(self.height * self.side / self.width))

    @property
    def padded_height(self) -> int:
        """Height that the networks see."""
        return -(-self.inner_height // MULTIPLE_PX) * MULTIPLE_PX

    @property
    def _above(self) -> int:
        return (self.padded_height - self.inner_height) // 2

    def shrink(self, image: U8) -> U8:
        """Scale and pad a picture (h, w, 3) or a map (h, w) of 0..255 to (padded_height, side[, 3])."""
        size = (self.side, self.inner_height)
        if image.shape[1::-1] != size:
            method = cv2.INTER_AREA if image.shape[1] >= self.side else cv2.INTER_CUBIC
            image = np.asarray(cv2.resize(image, size, interpolation=method), np.uint8)
        below = self.padded_height - self.inner_height - self._above
        if not (self._above or below):
            return image
        # Mirrored, as the jitter of training mirrors what lies beyond a picture.
        border = cv2.BORDER_REFLECT_101 if self.inner_height > 1 else cv2.BORDER_REPLICATE
        return np.asarray(cv2.copyMakeBorder(image, self._above, below, 0, 0, border), np.uint8)

    def enlarge(self, answer: NDArray[np.generic]) -> NDArray[np.generic]:
        """Cut the padding off what a network returned, (padded_height, side[, 3]), and scale it to the picture."""
        inner = answer[self._above : self._above + self.inner_height]
        if inner.shape[1::-1] == (self.width, self.height):
            return inner
        method = cv2.INTER_AREA if self.width < self.side else cv2.INTER_CUBIC
        if answer.dtype != np.uint8:  # chances: cubic interpolation would overshoot
            method = cv2.INTER_AREA if self.width < self.side else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(inner, (self.width, self.height), interpolation=method))
