"""Everything that is settled before any work: inputs opened, arguments checked, and what is left to do."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from unmask.datagen.common.errors import ArgumentError, UnreadablePictureError
from unmask.datagen.common.inside import real_path
from unmask.datagen.common.object_store import as_url, is_url
from unmask.datagen.common.work_folder import TOOLKIT_KEY, WorkFolder, check_usable
from unmask.datagen.faces.landmark_table import LandmarkTable
from unmask.datagen.faces.parsing import mapped_stems
from unmask.datagen.faces.parsing_labels import CELEBAMASK, read_numbering
from unmask.datagen.faces.parsing_parts import has_parts
from unmask.datagen.masks.draw import check_recipe
from unmask.datagen.masks.recipe_config import RecipeConfig, load_recipe_config
from unmask.datagen.masks.template import load_templates
from unmask.datagen.sources.open_source import open_source
from unmask.datagen.sources.source import Source, SourceFace, marked_stem

from .folder import DATASET, check_apart
from .growth import check_growth
from .journal import Journal, SourceRecord
from .options import BuildOptions
from .rows import layers_file, row_files
from .tasks import SourceTask, WorkOrder


@dataclass(frozen=True)
class WorkPlan:
    """What is to be made of which pictures, wherever it goes.

    Attributes
    ----------
    options : BuildOptions
    source : Source
    order : WorkOrder
        What every worker is told.
    table : LandmarkTable or None
        The supplied landmarks.
    identity : dict
        Sections of ``build.json`` that must be equal for a resume.
    """

    options: BuildOptions
    source: Source
    order: WorkOrder
    table: LandmarkTable | None
    identity: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class BuildPlan(WorkPlan):
    """A build that can start.

    Attributes
    ----------
    folder : WorkFolder
    earlier : bool
        Whether the folder holds an earlier build, to be resumed or overwritten.
    """

    folder: WorkFolder
    earlier: bool


def plan_build(options: BuildOptions) -> BuildPlan:
    """Check every argument and open every input; writes nothing.

    Raises
    ------
    UserError
        In one line that names the argument or file.
    """
    options.check()
    if is_url(options.out):
        raise ArgumentError(
            "out", f"{as_url(options.out)}: only a build in shards goes to a URL; give `shards`"
        )
    check_usable(options.out)
    work = plan_work(options)
    folder = WorkFolder(options.out, DATASET)
    earlier = folder.check(work.identity, options.existing)
    before = folder.read_card()
    if before is not None and options.existing == "resume":
        check_growth(options.out, before, options.variants, (face.name for face in work.source.faces))
    return BuildPlan(options, work.source, work.order, work.table, work.identity, folder, earlier)


def plan_work(options: BuildOptions) -> WorkPlan:
    """Open every input; the options are checked, and ``out`` is looked at only where it is a folder.

    Raises
    ------
    UserError
        In one line that names the argument or file.
    """
    source = open_source(
        options.source, split=options.split, limit=options.limit, identities=options.identities
    )
    if source.kind != "demo" and not is_url(options.out):
        check_apart(options.out, options.source, source.root)
    templates = load_templates(options.templates, options.families, options.textures)
    recipe = load_recipe_config(options.recipe, options.pins)
    check_recipe(recipe, templates)
    table = open_table(options.landmarks, source)
    source = _note_maps(options, source)
    identity = _identity(options, source, recipe, templates.fingerprint)
    order = WorkOrder(
        out=options.out.absolute(),  # a cluster's workers start in other folders
        seed=options.seed,
        size=options.size,
        format=options.format,
        layers=options.layers,
        faces=options.faces,
        recipe=recipe,
        templates=tuple(folder.absolute() for folder in options.templates),
        families=options.families,
        textures=options.textures.absolute() if options.textures else None,
        parsing=options.parsing.absolute() if options.parsing else None,
        template_hash=templates.fingerprint,
        parsing_labels=read_numbering(options.parsing_labels),
    )
    return WorkPlan(options, source, order, table, identity)


def open_table(landmarks: Path | None, source: Source) -> LandmarkTable | None:
    """Read a table of known points; UserError naming ``landmarks`` where it is of other pictures."""
    if landmarks is None:
        return None
    table = LandmarkTable.read(landmarks)
    names = [face.name for face in source.faces]
    if not table.covers(names):
        raise ArgumentError(
            "landmarks",
            f"{landmarks}: names none of the {len(names)} pictures of `source`; "
            "is it the table of another set?",
        )
    return table


def _note_maps(options: BuildOptions, source: Source) -> Source:
    if options.parsing is None:
        return source
    there = mapped_stems(options.parsing)
    if options.parsing_labels != CELEBAMASK and has_parts(options.parsing):
        words = (
            f"{options.parsing_labels}: the part maps in `parsing` {options.parsing} have names, no numbers"
        )
        raise ArgumentError("parsing_labels", words)
    count, total = sum(face.stem in there for face in source.faces), len(source.faces)
    if not count:
        raise ArgumentError(
            "parsing",
            f"{options.parsing}: has a map of none of the {total} pictures of `source`; "
            f"the first one's would be {source.faces[0].stem}.png",
        )
    return replace(source, notes=(*source.notes, f"{count} of {total} pictures have a parsing map"))


def _identity(
    options: BuildOptions, source: Source, recipe: RecipeConfig, template_hash: str
) -> dict[str, dict[str, Any]]:
    elsewhere = source.kind == "demo" or is_url(source.root)
    root = source.root if elsewhere else str(real_path(source.root))
    config = options.configuration()
    config |= {
        "template_hash": template_hash,
        "recipe_name": recipe.name,
        "recipe": json.loads(recipe.text_of_masks),
    }
    return {
        TOOLKIT_KEY: {"unmask": version("unmask")},
        "config": config,
        "source": {"kind": source.kind, "root": root},
    }


def plan_tasks(plan: BuildPlan, journal: Journal) -> Iterator[SourceTask]:
    """Yield what is not finished yet, in the order of the source."""
    wanted = range(plan.options.variants)
    for face in pin_stems(plan.source.faces, journal):
        was = journal.get(face.name)
        earlier = was if was is not None and _is_same_file(face, was) else None
        done = _finished(earlier, plan.order) if earlier else set()
        variants = tuple(variant for variant in wanted if variant not in done)
        if variants:
            known = _known(face.name, earlier, plan.table)
            yield SourceTask(_found(face), variants, earlier, known, _files(was, plan.order.layers))


def plan_fresh(plan: WorkPlan, faces: Iterable[SourceFace]) -> Iterator[SourceTask]:
    """Yield all that is to be made of some pictures, whatever earlier runs made."""
    for face in faces:
        yield SourceTask(
            _found(face), tuple(range(plan.options.variants)), None, _known(face.name, None, plan.table)
        )


def _found(face: SourceFace) -> SourceFace:
    """Return a picture as workers find it, who may start in other folders."""
    return face if face.path is None else replace(face, path=face.path.absolute())


def _is_same_file(face: SourceFace, earlier: SourceRecord) -> bool:
    # A picture that was replaced since is another picture; hashing costs far less than masking.
    try:
        return hashlib.sha256(face.read_bytes()).hexdigest() == earlier.sha256
    except UnreadablePictureError:
        return earlier.sha256 == ""


def _files(was: SourceRecord | None, layers: bool) -> tuple[str, ...]:
    rows = was.rows if was is not None else ()
    return tuple(sorted({name for row in rows for name in row_files(row, layers=layers)}))


def _finished(earlier: SourceRecord, order: WorkOrder) -> set[int]:
    """Return the variants whose rows are there with all their files."""
    done = set()
    for row in earlier.rows:
        names = [row.masked, row.map, row.clean] if row.status == "ok" else []
        if names and order.layers:
            names.append(layers_file(row.key))
        if all((order.out / name).is_file() for name in names):
            done.add(row.variant)
    return done


def _known(
    name: str, earlier: SourceRecord | None, table: LandmarkTable | None
) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    known = []
    if earlier is not None and earlier.landmarks is not None:
        known.append((earlier.sha256, earlier.landmarks))
    if table is not None:
        known += table.entries(name)
    return tuple(known)


def pin_stems(faces: Iterable[SourceFace], journal: Journal) -> Iterator[SourceFace]:
    """Keep the stem that a finished picture already has, whatever was added to the source since.

    Where two files would share a stem, the source tells them apart in the order of their names; a file
    that is added later may come first in that order and must not move the files of the other.
    """
    taken = {stem.casefold() for stem in journal.stems()}
    for face in faces:
        stem = journal.stem(face.name)
        if stem is None and face.stem.casefold() in taken:
            stem = marked_stem(face.stem, face.name)
        yield face if stem in (None, face.stem) else replace(face, stem=stem)
