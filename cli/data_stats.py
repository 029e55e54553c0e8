"""``unmask-data stats``: how varied a dataset is, as a table, a JSON file and a page."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .showing import print_table, printable, show_progress

if TYPE_CHECKING:
    from unmask.datagen.stats.measure import Stats


def stats_command(
    out: Annotated[Path | None, typer.Argument(metavar="[OUT]", help="Folder of the dataset.")] = None,
    masked: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Instead of OUT: anyone's masked pictures.")
    ] = None,
    maps: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Their maps, of the same names, mask >= 128.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where to write; OUT, with --masked: here."),
    ] = None,
    limit: Annotated[int, typer.Option(help="Open at most this many pictures, at random.")] = 2000,
    seed: Annotated[int, typer.Option(help="Decides which pictures are opened and compared.")] = 0,
    compare: Annotated[
        Path | None, typer.Option(metavar="JSON", help="Another stats.json, to set beside this one.")
    ] = None,
) -> None:
    """Measure variety: colours, shapes, poses, what is missing. Writes stats.json and stats.html."""
    from unmask.datagen.common.work_folder import check_usable
    from unmask.datagen.stats.files import read_stats, write_stats

    target = _target(out, masked, maps, folder)
    check_usable(target)
    other = read_stats(compare) if compare is not None else None
    stats = _measure(out, masked, maps, limit, seed)
    table, page = write_stats(stats, target)
    _print(stats, other)
    print(f"wrote {printable(str(table))} and {printable(str(page))}")


def _target(out: Path | None, masked: Path | None, maps: Path | None, folder: Path | None) -> Path:
    """Return where to write; never into folders of pictures that are not ours."""
    from unmask.datagen.common.errors import UserError
    from unmask.datagen.common.inside import real_path

    if (out is None) == (masked is None) or (masked is None) != (maps is None):
        raise UserError("stats needs either OUT or both --masked DIR and --maps DIR")
    target = folder or out or Path()
    for flag, given in (("--masked", masked), ("--maps", maps)):
        if given is not None and real_path(given) in (real_path(target), *real_path(target).parents):
            raise UserError(f"--out {target}: lies inside {flag} {given}; name a folder elsewhere")
    return target


def _measure(out: Path | None, masked: Path | None, maps: Path | None, limit: int, seed: int) -> "Stats":
    from unmask.datagen.stats.measure import measure, measure_folders

    with show_progress("stats", "pictures") as show:

        def update(done: int, total: int) -> None:
            show(done, total, 0)

        if masked is not None and maps is not None:
            return measure_folders(masked, maps, limit=limit, seed=seed, progress=update)
        return measure(out or Path(), limit=limit, seed=seed, progress=update)


def _print(stats: "Stats", other: dict[str, object] | None) -> None:
    from unmask.datagen.stats.compare import compare, summarise

    for note in stats.report["notes"]:
        print(f"note: {printable(note)}")
    name = printable(stats.report["name"])
    if other is None:
        lines = summarise(stats.report)
        print_table(f"variety of {name}", ["measure", "value"], [[s.name, s.value] for s in lines])
        return
    rows = [[line.name, line.value, line.other, line.ratio] for line in compare(stats.report, other)]
    title = f"this: {name}; other: {printable(str(other['name']))}"
    print_table(title, ["measure", "this", "other", "this / other"], rows)
