"""The folder of a training: whose it is, what may go on in it, and what it says about itself.

RUN/config.json       the resolved options
RUN/environment.json  what it ran on; `sessions` has one entry per resume
RUN/log.csv           losses and scores
RUN/samples/*.png     sample grids
RUN/floors.json       what simple fills get on the validation pictures (Editing Module)
RUN/last/ RUN/best/   checkpoints
RUN/tensorboard/      where wanted
"""

import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import version
from json import dumps, loads
from pathlib import Path
from typing import Any

from unmask.datagen.common.json_text import Needs
from unmask.datagen.common.work_folder import TOOLKIT_KEY, FolderKind, WorkFolder
from unmask.model.checkpoints.card import BEST, FILE_NAMES, LAST, new_folder, old_folder
from unmask.model.common.checked_files import read_json
from unmask.model.common.environment import describe_environment

from .log_file import Cell, LogFile, read_log

CONFIG_NAME, ENVIRONMENT_NAME, LOG_NAME = "config.json", "environment.json", "log.csv"
SAMPLES_NAME, TENSORBOARD_NAME = "samples", "tensorboard"
BASELINES_NAME = "floors.json"
_OPTIONS_KEY = "options"
# Names that are in use last, so that no older leftover is taken for the checkpoint after a kill.
_CHECKPOINTS = tuple(
    place.name
    for name in (LAST, BEST)
    for place in (new_folder(Path(name)), old_folder(Path(name)), Path(name))
)


def _identity(content: Mapping[str, Any]) -> dict[str, Any]:
    return dict(content[_OPTIONS_KEY])


RUN = FolderKind(
    argument="run",
    noun="run",
    work="training",
    card=CONFIG_NAME,
    identity=_identity,
    shape=Needs({TOOLKIT_KEY: {}, _OPTIONS_KEY: {}}),
    own=(
        *(ENVIRONMENT_NAME, LOG_NAME, BASELINES_NAME),
        *(f"{place}/{name}" for place in _CHECKPOINTS for name in FILE_NAMES),
        f"{SAMPLES_NAME}/{'[0-9]' * 9}*.png",
        f"{TENSORBOARD_NAME}/events.out.tfevents.*",
    ),
    places=(*_CHECKPOINTS, SAMPLES_NAME, TENSORBOARD_NAME, LOG_NAME),
    decisive="module",
    labels={"module": "module", "dataset": "dataset", "processes": "number of processes"},
)


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
        self._folder = WorkFolder(path, RUN)

    def lock(self) -> AbstractContextManager[None]:
        """Keep other trainings out of the folder for as long as the block runs; see `WorkFolder.lock`."""
        return self._folder.lock()

    def check(self, config: Mapping[str, Any], existing: str, free_keys: Collection[str] = ()) -> bool:
        """Do what `prepare` does, but change nothing: a request that it would refuse need not wait for the data.

        Parameters and errors as for `prepare`; a ``free_keys`` may name what is not known yet.
        """
        return self._folder.check(_card(config), existing, free_keys) and existing == "resume"

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
        card = _card(config)
        resumed = self.check(config, existing, free_keys)
        with self._folder.writing():
            self.path.mkdir(parents=True, exist_ok=True)
            before = self.read_config()
            if before is not None and existing == "overwrite":
                self._folder.remove()
            if before != card[_OPTIONS_KEY] or existing == "overwrite":
                self._folder.write_card(card)
        return resumed

    def read_config(self) -> dict[str, Any] | None:
        """Return the options in ``config.json``, None where there is no such file.

        Raises
        ------
        UserError
            When it is damaged or not this toolkit's.
        """
        content = self._folder.read_card()
        return None if content is None else dict(content[_OPTIONS_KEY])

    def write_environment(self) -> None:
        """Write ``environment.json``; on resume add this session to its ``sessions``."""
        session = describe_environment()
        content: dict[str, Any] = {**session, "sessions": []}
        path = self.path / ENVIRONMENT_NAME
        if path.exists():
            first = read_json(path)
            content = {**first, "sessions": [*first.get("sessions", []), session]}
        with self._folder.writing():
            self._folder.write_json(ENVIRONMENT_NAME, content)

    def read_log(self) -> list[dict[str, Cell]]:
        """Return the rows of ``log.csv``, numbers as int or float, empty cells as None."""
        return read_log(self.path / LOG_NAME)

    def open_log(self, columns: Sequence[str]) -> LogFile:
        """Return ``log.csv`` for writing; ``step`` is the first column."""
        return LogFile(self.path / LOG_NAME, columns)


def _card(config: Mapping[str, Any]) -> dict[str, Any]:
    return {TOOLKIT_KEY: {"unmask": version("unmask")}, _OPTIONS_KEY: loads(dumps(config, default=os.fspath))}
