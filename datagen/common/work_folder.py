"""A folder that work is written into: whose it is, what may go on in it, and that nobody else's file is lost."""

import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .atomic import PART, write_atomic, writing_to
from .errors import ArgumentError, UserError
from .folder_lock import LOCK_NAME, give_back, take_lock
from .inside import Inside
from .json_text import Needs, misfit, parse_json
from .read_file import CARD_BYTES, read_file

TOOLKIT_KEY = "toolkit"
_LONGEST_SHOWN = 40


@dataclass(frozen=True)
class FolderKind:
    """What a command calls its folder, and what in it is the command's.

    Attributes
    ----------
    argument : str
        What the command's options call the folder: ``out``.
    noun, work : str
        What it holds, and what is done in it: ``dataset``, ``build``.
    card : str
        The JSON file that says whose folder it is.
    identity : callable
        Takes the card's content, returns by name what decides the result.
    shape : Needs
        What the content is, as `misfit` has it: a card of another shape is somebody else's.
    own : tuple of str
        Patterns of the files that the command writes under names of its own, in the order of their removal.
    places : tuple of str
        What in the folder must not link elsewhere: folders that the command writes to, files that it adds to.
    first : tuple of str
        Names that may be there before the card is.
    free : frozenset of str
        Parts of the identity that may change.
    grows : str
        The part of the identity that may become larger.
    decisive : str
        The part of the identity that all others follow from.
    labels : mapping of str to str
        What a part of the identity is called, where it is no argument of the same name.
    """

    argument: str
    noun: str
    work: str
    card: str
    identity: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    shape: Needs
    own: tuple[str, ...]
    places: tuple[str, ...]
    first: tuple[str, ...] = ()
    free: frozenset[str] = frozenset()
    grows: str = ""
    decisive: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def one(self) -> str:
        """What it holds, with its article: ``a dataset``, ``an export``."""
        return f"a{'n' * (self.noun[0] in 'aeiou')} {self.noun}"


class WorkFolder:
    """One folder of one kind; need not exist.

    Parameters
    ----------
    path : Path
    kind : FolderKind
    """

    def __init__(self, path: Path, kind: FolderKind) -> None:
        self.path, self.kind = path, kind
        self._where = f"`{kind.argument}` {path}"

    def read_card(self) -> dict[str, Any] | None:
        """Return what the card says, None where there is none; UserError where it is damaged or not ours."""
        path = self.path / self.kind.card
        try:
            content = parse_json(read_file(path, CARD_BYTES))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise UserError(f"{path}: damaged (not valid JSON); give another folder") from error
        wrong = misfit(content, self.kind.shape, "its content")
        if wrong:
            raise UserError(
                f"{path}: not written by this toolkit ({wrong} is not as it should be); give another folder"
            )
        return dict(content)

    def check(self, card: Mapping[str, Any], existing: str, free: Collection[str] = ()) -> bool:
        """Apply ``existing`` to what is in the folder, without touching it.

        Parameters
        ----------
        card : mapping
            What would be written; JSON-able, paths allowed.
        existing : str
            ``resume``, ``overwrite`` or ``fail``.
        free : collection of str
            More parts of the identity that may change; ``budget`` frees ``budget.minutes``.

        Returns
        -------
        bool
            Whether there is earlier work to resume or overwrite.

        Raises
        ------
        UserError
            When the folder cannot be used, holds something else, or the policy forbids going on.
        """
        before = self._check_ours()
        if before is not None and existing == "fail":
            raise UserError(f"{self._where}: holds {self.kind.one}, and `existing` fail was given")
        if before is not None and existing == "resume":
            found = self._differences(before, card, free)
            if found:
                raise UserError(
                    f"{self._where}: holds {self.kind.one} of another configuration: {'; '.join(found)}; "
                    "give another folder or `existing` overwrite"
                )
        return before is not None

    def _differences(
        self, before: Mapping[str, Any], card: Mapping[str, Any], free: Collection[str] = ()
    ) -> list[str]:
        now = self.kind.identity(json.loads(json.dumps(card, default=os.fspath)))
        return differences(self.kind, self.kind.identity(before), now, free)

    def _check_ours(self) -> dict[str, Any] | None:
        check_usable(self.path, self.kind.argument)
        before = self.read_card()
        there = {entry.name for entry in self.path.iterdir()} if self.path.is_dir() else set()
        if before is None and there - {LOCK_NAME, self.kind.card + PART, *self.kind.first}:
            what = f"has files but no {self.kind.card}, so it is no {self.kind.noun} of this toolkit"
            raise UserError(f"{self._where}: {what}; give another folder")
        inside = Inside(self.path)
        for place in self.kind.places:
            if not inside.holds(place):
                raise UserError(f"{self._where}: {place} is a link that leads out of it; nothing was changed")
        return before

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep others out of the folder for as long as the block runs; makes the folder.

        Raises
        ------
        UserError
            When another process is at work there, the folder is somebody else's, or the file system refuses.
        """
        self._check_ours()  # before the lock's file is put into somebody else's folder
        with self.writing():
            self.path.mkdir(parents=True, exist_ok=True)
            lock = take_lock(self.path, f"{self._where}: another {self.kind.work}")
        try:
            yield
        finally:
            give_back(lock)

    @contextmanager
    def opened(
        self,
        card: Mapping[str, Any],
        existing: str,
        named: Callable[[], Iterable[str]] = tuple,
        made_nothing: Callable[[], bool] = bool,
    ) -> Iterator[bool]:
        """Lock the folder and settle what becomes of earlier work; the card is then to be written.

        Parameters
        ----------
        card, existing
            As for `check`.
        named : callable
            Names the files that the tables of earlier work name, for ``overwrite``.
        made_nothing : callable
            Whether earlier work has no result that could be lost: it does not stand in the way of another
            configuration then.

        Yields
        ------
        bool
            Whether earlier work is resumed.
        """
        with self.lock():
            before = self.read_card() if existing == "resume" else None
            if before is not None and self._differences(before, card) and made_nothing():
                existing = "overwrite"
            earlier = self.check(card, existing)
            with self.writing():
                if earlier and existing == "overwrite":
                    self.remove(named())
                elif earlier:
                    self.remove_parts()
            yield earlier and existing == "resume"

    def remove(self, named: Iterable[str] = ()) -> None:
        """Remove what was named, the command's own files and half-written ones, and folders that this empties.

        The card stays until the next one replaces it: a kill in between leaves a folder that is known as ours.
        """
        for name in list(named):  # all of them are looked at before the first one goes
            _unlink(self.path / name)
        for pattern in self.kind.own:
            for path in list(self.path.glob(pattern)):
                _unlink(path)
        self.remove_parts()
        for place in self.kind.places:
            for folder, _, _ in os.walk(self.path / place, topdown=False):
                with suppress(OSError):  # it holds a file that is not ours
                    Path(folder).rmdir()

    def remove_parts(self) -> None:
        """Remove the half-written files that a killed command left."""
        for pattern in (f"*{PART}", *(f"{place}/**/*{PART}" for place in self.kind.places)):
            for path in list(self.path.glob(pattern)):
                _unlink(path)

    def write_card(self, content: Mapping[str, Any]) -> None:
        """Write the card."""
        self.write_json(self.kind.card, content)

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a JSON file; ASCII, so that any file name survives."""
        text = json.dumps(content, indent=2, default=os.fspath) + "\n"
        write_atomic(self.path / name, text.encode("ascii"))

    def writing(self) -> AbstractContextManager[None]:
        """Turn an OSError inside the block into one line that names the folder."""
        return writing_to(self.path, self.kind.argument)


def _unlink(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()


def check_usable(path: Path, argument: str = "out") -> None:
    """Raise UserError where a folder cannot be made or written to, as far as can be told without writing."""
    try:
        there = next(one for one in (path, *path.absolute().parents) if one.exists())
    except OSError as error:
        raise ArgumentError(argument, f"{path}: {error.strerror}") from error
    if not there.is_dir():
        raise ArgumentError(argument, f"{path}: cannot be written ({there} is a file, not a folder)")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ArgumentError(argument, f"{path}: {there} cannot be written to")


def differences(
    kind: FolderKind, was: Mapping[str, Any], now: Mapping[str, Any], free: Collection[str] = ()
) -> list[str]:
    """Say in words what differs between two identities, one text for each part; [] where a resume is possible."""
    before, after = dict(_leaves(was)), dict(_leaves(now))
    found: dict[str, str] = {}
    for key in [*after, *(key for key in before if key not in after)]:
        old, new = before.get(key), after.get(key)  # what is not there is what is None: an option not used
        starts = {key[:end] for end, letter in enumerate(f"{key}.") if letter == "."}
        if starts & (kind.free | set(free)) or (key == kind.grows and _is_less(old, new)):
            continue
        if old != new or isinstance(old, bool) != isinstance(new, bool):
            label = kind.labels.get(key, f"`{key}`")
            words = [_shown(old), _shown(new)]
            short = max(map(len, words)) <= _LONGEST_SHOWN
            found[key] = f"{label} was {words[0]}, now {words[1]}" if short else f"another {label}"
    return [found[kind.decisive]] if kind.decisive in found else list(found.values())


def _leaves(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _is_less(old: object, new: object) -> bool:
    return isinstance(old, int) and isinstance(new, int) and old < new


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ("x" if all(isinstance(part, int) for part in value) else ",").join(map(str, value)) or "none"
    return "unset" if value is None else str(value)
