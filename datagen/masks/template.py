"""Sets of mask templates: the packaged ones and the user's."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.common.inside import real_path

from .template_format import Template
from .template_reader import TemplateProblem, read_template
from .textures import find_textures

__all__ = [
    "Template",
    "TemplateProblem",
    "TemplateSet",
    "check_templates",
    "load_templates",
    "packaged_folder",
]


class TemplateSet:
    """Templates by name, with a fingerprint of everything that decides their pixels.

    Attributes
    ----------
    templates : tuple of Template
        Sorted by name.
    families : tuple of str
        Sorted.
    known_families : tuple of str
        Before ``--families`` chose among them.
    own_families : frozenset of str
        Those of which no template came with the toolkit.
    textures : dict of str to Path
        Pictures of cloth of the user (``--textures``), by stem.
    fingerprint : str
    """

    def __init__(
        self,
        templates: Sequence[Template],
        textures: Mapping[str, Path] | None = None,
        textures_digest: str = "",
        known_families: Sequence[str] | None = None,
    ) -> None:
        self.textures = dict(textures or {})
        self.templates = tuple(sorted(templates, key=lambda template: template.name))
        self._by_name = {template.name: template for template in self.templates}
        self.families = tuple(sorted({template.family for template in self.templates}))
        self.known_families = tuple(known_families or self.families)
        self._by_family = {
            family: tuple(template for template in self.templates if template.family == family)
            for family in self.families
        }
        home = packaged_folder()
        packaged = {template.family for template in self.templates if template.folder.is_relative_to(home)}
        self.own_families = frozenset(self.families) - packaged
        joined = "".join(template.digest for template in self.templates) + textures_digest
        self.fingerprint = hashlib.sha256(joined.encode()).hexdigest()[:16]

    def of_family(self, family: str) -> tuple[Template, ...]:
        """Templates of one family, sorted by name."""
        return self._by_family[family]

    def __getitem__(self, name: str) -> Template:
        try:
            return self._by_name[name]
        except KeyError:
            known = ", ".join(template.name for template in self.templates)
            raise UserError(
                f"template {name!r} is not at hand; is `templates` missing? known: {known}"
            ) from None

    def __len__(self) -> int:
        return len(self.templates)


def packaged_folder() -> Path:
    """Folder of the templates that come with the toolkit."""
    return Path(str(files("unmask.assets"))) / "masks"


def load_templates(
    folders: Sequence[Path] = (), families: Sequence[str] | None = None, textures: Path | None = None
) -> TemplateSet:
    """Read the packaged templates and the user's.

    Parameters
    ----------
    folders : sequence of Path
        Further template folders (``--templates``); a name used twice is an error.
    families : sequence of str, optional
        Keep only these families (``--families``).
    textures : Path, optional
        Folder of pictures of cloth (``--textures``).

    Raises
    ------
    UserError
        Naming the file or the argument, when a template is broken or a family unknown.
    """
    found, problems = _read_folders([packaged_folder(), *map(Path, folders)])
    if problems:
        more = f" (and {len(problems) - 1} more: unmask-data templates validate)" if len(problems) > 1 else ""
        raise ArgumentError("templates", f": {problems[0]}{more}")
    known = sorted({template.family for template in found})
    if families is not None:
        for family in families:
            if family not in known:
                raise ArgumentError("families", f": unknown family {family!r}; known: {', '.join(known)}")
        found = [template for template in found if template.family in families]
    pictures, digest = find_textures(textures) if textures is not None else ({}, "")
    return TemplateSet(found, pictures, digest, known)


def check_templates(folder: Path) -> list[TemplateProblem]:
    """Everything that is wrong with the templates in a folder, [] when they can be used beside packaged ones."""
    beside = [] if real_path(folder) == real_path(packaged_folder()) else [packaged_folder()]
    return _read_folders([*beside, folder])[1]


@cache
def _read_packaged(path: Path) -> tuple[Template | None, list[TemplateProblem]]:
    # The packaged layers are looked at by the tests; decoding them all would cost every process.
    return read_template(path, look=False)


def _json_files(folder: Path) -> tuple[list[Path], list[TemplateProblem]]:
    """JSON files of a folder and of those in it, and which folders cannot be read, where a glob is silent."""
    found: list[Path] = []
    problems: list[TemplateProblem] = []
    for place in [folder, *(path for path in _entries(folder, problems) if path.is_dir())]:
        found += [path for path in _entries(place, problems) if path.suffix == ".json"]
    return sorted(found), list(dict.fromkeys(problems))


def _entries(folder: Path, problems: list[TemplateProblem]) -> list[Path]:
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return []
    except OSError as error:
        problems.append(TemplateProblem(folder, f"cannot be read: {error.strerror}"))
        return []


def _read_folders(folders: Sequence[Path]) -> tuple[list[Template], list[TemplateProblem]]:
    found: list[Template] = []
    problems: list[TemplateProblem] = []
    files: dict[str, Path] = {}
    home = packaged_folder()
    for folder in folders:
        paths, unreadable = _json_files(folder)
        problems += unreadable
        if not paths and not unreadable:
            nothing = "no template: expected NAME.json here or one folder down"
            problems.append(TemplateProblem(folder, nothing if folder.is_dir() else "no such folder"))
        for path in paths:
            template, wrongs = _read_packaged(path) if folder == home else read_template(path)
            problems += wrongs
            if template is None:
                continue
            if template.name in files:
                twice = f"the name {template.name!r} is also used by {files[template.name]}"
                problems.append(TemplateProblem(path, twice))
            files[template.name] = path
            found.append(template)
    return found, problems
