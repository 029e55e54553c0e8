"""Writes a cache of faces: one file of pixels, in the source's order, and what finds a picture in it."""

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.common.executors import in_order, naming_dead_workers, open_executor
from unmask.datagen.faces.landmark_table import LandmarkTable
from unmask.datagen.faces.landmarks import POINT_COUNT
from unmask.datagen.sources.source import Source, SourceFace
from unmask.model.common.pace_log import PaceLog

from .face_store import FaceFrame, StoredFace, chunks, store_chunk

_LOG = logging.getLogger(__name__)

CACHE_VERSION = 1  # of what is kept of a picture; another one makes all caches anew
PIXELS, POINTS, INDEX, ABOUT = "faces.bin", "points.npy", "index.npz", "cache.json"
NAME_ENDS = b"\0"  # the one character that no file name has


class FaceWriter:
    """Writes the faces of a source, in its order, into a folder.

    Parameters
    ----------
    folder : Path
        Empty.
    source : Source
    frame : FaceFrame
    """

    def __init__(self, folder: Path, source: Source, frame: FaceFrame) -> None:
        self._folder = folder
        self._source = source
        self._frame = frame
        self._kept: list[tuple[int, int, int, int]] = []  # offset, height, width, quality
        self._points: list[NDArray[np.int32]] = []
        self._names = bytearray()
        self._left_out: Counter[str] = Counter()
        self._first_left_out = ""
        self._digest = hashlib.blake2b(digest_size=16)
        self._offset = 0
        self._pace = PaceLog(_LOG, "decoding faces, once", "pictures", len(source.faces))

    def run(self, workers: int, landmarks: LandmarkTable | None) -> None:
        """Store every picture, then write the index.

        Raises
        ------
        UserError
            When no picture has a face, or a worker process was killed.
        """
        faces = iter(self._source.faces)
        workers = min(workers, len(self._source.faces) // 64 + 1)  # starting one takes as long as 64 pictures
        with (
            (self._folder / PIXELS).open("wb") as file,
            naming_dead_workers(workers),
            open_executor(workers) as (executor, in_flight),
        ):
            for stored in self._stored(executor, in_flight, landmarks):
                for result in stored:
                    self._add(next(faces), result, file)
                self._pace.reach(len(self._kept) + sum(self._left_out.values()))
        if not self._kept:
            raise ArgumentError(
                "source", f"{self._source.root}: no picture with a face in it ({counted(self._left_out)})"
            )
        self._write_index()

    def _stored(
        self, executor: Executor, in_flight: int, landmarks: LandmarkTable | None
    ) -> Iterator[list[StoredFace | str]]:
        """Results in order, a few chunks ahead."""
        some = chunks(self._source.faces, landmarks)
        return in_order((executor.submit(store_chunk, self._frame, chunk) for chunk in some), in_flight)

    def _add(self, face: SourceFace, stored: StoredFace | str, file: IO[bytes]) -> None:
        if isinstance(stored, str):
            self._left_out[stored] += 1
            self._first_left_out = self._first_left_out or face.name
            return
        pixels = stored.image_rgb.tobytes()
        file.write(pixels)
        name = face.name.encode("utf-8", "surrogateescape")
        for part in (name, repr(stored.image_rgb.shape).encode(), pixels, stored.quarters.tobytes()):
            self._digest.update(part)
        height, width = stored.image_rgb.shape[:2]
        self._kept.append((self._offset, height, width, stored.jpeg_quality))
        self._points.append(stored.quarters)
        self._names += name + NAME_ENDS
        self._offset += len(pixels)

    def _write_index(self) -> None:
        offsets, heights, widths, qualities = np.array(self._kept, np.int64).T
        self._digest.update(qualities.tobytes())
        np.savez(
            self._folder / INDEX,
            offsets=offsets,
            heights=heights.astype(np.int32),
            widths=widths.astype(np.int32),
            qualities=qualities.astype(np.int16),
            names=np.frombuffer(bytes(self._names), np.uint8),
        )
        np.save(self._folder / POINTS, np.array(self._points, np.int32).reshape(-1, 2 * POINT_COUNT))
        about = {
            "version": CACHE_VERSION,
            "source": self._source.root,
            "size": self._frame.size,
            "jitter": self._frame.jitter,
            "pictures": len(self._kept),
            "left_out": dict(self._left_out),
            "first_left_out": self._first_left_out,
            "content": self._digest.hexdigest(),
            "bytes": {
                name: (self._folder / name).stat().st_size for name in (PIXELS, POINTS, INDEX)
            },
        }  # fmt: skip
        (self._folder / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def counted(left_out: Mapping[str, int]) -> str:
    """Say how many pictures there are of each status: ``2 no_face, 1 unreadable``."""
    return ", ".join(f"{count} {status}" for status, count in sorted(left_out.items()))
