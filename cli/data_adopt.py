"""``unmask-data adopt``: pairs of somebody else's become a dataset."""

import shlex
from typing import Any

import typer

from unmask.datagen.exchange.adopt_options import AdoptOptions

from . import flags
from .flags import Flag
from .running import resumable
from .showing import check_triplets, print_statuses, printable, show_progress

_FLAGS = {
    "source": Flag("Folder with masked, clean and map folders.", "SOURCE", argument=True),
    "out": Flag("Folder of the dataset.", "OUT", argument=True),
    "clean": Flag("Folder of the clean pictures, elsewhere.", "DIR"),
    "maps": Flag("Folder of the maps, elsewhere.", "DIR"),
    "split": Flag("What all are for: train, val or test."),
    "family": Flag("What family all masks are of.", "NAME"),
    "limit": flags.LIMIT,
    "copy": Flag("Copy pictures instead of linking.", name="--copy"),
    "existing": flags.EXISTING,
}


@flags.takes_options(AdoptOptions, _FLAGS)
def adopt_command(context: typer.Context, **_: Any) -> None:
    """Make a dataset of masked pictures with clean ones, maps or both."""
    options = flags.read_options(AdoptOptions, _FLAGS, context)
    options.check()
    from unmask.datagen.exchange.adopt import adopt

    with resumable(), show_progress("adopt", "pictures") as show:
        report = adopt(options, show)
    rows = sum(report.counts.values())
    print_statuses(report, f"{rows} rows from {report.sources} pictures; maps: {report.maps}", "rows")
    print(f"{report.sources} pictures in {report.seconds:.1f} s")
    check_triplets(report, options.source)
    out = shlex.quote(printable(str(report.out)))
    print(f"next: unmask-data preview {out} --out sheet.png; unmask-data verify {out}")
