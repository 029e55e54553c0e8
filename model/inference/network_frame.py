"""How a picture of any size is shown to networks that were trained at one size, and how their answer comes back."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.pictures.arrays import U8
from unmask.model.common.limits import MULTIPLE_PX


@dataclass(frozen=True)
class NetworkFrame:
    """The size at which the networks see pictures of one size.

    The picture is scaled until its shorter side is that of training, so that faces keep their shape, and is padded
    to multiples of 16 with mirrored pixels, half on either side, so that the middle stays the middle (the Editing
    Module tells places from there). A square picture of the training's size is not touched.

    Attributes
    ----------
    width, height : int
        Of the picture, pixels.
    side : int
        Shorter side at which the networks work, a multiple of 16.
    """

    width: int
    height: int
    side: int

    @property
    def inner(self) -> tuple[int, int]:
        """Width and height of the scaled picture."""
        scale = self.side / min(self.width, self.height)
        return max(1, round(self.width * scale)), max(1, round(self.height * scale))

    @property
    def padded(self) -> tuple[int, int]:
        """Width and height that the networks see."""
        width, height = (-(-length // MULTIPLE_PX) * MULTIPLE_PX for length in self.inner)
        return width, height

    @property
    def _corner(self) -> tuple[int, int]:
        """Columns and rows of padding at the left and at the top."""
        (width, height), (all_width, all_height) = self.inner, self.padded
        return (all_width - width) // 2, (all_height - height) // 2

    def shrink(self, image: U8) -> U8:
        """Scale and pad a picture (h, w, 3) or a map (h, w) of 0..255 to what the networks see."""
        if image.shape[1::-1] != self.inner:
            method = cv2.INTER_AREA if min(image.shape[:2]) >= self.side else cv2.INTER_CUBIC
            image = np.asarray(cv2.resize(image, self.inner, interpolation=method), np.uint8)
        if self.padded == self.inner:
            return image
        left, top = self._corner
        right, below = (self.padded[axis] - self.inner[axis] - self._corner[axis] for axis in (0, 1))
        # Mirrored, as the jitter of training mirrors what lies beyond a picture.
        border = cv2.BORDER_REFLECT_101
        return np.asarray(cv2.copyMakeBorder(image, top, below, left, right, border), np.uint8)

    def enlarge(self, answer: NDArray[np.generic]) -> NDArray[np.generic]:
        """Cut the padding off what a network returned, (h, w[, c]), and scale it to the picture."""
        (left, top), (width, height) = self._corner, self.inner
        inner = answer[top : top + height, left : left + width]
        if (width, height) == (self.width, self.height):
            return inner
        method = cv2.INTER_AREA
        if min(self.width, self.height) >= self.side:
            # Cubic interpolation of probabilities would overshoot.
            method = cv2.INTER_CUBIC if answer.dtype == np.uint8 else cv2.INTER_LINEAR
        if inner.ndim == 2:
            return self._scaled(inner, method)
        # OpenCV means areas of up to four planes at once.
        some = [self._scaled(inner[..., first : first + 4], method) for first in range(0, inner.shape[2], 4)]
        return np.dstack(some)

    def _scaled(self, inner: NDArray[np.generic], method: int) -> NDArray[np.generic]:
        return np.asarray(cv2.resize(inner, (self.width, self.height), interpolation=method))
