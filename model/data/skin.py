"""How light the skin of cached faces is: measured once, and kept beside the faces."""

import logging
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np

from unmask.datagen.common.atomic import write_atomic
from unmask.datagen.common.executors import in_order, naming_dead_workers, open_executor
from unmask.datagen.pictures.arrays import F32
from unmask.model.common.pace_log import PaceLog
from unmask.model.metrics.skin import skin_lightness

from .faces import FaceCache, locked, writing_cache

_LOG = logging.getLogger(__name__)

LIGHTNESS = "skin-1.npy"
"""File in a cache's folder; another number measures anew, for when `skin_lightness` changes."""

_CHUNK_PICTURES = 64
_STARTING = 512  # pictures that are measured in the time that a process takes to start


def measure_lightness(cache: FaceCache, workers: int) -> F32:
    """Measure the skin of every face of a cache, or read what an earlier training measured.

    Parameters
    ----------
    cache : FaceCache
    workers : int
        Processes that measure, at least 1: about 1 ms a face.

    Returns
    -------
    float32 (n,)
        L* of bare skin as `skin_lightness` has it, 0..100; NaN where too little of it is seen.

    Raises
    ------
    UserError
        When the cache's folder cannot be written to.
    """
    path = cache.folder / LIGHTNESS
    known = _kept(path, len(cache))
    if known is not None:
        return known
    folder = cache.folder.parent
    with writing_cache(folder), locked(folder / f"{cache.folder.name}.lock"):
        known = _kept(path, len(cache))  # another process measured it while this one waited
        if known is None:
            known = _measured(cache, workers)
            file = BytesIO()
            np.save(file, known, allow_pickle=False)
            write_atomic(path, file.getvalue())
    return known


def _kept(path: Path, count: int) -> F32 | None:
    """What an earlier training measured, None where there is no such file or a damaged one."""
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return values if values.shape == (count,) and values.dtype == np.float32 else None


def _measured(cache: FaceCache, workers: int) -> F32:
    pace = PaceLog(_LOG, "measuring how light skin is, once", "faces", len(cache))
    parts: list[F32] = []
    for part in _chunks(cache, min(workers, len(cache) // _STARTING + 1)):
        parts.append(part)
        pace.reach(sum(map(len, parts)))
    return np.concatenate(parts)


def _chunks(cache: FaceCache, workers: int) -> Iterator[F32]:
    """Measurements in order, a few chunks ahead."""
    with naming_dead_workers(workers), open_executor(workers) as (executor, in_flight):
        submissions = (
            executor.submit(_measure_some, cache, first, min(first + _CHUNK_PICTURES, len(cache)))
            for first in range(0, len(cache), _CHUNK_PICTURES)
        )
        yield from in_order(submissions, in_flight)


def _measure_some(cache: FaceCache, first: int, end: int) -> F32:
    found = [
        skin_lightness(cache.picture(index), cache.landmarks(index).points) for index in range(first, end)
    ]
    return np.array([np.nan if lightness is None else lightness for lightness in found], np.float32)
