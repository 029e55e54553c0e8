"""``unmask-serve``: the local page."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from unmask.model.serve.options import ServeOptions

from . import flags
from .flags import Flag
from .running import make_app, run_app
from .showing import printable

NAME = "unmask-serve"
app = make_app("Take masks off photographs in the browser, and look through datasets.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    # Threads that spin while they wait leave no core to those that decode and encode.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return run_app(app, NAME, arguments)


_FLAGS = {
    "data": Flag("Built dataset for the data page.", "DATASET"),
    "host": Flag("Name or address to listen on; the default is reached from this machine alone.", "HOST"),
    "port": Flag("0 takes a free one."),
    "open": Flag("Open the page in the browser.", name="--open"),
    "keep": Flag("Folder that gets every result; nothing is kept without it.", "DIR"),
    "preset": Flag("What the page begins with: perceptual (sharp) or fidelity (nearest to the truth)."),
    "map_weights": Flag("Map Module.", "RUN|FILE", show_default="the shipped one"),
    "edit_weights": Flag("Editing Module, one more choice beside the presets.", "RUN|FILE", kind=Path | None),
    "device": flags.DEVICE,
    "precision": flags.PRECISION,
    "backend": flags.BACKEND,
    "max_mb": Flag("Million bytes that one request may have.", "N"),
    "max_megapixels": Flag("Million pixels that a photograph may have.", "N"),
}


@app.command()
@flags.takes_options(ServeOptions, _FLAGS)
def serve_command(context: typer.Context, **_: Any) -> None:
    """Serve a page that takes masks off photographs, and the same over HTTP, until Ctrl-C."""
    options = flags.read_options(ServeOptions, _FLAGS, context)
    from unmask.model.serve.serve import serve

    serve(options, lambda line: print(printable(line), flush=True))
