"""Flags of ``unmask-train``: one for each field of its options, so that a default stands in one place."""

import inspect
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import typer

from unmask.model.training.options import TrainOptions, flag

from .train_config import read_config

Kind = TypeVar("Kind", bound=TrainOptions)

# In the order of the help: metavar, and what it is. {presets} is filled in.
_FLAGS: dict[str, tuple[str | None, str]] = {
    "data": ("DATASET", "Made by unmask-data build; or:"),
    "online": ("SOURCE", "New masks in every epoch for a CelebA folder, a folder of pictures, or: demo"),
    "minutes": (None, "Budget; or:"),
    "epochs": (None, "Budget; or:"),
    "images": (None, "Budget."),
    "preset": (None, "{presets}."),
    "size": ("PX", "Side of the pictures, a multiple of 16."),
    "batch_size": ("N", "Pictures per step and process."),
    "learning_rate": (None, "Peak; the preset's by default."),
    "seed": (None, "Decides everything that is random."),
    "bare_share": (None, "Share of pictures shown without their mask; the preset's by default."),
    "colour_jitter": (None, "Give whole pictures other light and colours; the preset's by default."),
    "map_run": ("RUN|FILE", "Map Module whose maps are trained on, too; or: shipped"),
    "predicted_share": (None, "Share of pictures that come with such a map."),
    "vgg19": ("FILE", "VGG19's weights for the perceptual loss; an embedded network by default."),
    "mask_discriminator_from": (None, "Share of the budget after which it joins."),
    "families": ("A,B", "Only these mask families."),
    "holdout_families": ("A,B", "Mask families to validate on and not to train on."),
    "limit": ("N", "Only the first pictures."),
    "val_pictures": ("N", "Validate on so many."),
    "recipe": ("FILE", "Recipe: a packaged name or a TOML file."),
    "pins": ("KEY=VALUE", "Pin part of the recipe; repeatable."),
    "templates": ("DIR", "Own templates; repeatable."),
    "textures": ("DIR", "Own pictures of cloth."),
    "landmarks": ("FILE", "Table of known points."),
    "jitter": (None, "Move and turn faces; of a dataset: mirror half of them (default)."),
    "cache": ("DIR", "Folder of the decoded faces."),
    "workers": ("N", "Processes that prepare pictures; one per core by default."),
    "device": (None, "auto, cpu, cuda, cuda:N or mps."),
    "precision": (None, "auto (measures), fp32 or bf16."),
    "compile": (None, "Use torch.compile."),
    "val_every": ("IMAGES", "Pictures between validations; 20 in all by default."),
    "sample_every": ("IMAGES", "Pictures between sample sheets; 10 in all by default."),
    "checkpoint_minutes": (None, "Between checkpoints."),
    "init_from": ("RUN|FILE", "Weights to begin with; or: shipped (map), fidelity, perceptual"),
    "existing": (None, "resume, overwrite or fail."),
    "tensorboard": (None, "Log for TensorBoard, too."),
}
_COMMA = frozenset({"families", "holdout_families"})

# A flag of a group puts the whole group's values in a file aside.
_GROUPS = (frozenset({"images", "epochs", "minutes"}), frozenset({"data", "online"}))

_RUN = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")]
_CONFIG = Annotated[
    Path | None, typer.Option(metavar="FILE", help="TOML with any of these options; flags beat it.")
]
_PRINT_CONFIG = Annotated[bool, typer.Option("--print-config", help="Print such a file and do nothing else.")]
_DRY_RUN = Annotated[
    bool, typer.Option("--dry-run", help="Build everything, train a few steps, say what it takes.")
]


def takes_options(kind: type[TrainOptions]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command RUN and a flag for every field of ``kind``; what it returns is for Typer's ``command``."""
    hints = get_type_hints(kind)
    defaults = {field.name: field.default for field in fields(kind)}
    parameters = [_parameter("context", typer.Context), _parameter("run", _RUN)]
    for name, (metavar, text) in _FLAGS.items():
        if name in hints:
            option = typer.Option(
                _declaration(name, hints[name]),
                metavar=metavar,
                help=text.format(presets=", ".join(kind.presets)),
                show_default=defaults[name] is not False,
            )
            parameters.append(
                _parameter(name, Annotated[_typer_type(name, hints[name]), option], defaults[name])
            )
    parameters.append(_parameter("config", _CONFIG, None))
    parameters += [_parameter("print_config", _PRINT_CONFIG, False), _parameter("dry_run", _DRY_RUN, False)]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        vars(command)["__signature__"] = inspect.Signature(parameters)
        return command

    return decorate


def read_options(kind: type[Kind], context: typer.Context) -> Kind:
    """Return the options of a command: flags before ``--config``'s file before defaults, checked."""
    given = {
        name: _as_field(name, value)
        for name, value in context.params.items()
        if name in _FLAGS and _is_given(context, name)
    }
    path = context.params["config"]
    from_file = {} if path is None else read_config(path, kind)
    for group in _GROUPS:
        if group & given.keys():
            from_file = {name: value for name, value in from_file.items() if name not in group}
    options = kind(run=context.params["run"], **{**from_file, **given})
    options.validate()
    return options


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _as_field(name: str, value: Any) -> Any:
    if name in _COMMA:
        return tuple(part.strip() for part in value.split(","))
    return tuple(value) if isinstance(value, list) else value


def _declaration(name: str, hint: Any) -> str:
    return f"{flag(name)}/--no-{flag(name)[2:]}" if bool in (hint, *get_args(hint)) else flag(name)


def _typer_type(name: str, hint: Any) -> Any:
    """Type on the command line: tuples are lists there, or names with commas between them."""
    if name in _COMMA:
        return str | None
    if get_origin(hint) is tuple:
        return list[get_args(hint)[0]] | None  # type: ignore[misc]  # a type made at run time
    return hint


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, keyword, default=None if default == () else default, annotation=annotation)
