"""``unmask-data pack``: faces small enough to be carried to the machine that trains."""

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from unmask.datagen.common.cores import available_cores
from unmask.datagen.dataset.pack_options import PackOptions

from . import flags
from .flags import Flag
from .running import resumable
from .showing import print_statuses, printable, show_progress

if TYPE_CHECKING:
    from unmask.datagen.dataset.pack import PackReport

PACK_FLAGS = {
    "source": Flag("Faces: folder, zip, parquet, URL, or: demo", "SOURCE", argument=True),
    "out": Flag("Folder to make; a source itself.", "DEST", argument=True),
    "size": Flag("Shorter side; smaller pictures stay as they are.", "PX"),
    "quality": Flag("Of the JPEG files.", "1..100"),
    "part_mb": Flag("Also write all of it as tar files of at most so many megabytes.", "MB"),
    "limit": flags.LIMIT,
    "split": Flag("Only train, val or test; or all."),
    "landmarks": flags.LANDMARKS,
    "workers": Flag("Processes; one per core by default.", kind=int | None, default=None),
    "existing": flags.EXISTING,
}


@flags.takes_options(PackOptions, PACK_FLAGS)
def pack_command(context: typer.Context, **_: Any) -> None:
    """Pack faces for another machine: small JPEGs, their points, CelebA's lists; DEST is a source itself."""
    from unmask.datagen.dataset.pack import pack

    options = flags.read_options(PackOptions, PACK_FLAGS, context)
    if context.params["workers"] is None:
        options = replace(options, workers=available_cores())
    with resumable(), show_progress("pack", "pictures") as show:
        report = pack(options, lambda done, total: show(done, total, 0))
    _print_report(options, report)


def _print_report(options: PackOptions, report: "PackReport") -> None:
    print_statuses(report, f"{sum(report.counts.values())} pictures", "pictures")
    print(f"{report.megabytes:.1f} MB in pictures")
    out = shlex.quote(printable(str(options.out)))
    if report.parts:
        largest = max(path.stat().st_size for path in report.parts) / 1e6
        many = "1 part" if len(report.parts) == 1 else f"{len(report.parts)} parts"
        print(f"{many} of at most {largest:.1f} MB in {out}/parts; on the other machine, into one folder:")
        print('  mkdir FACES && for part in part-*.tar; do tar xf "$part" -C FACES; done')
        out = "FACES"
    print(f"next: unmask-train map RUN --online {out} --landmarks {out}/landmarks.csv")
