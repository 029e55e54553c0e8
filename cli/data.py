"""``unmask-data``: make, look at and check datasets of masked faces."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unmask.datagen.common.cores import available_cores

from .data_stats import stats_command
from .data_templates import templates_app
from .running import (
    in_flags,
    make_app,
    print_pairs,
    print_table,
    printable,
    resumable,
    run_app,
    show_progress,
)

if TYPE_CHECKING:
    from unmask.datagen.dataset.build import BuildReport
    from unmask.datagen.dataset.online import TripletDataset
    from unmask.datagen.dataset.options import BuildOptions

NAME = "unmask-data"
app = make_app("Make, look at and check datasets of masked faces.")
app.add_typer(templates_app, name="templates")

OutFolder = Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the dataset.")]
SourceSpec = Annotated[
    str, typer.Argument(metavar="SOURCE", help="CelebA folder, folder of pictures, or: demo")
]
Workers = Annotated[int | None, typer.Option(help="Processes; one per core by default.")]
Templates = Annotated[list[Path] | None, typer.Option(metavar="DIR", help="Own templates; repeatable.")]
Textures = Annotated[Path | None, typer.Option(metavar="DIR", help="Own pictures of cloth.")]
Recipe = Annotated[str, typer.Option(metavar="FILE", help="Recipe: a packaged name or a TOML file.")]
Pins = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Pin part of the recipe; repeatable.")
]
Seed = Annotated[int, typer.Option(help="Decides everything that is random.")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run_app(app, NAME, arguments)


@app.command("build")
def build_command(
    source: SourceSpec,
    out: OutFolder,
    variants: Annotated[int, typer.Option(help="Masks per picture.")] = 1,
    seed: Seed = 0,
    size: Annotated[
        str | None, typer.Option(metavar="N|WxH", help="Centre crop and scale to this size.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="png (exact) or jpg (small).")] = "png",
    limit: Annotated[int | None, typer.Option(help="Only the first pictures.")] = None,
    split: Annotated[str | None, typer.Option(help="Only train, val or test; or all.")] = None,
    workers: Workers = None,
    families: Annotated[str | None, typer.Option(metavar="A,B", help="Only these mask families.")] = None,
    templates: Templates = None,
    textures: Textures = None,
    recipe: Recipe = "default",
    set_: Pins = None,
    faces: Annotated[str, typer.Option(help="all, largest, or single (several: no triplet).")] = "all",
    landmarks: Annotated[Path | None, typer.Option(metavar="FILE", help="Table of known points.")] = None,
    parsing: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Parsing maps: hair, glasses, hats stay in front.")
    ] = None,
    layers: Annotated[
        bool, typer.Option("--layers", help="Also write mask, straps and shadow apart.")
    ] = False,
    existing: Annotated[str, typer.Option(help="resume, overwrite or fail.")] = "resume",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and print everything, write nothing.")
    ] = False,
    dask: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler that does the work.")
    ] = None,
) -> None:
    """Make (masked, map, clean) triplets from a source of faces."""
    from unmask.datagen.dataset.options import BuildOptions, parse_size

    options = BuildOptions(
        source=source,
        out=out,
        variants=variants,
        seed=seed,
        size=parse_size(size) if size is not None else None,
        format=format_,
        limit=limit,
        split=split,
        workers=available_cores() if workers is None else workers,
        families=_names(families),
        templates=tuple(templates or ()),
        textures=textures,
        recipe=recipe,
        pins=tuple(set_ or ()),
        faces=faces,
        landmarks=landmarks,
        parsing=parsing,
        layers=layers,
        existing=existing,
        dask=dask,
    )
    if dry_run:
        _print_plan(options)
    else:
        _build(options)


def _names(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _print_plan(options: "BuildOptions") -> None:
    from unmask.datagen.dataset.plan import plan_build

    plan = plan_build(options)
    source = plan.source
    keys = [f"{face.stem}_00" for face in source.faces[:5]]
    print_pairs(
        {
            "source": f"{source.root} ({source.kind}), {len(source.faces)} pictures",
            **{f"note {n}": note for n, note in enumerate(source.notes, 1)},
            "attributes": len(source.attribute_names),
            "out": f"{options.out} ({_what_happens(plan.earlier, options.existing)})",
            **{name: value for name, value in plan.identity["config"].items() if name != "recipe"},
            "workers": options.dask or options.workers,
            "rows": len(source.faces) * options.variants,
            "first keys": " ".join(keys),
        }
    )
    print("dry run: nothing was written")


def _what_happens(earlier: bool, existing: str) -> str:
    if not earlier:
        return "new"
    return "an earlier build is resumed" if existing == "resume" else "an earlier build is overwritten"


def _build(options: "BuildOptions") -> None:
    from unmask.datagen.dataset.build import Progress, build

    with resumable(), show_progress("build", "pictures") as show:

        def update(progress: Progress) -> None:
            show(progress.done, progress.total, progress.resumed)

        report = build(options, update)
    _print_report(report)


def _print_report(report: "BuildReport") -> None:
    for note in report.notes:
        print(f"note: {printable(note)}")
    rows = [[status, str(count)] for status, count in report.counts.items() if count or status == "ok"]
    print_table(
        f"{sum(report.counts.values())} rows from {report.sources} pictures", ["status", "rows"], rows
    )
    made = report.pictures - report.resumed
    resumed = f", {report.resumed} were there before" if report.resumed else ""
    seconds = report.timings["seconds"]
    print(f"{made} pictures in {seconds:.1f} s ({made / seconds:.1f}/s){resumed}")
    out = shlex.quote(printable(str(report.out)))
    print(f"next: {NAME} preview {out} --out sheet.png; {NAME} verify {out}")


@app.command("preview")
def preview_command(
    out: Annotated[Path | None, typer.Argument(metavar="[OUT]", help="Folder of the dataset.")] = None,
    n: Annotated[int, typer.Option("--n", help="How many triplets.")] = 12,
    sheet: Annotated[Path, typer.Option("--out", metavar="PNG", help="The sheet.")] = Path("sheet.png"),
    seed: Seed = 0,
    source: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="Render from a source; needs no OUT.")
    ] = None,
    recipe: Recipe = "default",
    set_: Pins = None,
    templates: Templates = None,
) -> None:
    """Draw random triplets as one picture: clean, masked, map."""
    from unmask.datagen.common.atomic import write_atomic, writing_to
    from unmask.datagen.common.errors import UserError
    from unmask.datagen.dataset.preview import choose_items, draw_items, draw_sheet
    from unmask.datagen.pictures.picture import encode_png

    if n < 1:
        raise UserError(f"--n {n}: expected at least 1")
    if out is not None and source is None:
        if set_ or templates or recipe != "default":
            raise UserError("--recipe, --set and --templates go with --source; OUT shows what was built")
        items = choose_items(out, n, seed)
    elif source is not None and out is None:
        items = draw_items(_online(source, seed, recipe, set_ or [], templates or []), n, seed)
    else:
        raise UserError("preview needs either OUT or --source SOURCE")
    data = encode_png(draw_sheet(items))
    with writing_to(sheet):
        write_atomic(sheet, data)
    print(f"{len(items)} triplets -> {printable(str(sheet))}")


def _online(
    source: str, seed: int, recipe: str, pins: Sequence[str], templates: Sequence[Path]
) -> "TripletDataset":
    from unmask.datagen.dataset.online import TripletDataset
    from unmask.datagen.masks.recipe_config import load_recipe_config
    from unmask.datagen.masks.template import load_templates
    from unmask.datagen.render.triplet import TripletConfig

    config = TripletConfig(seed, None, load_recipe_config(recipe, pins), load_templates(templates), "all")
    return TripletDataset(source, config)


@app.command("verify")
def verify_command(
    out: OutFolder,
    replay: Annotated[int, typer.Option(metavar="N", help="Render N rows again and compare; -1: all.")] = 0,
    workers: Workers = None,
) -> None:
    """Check a dataset: files, hashes, sizes, exactness. Exit code 1 where something is wrong."""
    from unmask.datagen.common.errors import UserError
    from unmask.datagen.dataset.verify import inspect_dataset

    count = available_cores() if workers is None else workers
    if count < 1:
        raise UserError(f"--workers {count}: expected at least 1")
    with show_progress("verify", "pictures") as show:
        report = inspect_dataset(out, replay, count, lambda done, total: show(done, total, 0))
    for problem in report.problems:
        print(printable(in_flags(str(problem))))
    again = f", {report.replayed} rendered again" if report.replayed else ""
    if report.problems:
        print(f"{len(report.problems)} problems in {report.rows} rows{again}")
        raise typer.Exit(1)
    print(f"all well: {report.rows} rows{again}")


app.command("stats")(stats_command)


@app.command("demo")
def demo_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make.")],
    count: Annotated[int, typer.Option(help="How many faces.")] = 48,
    seed: Seed = 0,
) -> None:
    """Draw faces in CelebA's layout, with attributes, identities, splits and known points."""
    from unmask.datagen.drawn_faces.demo import write_demo

    made = write_demo(folder, count, seed)
    where = shlex.quote(printable(str(folder)))
    print(f"{made} faces -> {where}")
    print(f"next: {NAME} build {where} OUT --landmarks {where}/landmarks.csv")


@app.command("recipes")
def recipes_command(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME|FILE]", help="Print this one, resolved.")
    ] = None,
    set_: Pins = None,
) -> None:
    """List the packaged recipes, or print one as it will be used."""
    import json

    from unmask.datagen.masks.recipe_config import load_recipe_config, packaged_recipes

    if name is None and not set_:
        for packaged, path in packaged_recipes().items():
            print(f"{packaged}  {path}")
        return
    print(json.dumps(json.loads(load_recipe_config(name or "default", set_ or ()).text), indent=2))
