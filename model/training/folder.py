"""The folder of a training: whose it is, what may go on in it, and what it says about itself.

RUN/config.json       the resolved options
RUN/environment.json  what it ran on; `sessions` has one entry per resume
RUN/log.csv           losses and scores
RUN/samples/*.png     sample grids
RUN/floors.json       what simple fills get on the validation pictures (Editing Module)
RUN/last/ RUN/best/   checkpoints
RUN/tensorboard/      where wanted
"""

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from unmask.datagen.common.atomic import PART, write_atomic
from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.dataset.folder import TOOLKIT_KEY
from unmask.model.checkpoints.checkpoint import BEST, FILE_NAMES, LAST, new_folder, old_folder
from unmask.model.common.checked_files import read_json
from unmask.model.common.environment import describe_environment

from .lock import LOCK_NAME, RunLock
from .log_file import Cell, LogFile, read_log

CONFIG_NAME, ENVIRONMENT_NAME, LOG_NAME = "config.json", "environment.json", "log.csv"
SAMPLES_NAME, TENSORBOARD_NAME = "samples", "tensorboard"
FLOORS_NAME = "floors.json"
_OPTIONS_KEY = "options"


class RunFolder:
    """One training's folder.

    Only the first process of a distributed training calls what writes: `lock`, `prepare` and the others.

    Parameters
    ----------
    path : Path
        RUN; need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other trainings out of the folder for as long as the block runs; makes the folder.

        Raises
        ------
        UserError
            When another training is writing there, the folder is no run's, or the file system refuses.
        """
        with self._writing():
            self.path.mkdir(parents=True, exist_ok=True)
            self._check_ours()  # before the lock's file is put into somebody else's folder
            lock = RunLock(self.path)
        try:
            yield
        finally:
            lock.release()

    def check(self, config: Mapping[str, Any], existing: str, free_keys: Collection[str] = ()) -> bool:
        """Do what `prepare` does, but change nothing: a request that it would refuse need not wait for the data.

        Parameters and errors as for `prepare`; a ``free_keys`` may name what is not known yet.
        """
        before = self._check_ours() if self.path.is_dir() else None
        if before is not None and existing == "fail":
            raise ArgumentError("run", f"{self.path}: holds a run, and `existing` fail was given")
        if before is not None and existing == "resume":
            self._check_same(before, json.loads(json.dumps(config, default=os.fspath)), free_keys)
        return before is not None and existing == "resume"

    def prepare(self, config: Mapping[str, Any], existing: str, free_keys: Collection[str] = ()) -> bool:
        """Settle what becomes of an earlier run and write ``config.json``; call it inside `lock`.

        Parameters
        ----------
        config : mapping
            Resolved options: JSON-able, paths allowed, nested as one likes.
        existing : str
            What to do with an earlier run: ``resume``, ``overwrite`` (remove what this toolkit wrote there and
            nothing else) or ``fail``.
        free_keys : collection of str
            What may differ on resume, as ``data.workers``; ``budget`` frees all below it.

        Returns
        -------
        bool
            Whether this goes on with an earlier run; there need not be a checkpoint yet.

        Raises
        ------
        UserError
            When the folder is no run's or another configuration's, with nothing changed, or the file system
            refuses.
        """
        now = json.loads(json.dumps(config, default=os.fspath))
        with self._writing():
            self.path.mkdir(parents=True, exist_ok=True)
            resumed = self.check(config, existing, free_keys)
            before = self.read_config()
            if before is not None and existing == "overwrite":
                self._remove_earlier()
            if before != now or existing == "overwrite":
                content = {TOOLKIT_KEY: {"unmask": version("unmask")}, _OPTIONS_KEY: now}
                self._write_json(CONFIG_NAME, content)
        return resumed

    def read_config(self) -> dict[str, Any] | None:
        """Return the options in ``config.json``, None where there is no such file.

        Raises
        ------
        UserError
            When it is damaged or not this toolkit's.
        """
        path = self.path / CONFIG_NAME
        if not path.exists():
            return None
        content = read_json(path)
        options = content.get(_OPTIONS_KEY)
        if TOOLKIT_KEY not in content or not isinstance(options, dict):
            raise UserError(f"{path}: not written by this toolkit; give another folder")
        return options

    def write_environment(self) -> None:
        """Write ``environment.json``; on resume add this session to its ``sessions``."""
        session = describe_environment()
        content: dict[str, Any] = {**session, "sessions": []}
        path = self.path / ENVIRONMENT_NAME
        if path.exists():
            first = read_json(path)
            content = {**first, "sessions": [*first.get("sessions", []), session]}
        with self._writing():
            self._write_json(ENVIRONMENT_NAME, content)

    def read_log(self) -> list[dict[str, Cell]]:
        """Return the rows of ``log.csv``, numbers as int or float, empty cells as None."""
        return read_log(self.path / LOG_NAME)

    def open_log(self, columns: Sequence[str]) -> LogFile:
        """Return ``log.csv`` for writing; ``step`` is the first column."""
        return LogFile(self.path / LOG_NAME, columns)

    def _check_ours(self) -> dict[str, Any] | None:
        before = self.read_config()
        if before is None:
            names = {entry.name for entry in self.path.iterdir()}
            if not all(name == LOCK_NAME or name.endswith(PART) for name in names):  # a start killed at once
                what = f"has files but no {CONFIG_NAME}, so it is no run of this toolkit"
                raise ArgumentError("run", f"{self.path}: {what}; give another folder")
        return before

    def _check_same(
        self, before: Mapping[str, Any], now: Mapping[str, Any], free_keys: Collection[str]
    ) -> None:
        differences = list(_differences(before, now, free_keys))
        if before.get("module") != now.get("module"):
            differences = [
                text for text in differences if text.startswith("module ")
            ]  # the rest follows from it
        if differences:
            raise ArgumentError(
                "run",
                f"{self.path}: it was trained with {'; '.join(differences)}; "
                "give another folder or `existing` overwrite",
            )

    def _remove_earlier(self) -> None:
        # config.json stays until the new one replaces it: a kill in between leaves a folder that is known as ours.
        for name in (ENVIRONMENT_NAME, LOG_NAME, FLOORS_NAME):
            (self.path / name).unlink(missing_ok=True)
        for name in (CONFIG_NAME, ENVIRONMENT_NAME, LOG_NAME, FLOORS_NAME):
            (self.path / f"{name}{PART}").unlink(missing_ok=True)
        for name in (LAST, BEST):
            folder = self.path / name
            # Names that are in use last, so that no older leftover is taken for the checkpoint after a kill.
            for place in (new_folder(folder), old_folder(folder), folder):
                _remove(place, FILE_NAMES)
        _remove(self.path / SAMPLES_NAME, ("*.png", f"*.png{PART}"))
        _remove(self.path / TENSORBOARD_NAME, ("events.out.tfevents.*",))

    def _write_json(self, name: str, content: Mapping[str, Any]) -> None:
        write_atomic(self.path / name, (json.dumps(content, indent=2) + "\n").encode("ascii"))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ArgumentError(
                "run", f"{self.path}: cannot be written ({error.strerror or error})"
            ) from error


def _remove(folder: Path, patterns: Sequence[str]) -> None:
    for pattern in patterns:
        for path in folder.glob(pattern):
            path.unlink()
    with suppress(OSError):  # absent, or it holds a file that is not ours
        folder.rmdir()


def _differences(
    before: Mapping[str, Any], now: Mapping[str, Any], free_keys: Collection[str]
) -> Iterator[str]:
    was, is_now = dict(_leaves(before)), dict(_leaves(now))
    for key in [*is_now, *(key for key in was if key not in is_now)]:
        parts = key.split(".")
        if any(".".join(parts[:end]) in free_keys for end in range(1, len(parts) + 1)):
            continue
        old, new = was.get(key), is_now.get(key)  # what is not there is what is None: an option not used
        if old != new or isinstance(old, bool) != isinstance(new, bool):
            yield f"{key} {_shown(old)}, now {_shown(new)}"


def _leaves(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _shown(value: object) -> str:
    return "unset" if value is None else repr(value)
