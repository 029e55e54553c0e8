"""Reading a clip: its frames one after the other, upright, and what it says of itself."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import cv2
import numpy as np

from unmask.datagen.common.errors import UnreadablePictureError
from unmask.datagen.common.read_file import open_file
from unmask.datagen.pictures.arrays import U8

USUAL_FPS, MOST_FPS = 25.0, 1000.0
# FFmpeg opens what a file's content asks for: a playlist that is called clip.mp4 names addresses. Only plain
# containers, and only from this machine's files.
CONTAINERS = "mov,avi,matroska,webm,mpeg,mpegvideo,mpegts,asf,flv,ogg"
_ASKED = {
    "OPENCV_FFMPEG_CAPTURE_OPTIONS": f"protocol_whitelist;file|format_whitelist;{CONTAINERS}",
    "OPENCV_FFMPEG_LOGLEVEL": "-8",  # what is wrong with a clip becomes its status
}


@dataclass(frozen=True)
class ClipFacts:
    """What a clip says of itself.

    Attributes
    ----------
    width, height : int
        Of its frames as they are shown: a telephone's clip that is stored lying is upright.
    fps : float
        Frames a second.
    frames : int
        How many it says it has; 0 where it says nothing. What is decoded counts.
    fps_known : bool
        Whether it says so itself.
    """

    width: int
    height: int
    fps: float
    frames: int
    fps_known: bool = True


@contextmanager
def open_clip(path: Path) -> Iterator[tuple[ClipFacts, Iterator[U8]]]:
    """Open a clip for as long as the block runs.

    Yields
    ------
    facts : ClipFacts
    frames : iterator of uint8 (h, w, 3)
        RGB, upright, all of one size; decoded one by one.

    Raises
    ------
    UnreadablePictureError
        Where it cannot be opened, or not one frame of it can be decoded.
    """
    capture = _open(path)
    try:
        first = _next(capture)
        if first is None:
            raise UnreadablePictureError("no frame of it can be decoded")
        said, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
        known = bool(np.isfinite(said) and 0 < said <= MOST_FPS)
        height, width = first.shape[:2]
        facts = ClipFacts(width, height, said if known else USUAL_FPS, _count(count), known)
        yield facts, chain([first], _rest(capture, (width, height)))
    finally:
        capture.release()


def count_frames(path: Path) -> int:
    """How many frames a clip says it has; 0 where it cannot be opened or does not say."""
    try:
        capture = _open(path)
    except UnreadablePictureError:
        return 0
    try:
        return _count(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    finally:
        capture.release()


def _open(path: Path) -> cv2.VideoCapture:
    try:
        with open_file(path) as file:  # whose errors say more than OpenCV's
            file.read(1)
        name = os.fspath(path.absolute())  # never an address: those do not begin with a slash
        name.encode()
    except OSError as error:
        raise UnreadablePictureError(f"cannot be read: {error.strerror or error}") from error
    except UnicodeEncodeError as error:
        raise UnreadablePictureError("its name is not UTF-8, and OpenCV cannot open it") from error
    with quiet():
        capture = cv2.VideoCapture(name, cv2.CAP_FFMPEG)
    if not capture.isOpened():
        capture.release()
        raise UnreadablePictureError("not a clip that can be opened: damaged, or of an unknown kind")
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    return capture


@contextmanager
def quiet() -> Iterator[None]:
    """Let OpenCV and its FFmpeg say nothing on stderr while they open a file, and open plain files only."""
    before = {name: os.environ.get(name) for name in _ASKED}
    level = cv2.getLogLevel() if hasattr(cv2, "getLogLevel") else cv2.utils.logging.getLogLevel()
    os.environ.update(_ASKED)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _rest(capture: cv2.VideoCapture, size: tuple[int, int]) -> Iterator[U8]:
    while (frame := _next(capture)) is not None:
        if frame.shape[1::-1] != size:  # streams that were recorded may change on the way
            frame = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
        yield frame


def _next(capture: cv2.VideoCapture) -> U8 | None:
    done, frame = capture.read()
    return (
        np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8) if done and frame is not None else None
    )


def _count(said: float) -> int:
    return int(said) if np.isfinite(said) and 0 < said < 1e9 else 0
