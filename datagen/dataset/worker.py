"""What a worker does with a few source pictures: read, find faces, make triplets, write, report."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.atomic import write_atomic, writing_to
from unmask.datagen.common.errors import UnreadablePictureError, UserError
from unmask.datagen.common.memory import peak_rss_mb
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.faces.parsing import read_parsing
from unmask.datagen.pictures.picture import Picture, decode_picture
from unmask.datagen.render.prepared_picture import PreparedPicture, Refusal, prepare_picture
from unmask.datagen.render.sensor import jpeg_quality
from unmask.datagen.render.triplet import Triplet, mask_picture
from unmask.datagen.render.triplet_config import TripletConfig
from unmask.datagen.sources.source import SourceFace

from .journal import SourceRecord
from .manifest_row import ManifestRow
from .points import find_points_of, known_points
from .rows import empty_row, make_row
from .task_files import clean_file, mask_files, remove_stale
from .tasks import ChunkResult, SourceTask, WorkOrder

_BATCH_PICTURES = 64
_BATCH_PIXELS = 12_000_000  # large photographs go one by one


def work(order: WorkOrder, tasks: Sequence[SourceTask]) -> ChunkResult:
    """Make the triplets of a few source pictures and write them.

    A stage is done for several pictures before the next one begins: the landmark predictor and the renderer each
    fill a processor's caches, and taking turns for every picture costs a third of the speed.

    Returns
    -------
    ChunkResult
        With one record per task, in order.

    Raises
    ------
    UserError
        When the dataset's folder cannot be written to.
    """
    if cv2.getNumThreads() != 1:
        cv2.setNumThreads(1)  # a Dask worker has no initializer of ours
    config = order.triplet_config()
    result = ChunkResult()
    batch: list[_Job] = []
    for task in tasks:
        with _naming(task.face):
            batch.append(_open(task, order, result))
        if len(batch) >= _BATCH_PICTURES or sum(job.pixels for job in batch) >= _BATCH_PIXELS:
            _finish(batch, order, config, result)
            batch = []
    _finish(batch, order, config, result)
    result.peak_rss_mb = peak_rss_mb()
    return result


@contextmanager
def _naming(face: SourceFace) -> Iterator[None]:
    """Note in a bug's traceback which picture it met."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        error.add_note(f"while working on source picture {face.name!r}")
        raise


@dataclass
class _Job:
    """A source picture on its way through the stages."""

    task: SourceTask
    sha256: str = ""
    data: bytes = b""
    picture: Picture | None = None
    trouble: str = ""
    labels: NDArray[np.uint8] | None = None
    found: Sequence[Landmarks] = ()
    prepared: PreparedPicture | Refusal | None = None
    rows: dict[int, ManifestRow] = field(default_factory=dict)
    clean_name: str = ""

    @property
    def pixels(self) -> int:
        return self.picture.image_rgb.size // 3 if self.picture else 0


def _open(task: SourceTask, order: WorkOrder, result: ChunkResult) -> _Job:
    job = _Job(task)
    face = task.face
    try:
        with result.stage("read"):
            job.data = face.read_bytes()
            job.sha256 = hashlib.sha256(job.data).hexdigest()
        with result.stage("decode"):
            picture = decode_picture(job.data)
            if order.parsing:
                height, width = picture.image_rgb.shape[:2]
                job.labels = read_parsing(
                    order.parsing, face.stem, (height, width), order.size, order.parsing_labels
                )
            job.picture = picture
    except UnreadablePictureError as error:
        job.trouble = str(error)
    return job


def _finish(batch: Sequence[_Job], order: WorkOrder, config: TripletConfig, result: ChunkResult) -> None:
    """Bring opened pictures through the other stages and record them, in order."""
    readable = [(job, job.picture) for job in batch if job.picture is not None]
    with result.stage("landmarks"):
        _find_faces(readable)
    with result.stage("prepare"):
        for job, picture in readable:
            with _naming(job.task.face):
                quality = jpeg_quality(job.data)
                job.prepared = prepare_picture(picture.image_rgb, job.found, config, quality, job.labels)
    made: list[tuple[_Job, int, Triplet]] = []
    for job, _ in readable:
        job.rows = {row.variant: row for row in job.task.earlier.rows} if job.task.earlier else {}
        for variant in job.task.variants:
            with _naming(job.task.face), result.stage("mask"):
                triplet = _mask(job, variant, config)
            if triplet is not None:
                made.append((job, variant, triplet))
            if len(made) >= _BATCH_PICTURES or sum(each.map.size for _, _, each in made) >= _BATCH_PIXELS:
                _write(made, order, result)
                made = []
    _write(made, order, result)
    for job in batch:
        record = _record(job)
        with writing_to(order.out):
            remove_stale(order, job.task.files, record)
        result.records.append(record)


def _find_faces(readable: Sequence[tuple[_Job, Picture]]) -> None:
    searched = []
    for job, picture in readable:
        known = known_points(job.task.face, job.sha256, job.task.known)
        if known is None:
            searched.append((job, picture))
        else:
            job.found = known
    found = find_points_of([(job.task.face, picture.image_rgb) for job, picture in searched])
    for job, _ in searched:
        with _naming(job.task.face):
            job.found = next(found)


def _mask(job: _Job, variant: int, config: TripletConfig) -> Triplet | None:
    """One variant's triplet; None with its row written where there is none."""
    face, prepared = job.task.face, job.prepared
    made: Triplet | Refusal
    if isinstance(prepared, PreparedPicture):
        made = mask_picture(prepared, config, key=face.name, variant=variant)
    else:
        made = prepared or Refusal("unreadable", job.trouble)
    if isinstance(made, Triplet):
        return made
    job.rows[variant] = empty_row(face, job.sha256, variant, made.status, made.reason)
    return None


def _write(made: Sequence[tuple[_Job, int, Triplet]], order: WorkOrder, result: ChunkResult) -> None:
    for job, variant, triplet in made:
        face = job.task.face
        row = make_row(face, job.sha256, variant, triplet, job.found)
        with _naming(face), result.stage("encode"):
            files = mask_files(order, row.key, triplet)
            masked_name, map_name = list(files)[:2]
            if not job.clean_name and job.picture is not None:
                job.clean_name, clean = clean_file(order, face, triplet.clean, job.picture, job.data)
                files[job.clean_name] = clean
        with result.stage("write"), writing_to(order.out):
            for name, content in files.items():
                write_atomic(f"{order.out}/{name}", content)
        job.rows[variant] = replace(row, masked=masked_name, map=map_name, clean=job.clean_name)


def _record(job: _Job) -> SourceRecord:
    face = job.task.face
    if job.picture is None:
        return _failed(job.task, job.sha256, job.trouble)
    ordered = tuple(job.rows[variant] for variant in sorted(job.rows))
    return SourceRecord(face.name, face.stem, job.sha256, tuple(job.found), ordered)


def _failed(task: SourceTask, sha256: str, reason: str) -> SourceRecord:
    # All variants, since an earlier run may have seen the file before it was damaged.
    earlier = {row.variant for row in task.earlier.rows} if task.earlier else set()
    face, variants = task.face, sorted(earlier.union(task.variants))
    rows = tuple(empty_row(face, sha256, variant, "unreadable", reason) for variant in variants)
    return SourceRecord(face.name, face.stem, sha256, None, rows)
