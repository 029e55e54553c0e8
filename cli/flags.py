"""Flags of all command lines: one for each field of a command's options, so that a default stands in one place."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import typer

Kind = TypeVar("Kind")
_FIELD: Any = object()


@dataclass(frozen=True)
class Flag:
    """How a command line asks for one field.

    Attributes
    ----------
    help, metavar : str
    name : str or None
        What is typed, where it is not the field's name; for a truth value without a ``--no-`` form.
    argument : bool
        By its place, not by a name.
    parse : callable or None
        Makes the field's value of a text; of each text where ``repeat``.
    repeat : bool
        May be given several times; fields that are tuples and have no ``parse`` always may.
    kind, default
        Of the value that is typed, where they are not the field's.
    show_default : bool or str
    """

    help: str
    metavar: str | None = None
    name: str | None = None
    argument: bool = False
    parse: Callable[[str], Any] | None = None
    repeat: bool = False
    kind: Any = None
    default: Any = _FIELD
    show_default: bool | str = True


def split_names(text: str) -> tuple[str, ...]:
    """Return the names in a text with commas between them."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


SEED = Flag("Decides everything that is random.")
LIMIT = Flag("Only the first pictures.", "N")
FAMILIES = Flag("Only these mask families.", "A,B", parse=split_names)
TEMPLATES = Flag("Own templates; repeatable.", "DIR")
TEXTURES = Flag("Own pictures of cloth.", "DIR")
RECIPE = Flag("Recipe: a packaged name or a TOML file.", "FILE")
PINS = Flag("Pin part of the recipe; repeatable.", "KEY=VALUE", name="--set")
LANDMARKS = Flag("Known points: CSV, JSON, .pts.", "FILE")
DEVICE = Flag("auto, cpu, cuda, cuda:N or mps.")
PRECISION = Flag("fp32, bf16, or auto: bf16 on a GPU.")
BACKEND = Flag("torch, onnx (onnxruntime), or auto: torch where it is installed.")
EXISTING = Flag("resume, overwrite or fail.")


def takes_options(
    kind: type, flags: Mapping[str, Flag]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command, which takes the context, flags for the fields of ``kind``; for Typer's ``command``.

    What ``flags`` has beside fields goes into ``context.params`` alone.
    """
    hints = get_type_hints(kind)
    defaults = {field.name: field.default for field in fields(kind)}
    parameters = [_parameter("context", typer.Context)]
    for name, flag in flags.items():
        default = defaults.get(name) if flag.default is _FIELD else flag.default
        typed = flag.kind if flag.kind is not None else _typed(flag, hints[name])
        make: Any = typer.Argument if flag.argument else typer.Option
        shown = flag.show_default if default is not False else False
        # ``[A] / --no-A``: Typer makes it of the plain name
        names = () if flag.argument else (flag.name or _name(name, typed),)
        given = make(*names, metavar=flag.metavar, help=flag.help, show_default=shown)
        default = inspect.Parameter.empty if default is MISSING else default
        parameters.append(_parameter(name, Annotated[typed, given], default))

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        vars(command)["__signature__"] = inspect.Signature(parameters)
        return command

    return decorate


def given_options(kind: type, flags: Mapping[str, Flag], context: typer.Context) -> dict[str, Any]:
    """Return the fields that were given on the command line."""
    known = {field.name for field in fields(kind)}
    return {
        name: _value(flags[name], value)
        for name, value in context.params.items()
        if name in known and is_given(context, name)
    }


def read_options(kind: Callable[..., Kind], flags: Mapping[str, Flag], context: typer.Context) -> Kind:
    """Return the options of a command that takes no file of them."""
    return kind(**given_options(kind, flags, context))  # type: ignore[arg-type]  # a dataclass


def is_given(context: typer.Context, name: str) -> bool:
    """Whether an option stands on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _value(flag: Flag, value: Any) -> Any:
    if flag.parse is not None:
        return tuple(map(flag.parse, value)) if flag.repeat else flag.parse(value)
    return tuple(value) if isinstance(value, list) else value


def _name(name: str, typed: Any) -> str:
    dashed = name.replace("_", "-")
    return f"--{dashed}/--no-{dashed}" if bool in (typed, *get_args(typed)) else f"--{dashed}"


def _typed(flag: Flag, hint: Any) -> Any:
    """Type on the command line: tuples are lists there, and what is parsed is text."""
    if flag.parse is not None:
        return list[str] | None if flag.repeat else str | None
    if get_origin(hint) is tuple:
        return list[get_args(hint)[0]] if flag.argument else list[get_args(hint)[0]] | None  # type: ignore[misc]
    if isinstance(hint, UnionType) and {str, Path} <= set(get_args(hint)):
        return str | None if type(None) in get_args(hint) else str
    return hint


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, keyword, default=None if default == () else default, annotation=annotation)
