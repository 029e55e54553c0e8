"""Flags of ``unmask-train``, and how they go together with ``--config``'s file."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import typer

from unmask.model.training.options import EditOptions, FrameOptions, MapOptions, TrainOptions
from unmask.model.training.preset_files import changes, is_tuning

from . import flags
from .flags import Flag
from .train_config import read_config

Kind = TypeVar("Kind", bound=TrainOptions)


def _every_name(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


# Of what is asked on the command line alone, and is no option of a training.
_SWITCH: dict[str, Any] = {"kind": bool, "default": False}


def _flags(presets: tuple[str, ...], own: Mapping[str, Flag]) -> dict[str, Flag]:
    """In the order of the help."""
    return {
        "run": Flag("Folder of the run.", "RUN", argument=True),
        "data": Flag("Made by unmask-data build; or:", "DATASET"),
        "online": Flag("New masks in every epoch for faces: folder, zip, parquet, or: demo", "SOURCE"),
        "minutes": Flag("Budget; or:"),
        "epochs": Flag("Budget; or:"),
        "images": Flag("Budget."),
        "preset": Flag(f"{', '.join(presets)}, or a TOML file."),
        "size": Flag("Side of the pictures, a multiple of 16.", "PX"),
        "batch_size": Flag("Pictures per step and process.", "N"),
        "learning_rate": Flag("Peak; the preset's by default."),
        "seed": flags.SEED,
        **own,
        "families": replace(flags.FAMILIES, parse=_every_name),
        "holdout_families": Flag(
            "Mask families to validate on and not to train on.", "A,B", parse=_every_name
        ),
        "balance": Flag(
            "Attributes whose rarer values train more often; skin: its lightness (online).",
            "A,B",
            parse=_every_name,
        ),
        "balance_strength": Flag("How far, up to 1 for equal shares (default)."),
        "limit": flags.LIMIT,
        "val_pictures": Flag("Validate on so many.", "N"),
        "recipe": flags.RECIPE,
        "pins": replace(flags.PINS, help="Pin part of the recipe, or change part of the preset; repeatable."),
        "templates": flags.TEMPLATES,
        "textures": flags.TEXTURES,
        "landmarks": flags.LANDMARKS,
        "jitter": Flag("Move and turn faces; of a dataset: mirror half of them (default)."),
        "occluders": Flag("Hands, cups and the like in front of some faces, masked or not (online)."),
        "cache": Flag("Folder of the decoded faces.", "DIR"),
        "workers": Flag("Processes that prepare pictures; one per core by default.", "N"),
        "device": flags.DEVICE,
        "precision": Flag("auto (measures), fp32 or bf16."),
        "compile": Flag("Use torch.compile."),
        "val_every": Flag("Pictures between validations; 20 in all by default.", "IMAGES"),
        "sample_every": Flag("Pictures between sample sheets; 10 in all by default.", "IMAGES"),
        "checkpoint_minutes": Flag("Between checkpoints."),
        "init_from": Flag(
            "Weights to begin with; or: shipped, pretrained (map), fidelity, perceptual", "RUN|FILE"
        ),
        "existing": flags.EXISTING,
        "tensorboard": Flag("Log for TensorBoard, too."),
        "config": Flag(
            "TOML with any of these options; flags beat it.", "FILE", kind=Path | None, default=None
        ),
        "print_config": Flag("Print such a file and do nothing else.", name="--print-config", **_SWITCH),
        "dry_run": Flag(
            "Build everything, train a few steps, say what it takes.", name="--dry-run", **_SWITCH
        ),
    }


_BARE = Flag("Share of pictures shown without their mask; the preset's by default.")
_COLOURS = Flag("Give whole pictures other light and colours; the preset's by default.")
_JUDGE = Flag("Photographs (images) and their maps (maps) to score besides; never trained on.", "FOLDER")
_BEST = Flag("What best follows: drawn masks (drawn) or the photographs (judge).")
_ADAPT = Flag(
    "Photographs without maps to learn from, by what the weights of --init-from are sure of.", "FOLDER"
)
_ADAPT_SHARE = Flag("Share of every step that these photographs are; a quarter by default.")
MAP_FLAGS = _flags(
    MapOptions.presets,
    {
        "bare_share": _BARE, "colour_jitter": _COLOURS, "judge": _JUDGE, "best_by": _BEST,
        "adapt": _ADAPT, "adapt_share": _ADAPT_SHARE,
    },
)  # fmt: skip
EDIT_FLAGS = _flags(
    EditOptions.presets,
    {
        "map_run": Flag("Map Module whose maps are trained on, too; or: shipped", "RUN|FILE", name="--map"),
        "predicted_share": Flag("Share of pictures that come with such a map; goes with --map."),
        "vgg19": Flag("VGG19's weights for the perceptual loss; an embedded network by default.", "FILE"),
        "mask_discriminator_from": Flag("Share of the budget after which it joins."),
    },
)

_SCENE = Flag("Side of the scenes that faces are laid into, a multiple of 16.", "PX")
FRAME_FLAGS = {
    name: _SCENE if name == "size" else flag
    for name, flag in _flags(FrameOptions.presets, {}).items()
    if name not in ("data", "jitter")
}

# A flag of a group puts the whole group's values in a file aside.
_GROUPS = (frozenset({"images", "epochs", "minutes"}), frozenset({"data", "online"}))


def read_train_options(kind: type[Kind], asked: Mapping[str, Flag], context: typer.Context) -> Kind:
    """Return the options of a training: flags before ``--config``'s file before defaults, checked."""
    given = flags.given_options(kind, asked, context)
    path = context.params["config"]
    from_file = {} if path is None else read_config(path, kind)
    for group in _GROUPS:
        if group & given.keys():
            from_file = {name: value for name, value in from_file.items() if name not in group}
    wanted = {**from_file, **given, "tuning": ()}
    pins = wanted.get("pins", ())
    wanted["pins"] = tuple(pin for pin in pins if not is_tuning(pin))
    tuning = (*from_file.get("tuning", ()), *filter(is_tuning, pins))
    plain = kind(**wanted)
    options = replace(plain, tuning=tuning)
    options.validate()
    # What a printed file repeats of its preset is nothing that was asked for.
    return replace(options, tuning=changes(plain.load_preset(), options.load_preset()))
