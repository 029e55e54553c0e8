"""Configuration files of ``unmask-train``: TOML whose keys are the flags' names, read strictly."""

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from unmask.datagen.common.errors import UserError
from unmask.model.training.options import TrainOptions, config_fields
from unmask.model.training.preset_files import read_toml, tables_of
from unmask.model.training.presets import TABLES

_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", Path: "a path"}


def read_config(path: Path, kind: type[TrainOptions]) -> dict[str, Any]:
    """Return the options in a file, by the names of their fields.

    Parameters
    ----------
    path : Path
        TOML. Keys are the flags' names, with ``_`` or ``-``, and tables those of a preset; paths in it are relative
        to the working directory.
    kind : type
        Whose options they are.

    Raises
    ------
    UserError
        When the file cannot be read, a key is unknown or a value is of the wrong kind.
    """
    where = f"--config {path}"
    known, hints = config_fields(kind), get_type_hints(kind)
    values: dict[str, Any] = {}
    tuning: list[str] = []
    for written, value in read_toml(path, "config").items():
        key = written.replace("-", "_")
        if key in TABLES and isinstance(value, dict):
            tuning += [f"{key}.{name}={_toml(part)}" for name, part in value.items()]
            continue
        if key not in known:
            raise UserError(f"{where}: {_unknown(written, list(known))}")
        name = known[key].name
        values[name] = _checked(f"{where}: {written}", value, hints[name])
    return values | ({"tuning": tuple(tuning)} if tuning else {})


def write_config(options: TrainOptions, command: str) -> str:
    """Return the text of a file that gives these options; what is unset is there as a comment.

    Parameters
    ----------
    options : TrainOptions
    command : str
        That takes the file.
    """
    lines = [f"# {command} RUN --config FILE"]
    for key, value in options.to_config().items():
        lines.append(f"# {key} =" if value is None else f"{key} = {_toml(value)}")
    for name, table in tables_of(options.load_preset()).items():
        lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _unknown(key: str, known: list[str]) -> str:
    if key == "run":
        return "run: RUN is given on the command line only"
    near = difflib.get_close_matches(key.replace("-", "_"), known, n=1, cutoff=0.0)
    return f"unknown key {key}; the nearest known one is {near[0]}"


def _checked(where: str, value: object, hint: Any) -> object:
    """Return a value as its field has it: lists are tuples, texts may be paths, whole numbers floats."""
    arms = get_args(hint)
    wanted = next(arm for arm in arms if arm is not NoneType) if NoneType in arms else hint
    if get_origin(wanted) is tuple:
        item = get_args(wanted)[0]
        if not isinstance(value, list):
            raise UserError(f"{where} = {_shown(value)}: expected a list, as [{_KINDS[item]}, ...]")
        return tuple(_checked(where, part, item) for part in value)
    accepted: Any = {Path: str, float: (int, float)}.get(wanted, wanted)
    if not isinstance(value, accepted) or (isinstance(value, bool) and wanted is not bool):
        raise UserError(f"{where} = {_shown(value)}: expected {_KINDS[wanted]}")
    return wanted(value)


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "{...}"
    return _toml(value) if isinstance(value, bool | str | int | float) else str(value)


def _toml(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str):
        # JSON's escapes are all TOML's; only DEL must be escaped in TOML and is not in JSON.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    return str(value).lower() if isinstance(value, bool) else repr(value)
