"""Presets as TOML files: those that come along, a person's own, and single values changed. Imports no torch."""

import difflib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import Field, asdict, fields
from importlib.resources import files
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.common.read_file import TEXT_BYTES, read_file
from unmask.datagen.common.toml_text import parse_toml

from .presets import TABLES, EditPreset, FramePreset, Kind, MapPreset, Preset

_DEFAULTS = {"map": "pretrained", "edit": "fidelity", "frame": "finder"}
_MODULES = {MapPreset: "map", EditPreset: "edit", FramePreset: "frame"}
_BASE = "base"  # in a person's file: the packaged preset that has what the file leaves out


def packaged_presets(module: str) -> dict[str, Path]:
    """Return the packaged presets of ``map``, ``edit`` or ``frame`` by name: default first, published one last."""
    folder = Path(str(files("unmask.assets"))) / "presets" / module
    default = _DEFAULTS[module]
    found = sorted(
        folder.glob("*.toml"), key=lambda path: (path.stem == "paper", path.stem != default, path.stem)
    )
    return {path.stem: path for path in found}


def load_preset(kind: type[Kind], name_or_path: str, tuning: Sequence[str] = ()) -> Kind:
    """Read a preset and change parts of it.

    Parameters
    ----------
    kind : type
        `MapPreset`, `EditPreset` or `FramePreset`.
    name_or_path : str
        A packaged preset's name, or the path of a TOML file; what that leaves out is as in the packaged preset that
        its ``base`` names, or in the default one.
    tuning : sequence of str
        ``TABLE.KEY=VALUE``.

    Raises
    ------
    UserError
        Naming the file or argument and the key.
    """
    module = _MODULES[kind]
    known = _keys(kind)
    packaged = packaged_presets(module)
    flat: dict[str, Any] = {}
    if name_or_path in packaged:
        layers = [(_read(packaged[name_or_path]), "`preset`")]
    else:
        where = f"`preset` {name_or_path}:"
        path = Path(name_or_path)
        if path.suffix != ".toml" and not path.is_file():
            known_words = ", ".join(packaged)
            raise ArgumentError("preset", f"{path}: expected one of {known_words}, or a TOML file")
        own = _read(path)
        base = own.pop(_BASE, _DEFAULTS[module])
        if base not in packaged:
            raise UserError(f"{where} {_BASE} = {base!r}: expected one of {', '.join(packaged)}")
        layers = [(_read(packaged[base]), "`preset`"), (own, where)]
    layers.append((dict(map(_parse, tuning)), "`tuning`"))
    for values, where in layers:
        for key, value in values.items():
            if key not in known:
                near = difflib.get_close_matches(key, known, n=3, cutoff=0.0)
                raise UserError(f"{where} {key}: no key of this preset; the nearest are {', '.join(near)}")
            flat[key] = _checked(f"{where} {key}", value, *known[key])
    hints = get_type_hints(kind)
    parts = {
        part.name: hints[part.name](
            **{key.split(".")[1]: flat[key] for key in known if _table(key) == part.name}
        )
        for part in fields(kind)
    }
    preset = kind(**parts)
    if isinstance(preset, EditPreset):
        _check_edit(preset)
    return preset


def tables_of(preset: Preset) -> dict[str, dict[str, Any]]:
    """Return the tables of a preset as JSON and TOML have them."""
    return {
        name: {key: list(value) if isinstance(value, tuple) else value for key, value in table.items()}
        for name, table in asdict(preset).items()
    }


def flat_tables(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of tables by ``TABLE.KEY``; what is no table of a preset is left out."""
    return _flat({name: table for name, table in tables.items() if name in TABLES})


def _flat(tables: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"{name}.{key}": value
        for name, table in tables.items()
        if isinstance(table, Mapping)
        for key, value in table.items()
    }


def changes(plain: Preset, changed: Preset) -> tuple[str, ...]:
    """Return the shortest ``tuning`` that makes one preset of another, in the order of their keys."""
    before, after = (flat_tables(tables_of(preset)) for preset in (plain, changed))
    return tuple(f"{key}={json.dumps(value)}" for key, value in after.items() if value != before[key])


def is_tuning(pin: str) -> bool:
    """Whether ``KEY=VALUE`` is about a preset, and not about a recipe."""
    return _table(pin.partition("=")[0].strip()) in TABLES


def summary_of(path: Path) -> str:
    """Return a preset's first line, which says what it is."""
    with path.open(encoding="utf-8") as file:
        return file.readline().removeprefix("#").strip()


def _table(key: str) -> str:
    return key.partition(".")[0]


def _keys(kind: type[Preset]) -> dict[str, tuple[Any, Field[Any]]]:
    """Every ``TABLE.KEY`` with its type and what limits it."""
    hints = get_type_hints(kind)
    return {
        f"{part.name}.{one.name}": (get_type_hints(hints[part.name])[one.name], one)
        for part in fields(kind)
        for one in fields(hints[part.name])
    }


def read_toml(path: Path, argument: str) -> dict[str, Any]:
    """Return the content of a TOML file; ArgumentError where it cannot be read or is none."""
    try:
        return parse_toml(read_file(path, TEXT_BYTES))
    except OSError as error:
        raise ArgumentError(argument, f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:  # of TOML, or of UTF-8
        raise ArgumentError(argument, f"{path}: no TOML file ({error})") from error


def _read(path: Path) -> dict[str, Any]:
    """Values by ``TABLE.KEY``."""
    content = read_toml(path, "preset")
    return {key: value for key, value in content.items() if not isinstance(value, dict)} | _flat(content)


def _parse(pin: str) -> tuple[str, Any]:
    key, equals, text = (part.strip() for part in pin.partition("="))
    if not equals or not text or "\n" in text:
        raise UserError(f"`tuning`: expected TABLE.KEY=VALUE, got {pin!r}")
    try:
        return key, parse_toml(f"value = {text}")["value"]
    except ValueError:
        return key, text  # a name without its quotes


def _checked(where: str, value: Any, hint: Any, about: Field[Any]) -> Any:
    """Return a value as its field has it."""
    words = json.dumps(value, default=str)
    choices = about.metadata.get("choices")
    if hint is str:
        wanted = f"one of {', '.join(choices)}" if choices else "a name"
        if not isinstance(value, str) or (choices and value not in choices):
            raise UserError(f"{where} = {words}: expected {wanted}")
        return value
    if hint is bool:
        if not isinstance(value, bool):
            raise UserError(f"{where} = {words}: expected true or false")
        return value
    low, high = about.metadata["limits"]
    if get_origin(hint) is tuple:
        good = isinstance(value, list) and len(value) == 2 and all(_is_whole(one) for one in value)
        if not good or not low <= value[0] < value[1] <= high:
            raise UserError(f"{where} = {words}: expected two rising whole numbers from {low:g} to {high:g}")
        return tuple(value)
    is_number = _is_whole(value) or (hint is float and isinstance(value, float) and math.isfinite(value))
    if not is_number or not low <= value <= high:
        what = "a whole number" if hint is int else "a number"
        raise UserError(f"{where} = {words}: expected {what} from {low:g} to {high:g}")
    return hint(value)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_edit(preset: EditPreset) -> None:
    losses = asdict(preset.losses)
    if not any(value for name, value in losses.items() if name not in ("hole", "matching")):
        raise ArgumentError("preset", ": all of its losses have weight 0")
    if preset.validation.best == "val_perceptual" and not preset.losses.perceptual:
        raise ArgumentError(
            "preset",
            ": validation.best = val_perceptual needs losses.perceptual above 0, else it is not measured",
        )
