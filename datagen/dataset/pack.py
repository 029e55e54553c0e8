"""Pack a source of faces: small pictures, their points and CelebA's lists, to be carried to another machine."""

import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unmask.datagen.common.atomic import PART, write_atomic
from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.common.executors import in_order, naming_dead_workers, open_executor
from unmask.datagen.common.inside import real_path
from unmask.datagen.common.json_text import Needs
from unmask.datagen.common.work_folder import FolderKind, WorkFolder
from unmask.datagen.faces.landmark_table import LandmarkTable, points_sha256, write_landmark_table
from unmask.datagen.sources.celeba import PICTURE_FOLDER
from unmask.datagen.sources.celeba_lists import LIST_NAMES, official_lists
from unmask.datagen.sources.open_source import open_source
from unmask.datagen.sources.source import Source, SourceFace

from .folder import LANDMARKS_NAME, check_apart
from .pack_options import PackOptions
from .pack_worker import KnownFaces, Packed, PackOrder, pack_chunk, packed_name
from .plan import open_table

PACK_NAME, PARTS = "pack.json", "parts"
_PLAIN_FOLDER = "pictures"  # of faces that are not framed like aligned CelebA
_CHUNK_PICTURES = 64
_BLOCK = 512  # of a tar file; it ends with two empty ones, and is filled up to twenty
_FILLED = 20 * _BLOCK

PACK = FolderKind(
    argument="out",
    noun="pack",
    work="pack",
    card=PACK_NAME,
    identity=lambda card: dict(card["config"]),
    shape=Needs({"config": Needs({"source": str})}),
    own=(
        *LIST_NAMES,
        LANDMARKS_NAME,
        f"{PICTURE_FOLDER}/*.jpg",
        f"{_PLAIN_FOLDER}/*.jpg",
        f"{PARTS}/part-{'[0-9]' * 3}.tar",
    ),
    places=(PICTURE_FOLDER, _PLAIN_FOLDER, PARTS),
    labels={"landmarks_sha256": "`landmarks`"},
)


@dataclass(frozen=True)
class PackReport:
    """What was packed.

    Attributes
    ----------
    counts : mapping of str to int
        Pictures by status.
    notes : tuple of str
    megabytes : float
        Of the pictures, 10**6 bytes.
    parts : tuple of Path
        The tar files.
    """

    counts: Mapping[str, int]
    notes: tuple[str, ...]
    megabytes: float
    parts: tuple[Path, ...]


def pack(options: PackOptions, progress: Callable[[int, int], None] = lambda *_: None) -> PackReport:
    """Write small copies of a source's faces with all that is known of them; the same call gives the same bytes.

    The folder is a source itself: CelebA's layout with the lists of what is in it, and ``landmarks.csv``.

    Parameters
    ----------
    options : PackOptions
    progress : callable
        Takes how many pictures are done and how many there are.

    Raises
    ------
    UserError
        For what a person can mend, naming the argument or file.
    """
    options.check()
    source = open_source(options.source, split=options.split, limit=options.limit)
    if source.kind != "demo":
        check_apart(options.out, options.source, source.root)
    table = open_table(options.landmarks, source)
    place = PICTURE_FOLDER if any(face.aligned for face in source.faces) else _PLAIN_FOLDER
    card = {"config": _config(options, source)}
    folder = WorkFolder(options.out, PACK)
    with folder.opened(card, options.existing):
        with folder.writing():
            folder.write_card(card)
            (options.out / place).mkdir(exist_ok=True)
        packed = _run(options, source, table, place, progress)
        with folder.writing():
            return _finish(options, source, place, packed)


def _config(options: PackOptions, source: Source) -> dict[str, Any]:
    root = source.root if source.kind == "demo" else str(real_path(source.root))
    return {
        "source": root,
        **{name: getattr(options, name) for name in ("size", "quality", "part_mb", "limit", "split")},
        "landmarks_sha256": points_sha256(options.landmarks) if options.landmarks else None,
    }


def _run(
    options: PackOptions,
    source: Source,
    table: LandmarkTable | None,
    place: str,
    progress: Callable[[int, int], None],
) -> list[Packed]:
    order = PackOrder((options.out / place).absolute(), options.size, options.quality)
    workers = min(options.workers, len(source.faces) // _CHUNK_PICTURES + 1)
    packed: list[Packed] = []
    with naming_dead_workers(workers), open_executor(workers) as (executor, in_flight):
        for results in _results(executor, in_flight, order, _chunks(source.faces, table)):
            packed += results
            progress(len(packed), len(source.faces))
    return packed


def _chunks(
    faces: Sequence[SourceFace], table: LandmarkTable | None
) -> Iterator[list[tuple[SourceFace, KnownFaces]]]:
    for start in range(0, len(faces), _CHUNK_PICTURES):
        part = faces[start : start + _CHUNK_PICTURES]
        yield [(face, tuple(table.entries(face.name)) if table else ()) for face in part]


def _results(
    executor: Executor,
    in_flight: int,
    order: PackOrder,
    chunks: Iterator[list[tuple[SourceFace, KnownFaces]]],
) -> Iterator[list[Packed]]:
    """Results in order, a few chunks ahead."""
    return in_order((executor.submit(pack_chunk, order, chunk) for chunk in chunks), in_flight)


def _finish(options: PackOptions, source: Source, place: str, packed: Sequence[Packed]) -> PackReport:
    """Write the lists, the points and the parts, and remove what an earlier pack left of other pictures."""
    kept = [
        (packed_name(face), face, made)
        for face, made in zip(source.faces, packed, strict=True)
        if made.status == "ok"
    ]
    lists = official_lists(source.attribute_names, [(name, face) for name, face, _ in kept])
    for name in LIST_NAMES:
        if name in lists:
            write_atomic(options.out / name, lists[name].encode("utf-8", "surrogateescape"))
        else:
            (options.out / name).unlink(missing_ok=True)
    # As a source names them: CelebA's by their file alone, others by their way from its root.
    listed = "" if place == PICTURE_FOLDER else f"{place}/"
    write_landmark_table(
        options.out / LANDMARKS_NAME,
        [(listed + name, made.sha256, made.landmarks) for name, _, made in kept],
    )
    wanted = {name for name, _, _ in kept}
    for path in (options.out / place).glob("*.jpg"):
        if path.name not in wanted:
            path.unlink()
    tables = [name for name in (*LIST_NAMES, LANDMARKS_NAME) if (options.out / name).is_file()]
    files = [*tables, *(f"{place}/{name}" for name, _, _ in kept)]
    counts = Counter(made.status for made in packed)
    return PackReport(
        {"ok": counts["ok"], **{name: counts[name] for name in sorted(counts) if name != "ok"}},
        source.notes,
        sum(made.bytes for made in packed) / 1e6,
        _write_parts(options, files),
    )


def _write_parts(options: PackOptions, files: Sequence[str]) -> tuple[Path, ...]:
    """Write the files as tar files, none larger than asked; to be unpacked into one folder."""
    folder = options.out / PARTS
    made: list[Path] = []
    if options.part_mb is not None:
        folder.mkdir(exist_ok=True)
        for names in _portions(options, files):
            made.append(folder / f"part-{len(made) + 1:03d}.tar")
            _write_tar(made[-1], options.out, names)
    for path in folder.glob("part-*.tar"):
        if path not in made:
            path.unlink()
    with suppress(OSError):
        folder.rmdir()  # where it is empty
    return tuple(made)


def _portions(options: PackOptions, files: Sequence[str]) -> Iterator[list[str]]:
    most = int((options.part_mb or 0) * 1e6) - _FILLED
    portion: list[str] = []
    used = 0
    for name in files:
        size = (options.out / name).stat().st_size
        taken = 4 * _BLOCK + size + -size % _BLOCK  # three more blocks where a name is long
        if taken > most:
            raise ArgumentError("part_mb", f"{options.part_mb:g}: {name} alone is larger")
        if used + taken > most:
            yield portion
            portion, used = [], 0
        portion.append(name)
        used += taken
    yield portion


def _write_tar(path: Path, root: Path, names: Sequence[str]) -> None:
    part = Path(f"{path}{PART}")
    try:
        with tarfile.open(part, "w", format=tarfile.PAX_FORMAT) as tar:
            for name in names:
                info = tarfile.TarInfo(name)  # no owner and no time: the same bytes whoever packs, and when
                info.size = (root / name).stat().st_size
                with (root / name).open("rb") as file:
                    tar.addfile(info, file)
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
