"""Writing a clip: MPEG-4 video in an MP4 file, which is whole or not there."""

import errno
import os
from pathlib import Path

import cv2

from unmask.datagen.common.errors import UserError
from unmask.datagen.pictures.arrays import U8

from .clip import ClipFacts, count_frames, quiet

CODEC = "mp4v"  # MPEG-4 part 2: what every OpenCV has; H.264 most have not


class NoEncoderError(UserError):
    """OpenCV cannot write such a clip here."""


class ClipWriter:
    """Writes frames to a file that nobody else knows of yet.

    Parameters
    ----------
    path : Path
        Ends with ``.mp4``.
    size : tuple of int
        Width and height of the frames; an odd last column or row is left out, since the codec has none.
    fps : float

    Raises
    ------
    NoEncoderError
        Where there is no encoder, or none for this size.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: float) -> None:
        self.path, self.size, self.written = path, size, 0
        with quiet():
            self._writer = cv2.VideoWriter(
                os.fspath(path.absolute()), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*CODEC), fps, size
            )
        if not self._writer.isOpened():
            raise NoEncoderError(
                f"OpenCV has no encoder for a clip of {size[0]}x{size[1]}, {fps:g} frames a second"
            )

    def write(self, image_rgb: U8) -> None:
        """Add a frame, uint8 (h, w, 3), at least of the clip's size; what is beyond that is left out."""
        width, height = self.size
        self._writer.write(cv2.cvtColor(image_rgb[:height, :width], cv2.COLOR_RGB2BGR))
        self.written += 1

    def finish(self) -> None:
        """End the file; OSError where not all of it arrived there, which OpenCV does not say."""
        self.close()
        if count_frames(self.path) != self.written:
            raise OSError(
                errno.ENOSPC, "the clip was not written as a whole (disk full?)", os.fspath(self.path)
            )

    def close(self) -> None:
        """Let go of the file, finished or not."""
        self._writer.release()


def written_size(facts: ClipFacts) -> tuple[int, int]:
    """Width and height of what is written of a clip: even numbers."""
    return facts.width // 2 * 2, facts.height // 2 * 2
