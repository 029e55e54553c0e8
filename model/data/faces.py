"""Decoded faces with their points, made once per source and mapped into memory by whoever needs them."""

import hashlib
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.common.folder_lock import NO_LOCKS
from unmask.datagen.common.json_text import Each, Maybe, Needs, Whole, misfit, parse_json
from unmask.datagen.faces.landmark_table import LandmarkTable
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.pictures.arrays import U8
from unmask.datagen.sources.source import Source, SourceFace

from .face_store import FaceFrame
from .face_writer import ABOUT, CACHE_VERSION, INDEX, NAME_ENDS, PIXELS, POINTS, FaceWriter, counted

_LOG = logging.getLogger(__name__)


_ABOUT = Needs(
    {"pictures": Whole(), "left_out": Each(Whole()), "content": str, "bytes": Each(Whole()), "source": str},
    {"first_left_out": Maybe(str)},
)


class FaceCache:
    """The faces of a source, decoded.

    Small to send to other processes: it goes as a folder's name, and each opens the files itself.

    Attributes
    ----------
    folder : Path
    about : mapping
        ``cache.json``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.about: Mapping[str, Any] = parse_json((folder / ABOUT).read_text(encoding="utf-8"))
        if misfit(self.about, _ABOUT):
            raise ValueError(f"{folder / ABOUT}: not of this version")

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "about": self.about}

    def __len__(self) -> int:
        return int(self.about["pictures"])

    @property
    def counts(self) -> dict[str, int]:
        """How many pictures were left out, by the manifest's status that says why."""
        return dict(self.about["left_out"])

    @property
    def content(self) -> str:
        """Hash of names, pixels and points."""
        return str(self.about["content"])

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know: pictures left out."""
        if not self.counts:
            return ()
        reasons = counted(self.counts)
        asked = len(self) + sum(self.counts.values())
        first = self.about["first_left_out"]
        return (f"SOURCE {self.about['source']}: of {asked} pictures left out: {reasons} (first: {first})",)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """`SourceFace.name` of each picture, in the source's order."""
        joined = self._index["names"].tobytes().decode("utf-8", "surrogateescape")
        return tuple(joined.split(NAME_ENDS.decode())[:-1])

    def picture(self, index: int) -> U8:
        """Return a picture, uint8 (h, w, 3) RGB; a copy."""
        height, width = int(self._index["heights"][index]), int(self._index["widths"][index])
        # mapped for this one read: a mapping that lasts counts every page ever read as this process's memory
        pixels = np.memmap(
            self.folder / PIXELS, np.uint8, "r", int(self._index["offsets"][index]), (height, width, 3)
        )
        return np.array(pixels)

    def landmarks(self, index: int) -> Landmarks:
        """Return the points of the picture's largest face, in pixels of `picture`."""
        return Landmarks.from_quarters(self._points[index], "supplied")

    def jpeg_quality(self, index: int) -> int | None:
        """Return the source file's quality where the picture still has its block grid."""
        quality = int(self._index["qualities"][index])
        return None if quality < 0 else quality

    @cached_property
    def _index(self) -> dict[str, NDArray[Any]]:
        with np.load(self.folder / INDEX, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}

    @cached_property
    def _points(self) -> NDArray[np.int32]:
        # 88 MB for all of CelebA, in every worker, if it were read
        return np.asanyarray(np.load(self.folder / POINTS, mmap_mode="r", allow_pickle=False))


def open_face_cache(
    source: Source,
    size: tuple[int, int],
    jitter: bool,
    folder: Path,
    workers: int,
    landmarks: LandmarkTable | None = None,
) -> FaceCache:
    """Open the cache of a source's faces; make it where there is none of these very pictures.

    Of several processes that ask at once, one makes it and the others wait.

    Parameters
    ----------
    source : Source
        Pictures are known by name, size and time of change.
    size : (width, height)
        Of the training, in pixels. Without jitter pictures are kept at this size (`fit_picture`), else at their
        own, but not larger than one and a half times what this size needs.
    jitter : bool
        Whether a jitter will move the pictures before they are fitted.
    folder : Path
        Where caches are kept, each in a folder of its own.
    workers : int
        Processes that decode and find faces.
    landmarks : LandmarkTable, optional
        Known points.

    Raises
    ------
    UserError
        When no picture has a face, or the folder cannot be written to.
    """
    frame = FaceFrame(size, jitter)
    place = folder / f"faces-{fingerprint(source, frame, landmarks)}"
    cache = _opened(place)
    if cache is not None:
        return cache
    with writing_cache(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / f"{place.name}.lock") as alone:
            cache = _opened(place)  # another process made it while this one waited
            if cache is None and alone:
                for left in folder.glob(f".{place.name}.*"):  # of a process that was killed
                    shutil.rmtree(left, ignore_errors=True)
            return cache or _make(place, source, frame, workers, landmarks)


def fingerprint(source: Source, frame: FaceFrame, landmarks: LandmarkTable | None) -> str:
    """Return 16 hex digits that change with the pictures' files, the known points and the frame."""
    digest = hashlib.blake2b(f"{CACHE_VERSION} {frame.size} {frame.jitter}".encode(), digest_size=8)
    for face in source.faces:
        known = landmarks.entries(face.name) if landmarks else ()
        points = [(sha256, [found.to_quarters() for found in faces]) for sha256, faces in known]
        words = (face.name, _stamp(face), face.aligned, face.points5, points)
        digest.update(repr(words).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _stamp(face: SourceFace) -> tuple[object, ...]:
    if face.path is None:
        return ("drawn", face.demo_index)
    try:
        found = face.path.stat()
    except OSError:
        return (str(face.path), "gone")
    return (str(face.path.absolute()), found.st_size, found.st_mtime_ns)


def _opened(place: Path) -> FaceCache | None:
    """The cache in a folder, None where there is none or a damaged one."""
    try:
        cache = FaceCache(place)
        sizes = {name: (place / name).stat().st_size for name in (PIXELS, POINTS, INDEX)}
        return cache if sizes == cache.about["bytes"] else None
    except (OSError, ValueError, KeyError):
        return None


def _make(
    place: Path, source: Source, frame: FaceFrame, workers: int, landmarks: LandmarkTable | None
) -> FaceCache:
    shutil.rmtree(place, ignore_errors=True)
    part = place.parent / f".{place.name}.{os.getpid()}"
    part.mkdir()
    try:
        _check_space(part, len(source.faces), frame)
        FaceWriter(part, source, frame).run(workers, landmarks)
        try:
            part.rename(place)
        except OSError:  # where there are no locks another process may have been faster
            if _opened(place) is None:
                raise
        return FaceCache(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _check_space(folder: Path, pictures: int, frame: FaceFrame) -> None:
    # with jitter a picture may be larger than this in one direction: the estimate is a least
    need = pictures * 3 * frame.size[0] * frame.size[1] * (2 if frame.jitter else 1)
    free = shutil.disk_usage(folder).free
    if need > free:
        raise ArgumentError(
            "cache",
            f"{folder.parent}: {pictures} decoded faces take {need / 1e9:.1f} GB "
            f"and {free / 1e9:.1f} GB are free; name another folder or a `limit`",
        )


@contextmanager
def writing_cache(folder: Path) -> Iterator[None]:
    """Turn a file system's refusal inside the block into one line that names the folder of caches."""
    try:
        yield
    except OSError as error:
        words = error.strerror or str(error)
        raise ArgumentError("cache", f"{folder}: cannot write the decoded faces: {words}") from error


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold a lock that ends with the process; False where the file system has none.

    Without locks each process makes its own cache, and the first one's stays.
    """
    lock, alone = FileLock(path), True
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            _LOG.info("another process is decoding these faces; waiting for it")
            lock.acquire()
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        alone = False
    try:
        yield alone
    finally:
        lock.release()
