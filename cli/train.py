"""``unmask-train``: train the Map Module, the Editing Module and the finder, and write them as ONNX files."""

import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unmask.datagen.common.errors import ArgumentError
from unmask.model.training.options import EditOptions, FrameOptions, MapOptions
from unmask.model.training.preset_files import packaged_presets, summary_of

from .flag_names import in_flags
from .flags import is_given, takes_options
from .running import make_app, resumable, run_app
from .showing import print_pairs, printable, showing_log
from .train_config import write_config
from .train_flags import EDIT_FLAGS, FRAME_FLAGS, MAP_FLAGS, read_train_options

if TYPE_CHECKING:
    from unmask.model.training.progress import TrainResult

NAME = "unmask-train"
_SIGNALLED = 128  # plus the signal's number is what a shell says of a program that one ended
app = make_app("Train the networks that find the mask (map), take it off (edit), and find the faces (frame).")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    # Threads that spin while they wait for each other leave no core to the processes that render; torch reads this
    # when it is imported. Online training on two cores: 69 -> 84 (map) and 35 -> 39 (edit) pictures a second.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return run_app(app, NAME, arguments, least_mb=800)


@app.command("map")
@takes_options(MapOptions, MAP_FLAGS)
def map_command(context: typer.Context, **_: Any) -> None:
    """Train a Map Module: where is the mask? The same command again resumes."""
    _train(read_train_options(MapOptions, MAP_FLAGS, context), context)


@app.command("edit")
@takes_options(EditOptions, EDIT_FLAGS)
def edit_command(context: typer.Context, **_: Any) -> None:
    """Train an Editing Module: what is under the mask? The same command again resumes."""
    options = read_train_options(EditOptions, EDIT_FLAGS, context)
    if options.predicted_share and is_given(context, "predicted_share"):  # also where it is the default
        options.check_map_run()
    _train(options, context)


@app.command("frame")
@takes_options(FrameOptions, FRAME_FLAGS)
def frame_command(context: typer.Context, **_: Any) -> None:
    """Train the finder: where are faces, masked or bare? --preset refiner: how exactly? Again: resumes."""
    _train(read_train_options(FrameOptions, FRAME_FLAGS, context), context)


def _train(options: MapOptions | EditOptions | FrameOptions, context: typer.Context) -> None:
    if context.params["print_config"]:
        print(printable(write_config(options, context.command_path)), end="")
        return
    if context.params["dry_run"]:
        from unmask.model.training.dry_run import dry_run

        pairs = dry_run(options)
        if _is_first():
            print_pairs({name: in_flags(text) for name, text in pairs.items()})
            print("dry run: nothing was written to RUN")
        return
    from unmask.model.training.train import train

    with resumable(), showing_log() if _is_first() else nullcontext():
        result = train(options)
    _print_end(options, result)


def _is_first() -> bool:
    """Whether this is the process that speaks, of those that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def _print_end(options: MapOptions | EditOptions | FrameOptions, result: "TrainResult") -> None:
    run = shlex.quote(printable(str(options.run)))
    done = f"{result.images} images in {result.steps} steps, {result.seconds / 60:.1f} minutes"
    if result.stopped == "interrupted":
        if _is_first():
            print(
                f"stopped after {done}; the same command resumes from {run}/last", file=sys.stderr, flush=True
            )
        raise typer.Exit(_SIGNALLED + (result.signal or 0))
    if _is_first():
        print(f"finished: {done}")
        if result.metrics:
            print_pairs({name: f"{value:.4f}" for name, value in result.metrics.items()})
        kind = "safetensors" if isinstance(options, FrameOptions) else "onnx"
        print(f"next: {NAME} export {run} OUT.{kind}")


@app.command("presets")
def presets_command() -> None:
    """List the packaged presets of both modules; --print-config of a training prints one."""
    for module in ("map", "edit", "frame"):
        for name, path in packaged_presets(module).items():
            print(f"{module:<5}  {name:<10}  {summary_of(path)}")


@app.command("export")
def export_command(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="Run (its best, else last), checkpoint, or shipped weights by name: shipped, pretrained, compact, "
            "fidelity, perceptual.",
        ),
    ],
    out: Annotated[
        Path, typer.Argument(metavar="OUT.onnx", help="The file; OUT.safetensors: weights in half precision.")
    ],
    size: Annotated[
        int, typer.Option(metavar="PX", help="Side of a portrait that it is tried on; it takes every size.")
    ] = 128,
    average: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RUN", help="More runs of the same network: weights are their mean (.safetensors)."
        ),
    ] = None,
    int8: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA",
            help="Convolutions in eight bits, calibrated with pictures of this dataset (.onnx).",
        ),
    ] = None,
) -> None:
    """Write a trained module as one ONNX file that takes and gives uint8 pictures, or as weights to hand on."""
    if out.suffix not in (".onnx", ".safetensors"):
        raise ArgumentError(
            "out", f"{out}: its name has to end in .onnx (ONNX file) or .safetensors (weights)"
        )
    if out.suffix == ".safetensors":
        if int8 is not None:
            raise ArgumentError("int8", f": {out} is no .onnx, and only that may be in eight bits")
        from unmask.model.export.weights import export_weights

        size_bytes = export_weights(run, out, average or ())
        print(f"{printable(run)} -> {printable(str(out))}, {size_bytes / 1e6:.1f} MB, half precision")
        return
    if average:
        raise ArgumentError("average", f": {out} is no .safetensors; average first, then export the mean")
    from unmask.model.export.onnx_file import export_onnx

    difference = export_onnx(run, out, size, int8)
    print(f"{printable(run)} -> {printable(str(out))}")
    if int8 is not None:
        print(
            f"beside torch on other pictures of {printable(str(int8))}: mean difference {difference:.2f}/255"
        )
        return
    print(f"beside torch on portraits of {size}x{size} and 178x218: largest difference {difference:.3f}/255")


@app.command("push")
def push_command(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Run (its best, else last), checkpoint, or shipped weights.")
    ],
    to: Annotated[
        str, typer.Argument(metavar="USER/NAME", help="Repository; /FOLDER and @BRANCH may follow.")
    ],
    private: Annotated[
        bool | None,
        typer.Option("--private/--public", help="Who sees a repository that is made; the account's default."),
    ] = None,
    message: Annotated[str | None, typer.Option(metavar="TEXT", help="Of the commit.")] = None,
) -> None:
    """Put a trained module on the Hugging Face Hub: hf://USER/NAME then names it wherever a run does."""
    from unmask.model.export.push import push_to_hub

    print(f"{printable(run)} -> {push_to_hub(run, to, private=private, message=message)}")


@app.command("attributes")
def attributes_command(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for its two files.")],
    source: Annotated[
        str, typer.Option(metavar="SOURCE", help="CelebA folder with its attributes, or: demo")
    ],
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Train on that many faces.")] = None,
) -> None:
    """Train the classifier of attributes that unmask-eval reads restored faces with."""
    from unmask.model.evaluation.train_attributes import train_attributes

    with showing_log():
        card = train_attributes(source, out, limit)
    print(f"{'attribute':<20}  accuracy  balanced  share")
    for name, found in card["accuracy"].items():
        print(f"{name:<20}  {found['accuracy']:8.3f}  {found['balanced']:8.3f}  {found['share']:5.3f}")
    pictures = card["pictures"]
    print(f"fitted on {pictures['fitted']} faces, judged on {pictures['judged']}: {card['judged_on']}")
