"""``unmask-data export``: a dataset in the layout that another tool reads."""

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from unmask.datagen.exchange.options import FORMATS, ExportOptions

from . import flags
from .flags import Flag
from .running import resumable
from .showing import printable, show_progress

if TYPE_CHECKING:
    from unmask.datagen.exchange.export import ExportReport

_FLAGS = {
    "data": Flag("Folder of the dataset.", "OUT", argument=True),
    "format": Flag(", ".join(FORMATS), "FORMAT", argument=True),
    "dest": Flag("Folder to make.", "DEST", argument=True),
    "split": Flag("Only train, val or test; or all."),
    "limit": replace(flags.LIMIT, help="Only the first triplets."),
    "classes": Flag("family, or mask: all masks are one class."),
    "layers": Flag("Also straps and shadow, where OUT has them.", name="--layers"),
    "copy": Flag("Copy pictures instead of linking to OUT's.", name="--copy"),
    "shard_rows": Flag("Triplets in a shard or parquet file.", "N"),
    "existing": flags.EXISTING,
}


@flags.takes_options(ExportOptions, _FLAGS)
def export_command(context: typer.Context, **_: Any) -> None:
    """Write a dataset in the layout of another tool."""
    options = flags.read_options(ExportOptions, _FLAGS, context)
    options.check()
    from unmask.datagen.exchange.export import export

    with resumable(), show_progress("export", "triplets") as show:
        report = export(options, lambda done, total: show(done, total, 0))
    _print(options, report)


def _print(options: ExportOptions, report: "ExportReport") -> None:
    for note in report.notes:
        print(f"note: {printable(note)}")
    print(f"{options.format}: {FORMATS[options.format]}")
    splits = ", ".join(f"{split} {count}" for split, count in report.splits.items())
    total = sum(report.splits.values())
    files = ", ".join(f"{count} {what}" for what, count in report.files.items() if count)
    print(f"{total} triplets ({splits}) in {report.seconds:.1f} s; files: {files or 'none'}")
    print(f"-> {shlex.quote(printable(str(report.dest)))}")
