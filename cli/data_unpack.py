"""``unmask-data unpack``: a folder of a dataset that was built in shards."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from unmask.datagen.exchange.shard_options import UnpackOptions

from .running import resumable
from .showing import printable, show_progress


def unpack_command(
    data: Annotated[str, typer.Argument(metavar="URL", help="The dataset: s3://, gs://, or a folder.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to make.")],
    limit: Annotated[int | None, typer.Option(metavar="N", help="Only the first shards.")] = None,
) -> None:
    """Make a folder of a dataset that was built in shards."""
    options = UnpackOptions(data, out, limit)
    options.check()
    from unmask.datagen.exchange.unpack import unpack

    with resumable(), show_progress("unpack", "shards") as show:
        report = unpack(options, lambda done, total: show(done, total, 0))
    where = shlex.quote(printable(str(report.out)))
    print(
        f"{report.counts['ok']} triplets of {report.pictures} pictures from {report.shards} shards -> {where}"
    )
    print(f"next: unmask-data verify {where}")
