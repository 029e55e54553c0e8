"""``unmask-data``: make, look at and check datasets of masked faces."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unmask.datagen.common.checks import check_at_least, check_free
from unmask.datagen.common.cores import available_cores
from unmask.datagen.common.object_store import is_url
from unmask.datagen.dataset.options import BuildOptions, parse_size
from unmask.datagen.exchange.shard_options import SHARD_PICTURES, ShardOptions

from . import flags
from .data_adopt import adopt_command
from .data_export import export_command
from .data_pack import pack_command
from .data_stats import stats_command
from .data_templates import SheetExisting, Templates, templates_app
from .data_unpack import unpack_command
from .flag_names import in_flags
from .flags import Flag
from .running import make_app, resumable, run_app
from .showing import check_triplets, print_pairs, print_statuses, printable, show_progress

if TYPE_CHECKING:
    from unmask.datagen.dataset.build_report import BuildReport

NAME = "unmask-data"
app = make_app("Make, look at and check datasets of masked faces.")
app.add_typer(templates_app, name="templates")

OutFolder = Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the dataset.")]
Workers = Annotated[int | None, typer.Option(help="Processes; one per core by default.")]
Recipe = Annotated[str, typer.Option(metavar="FILE", help="Recipe: a packaged name or a TOML file.")]
Pins = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Pin part of the recipe; repeatable.")
]
Seed = Annotated[int, typer.Option(help="Decides everything that is random.")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run_app(app, NAME, arguments)


_BUILD_FLAGS = {
    "source": Flag("Faces: folder, zip, parquet, URL, or: demo", "SOURCE", argument=True),
    "out": Flag("Folder of the dataset, or URL: s3://, gs://.", "OUT", argument=True),
    "variants": Flag("Masks per picture."),
    "seed": flags.SEED,
    "size": Flag("Centre crop and scale to this size.", "N|WxH", parse=parse_size),
    "format": Flag("png (exact) or jpg (small)."),
    "limit": replace(flags.LIMIT, metavar=None),
    "split": Flag("Only train, val or test; or all."),
    "identities": Flag("Folders are people: auto, folder or none."),
    "workers": Flag("Processes; one per core by default.", kind=int | None, default=None),
    "families": flags.FAMILIES,
    "templates": flags.TEMPLATES,
    "textures": flags.TEXTURES,
    "recipe": flags.RECIPE,
    "pins": flags.PINS,
    "faces": Flag("all, largest, or single (several: no triplet)."),
    "landmarks": flags.LANDMARKS,
    "parsing": Flag("Parsing maps: hair, glasses, hats stay in front.", "DIR"),
    "parsing_labels": Flag("Their numbers: celebamask, bisenet, TOML.", "NAME|FILE"),
    "layers": Flag("Also write mask, straps and shadow apart.", name="--layers"),
    "existing": flags.EXISTING,
    "dry_run": Flag("Check and print everything, write nothing.", name="--dry-run", kind=bool, default=False),
    "dask": Flag("Dask scheduler that does the work.", "ADDRESS"),
    "shards": Flag(
        "Tar shards of so many pictures; a URL's: 1000.",
        "N",
        kind=int | None,
        default=None,
        show_default=False,
    ),
}


@app.command("build")
@flags.takes_options(BuildOptions, _BUILD_FLAGS)
def build_command(context: typer.Context, **_: Any) -> None:
    """Make (masked, map, clean) triplets from a source of faces."""
    options = flags.read_options(BuildOptions, _BUILD_FLAGS, context)
    if context.params["workers"] is None:
        options = replace(options, workers=available_cores())
    shards = context.params["shards"]
    if shards is not None or is_url(options.out):
        sharded = ShardOptions(options, SHARD_PICTURES if shards is None else shards)
        _build_shards(sharded, dry_run=context.params["dry_run"])
    elif context.params["dry_run"]:
        _print_plan(options)
    else:
        _build(options)


def _build_shards(options: ShardOptions, *, dry_run: bool) -> None:
    options.check()
    from unmask.datagen.exchange.shard_build import build_shards, plan_shards

    if dry_run:
        print_pairs({name: printable(str(value)) for name, value in plan_shards(options).items()})
        print("dry run: nothing was written")
        return
    with resumable(), show_progress("build", "pictures") as show:
        report = build_shards(options, lambda now: show(now.done, now.total, now.resumed))
    _print_counts(report)
    check_triplets(report, options.build.source)
    print(f"next: {NAME} unpack {shlex.quote(printable(options.url))} OUT --limit 1")


def _print_plan(options: BuildOptions) -> None:
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


def _build(options: BuildOptions) -> None:
    from unmask.datagen.dataset.build import build

    with resumable(), show_progress("build", "pictures") as show:
        report = build(options, lambda now: show(now.done, now.total, now.resumed))
    _print_counts(report)
    check_triplets(report, options.source)
    out = shlex.quote(printable(str(report.out)))
    print(f"next: {NAME} preview {out} --out sheet.png; {NAME} verify {out}")


def _print_counts(report: "BuildReport") -> None:
    print_statuses(report, f"{sum(report.counts.values())} rows from {report.sources} pictures", "rows")
    made = report.pictures - report.resumed
    resumed = f", {report.resumed} were there before" if report.resumed else ""
    seconds = report.timings["seconds"]
    print(f"{made} pictures in {seconds:.1f} s ({made / seconds:.1f}/s){resumed}")


@app.command("preview")
def preview_command(
    out: Annotated[Path | None, typer.Argument(metavar="[OUT]", help="Folder of the dataset.")] = None,
    n: Annotated[int, typer.Option("--n", help="How many triplets.")] = 12,
    sheet: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="The sheet: png, jpg, webp, bmp.")
    ] = Path("sheet.png"),
    seed: Seed = 0,
    source: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="Render from a source; needs no OUT.")
    ] = None,
    recipe: Recipe = "default",
    pins: Pins = None,
    templates: Templates = None,
    existing: SheetExisting = "fail",
) -> None:
    """Draw random triplets as one picture: clean, masked, map."""
    from unmask.datagen.common.atomic import write_atomic, writing_to
    from unmask.datagen.common.errors import ArgumentError, UserError
    from unmask.datagen.dataset.online import TripletDataset
    from unmask.datagen.dataset.preview import choose_items, draw_items, draw_sheet
    from unmask.datagen.pictures.picture import check_ending, encode_for

    check_at_least("n", n, 1)
    check_free("sheet", sheet, existing)
    try:
        check_ending(sheet)
    except ValueError as error:
        raise ArgumentError("sheet", str(error)) from error
    if out is not None and source is None:
        if pins or templates or recipe != "default":
            raise UserError("--recipe, --set and --templates go with --source; OUT shows what was built")
        items = choose_items(out, n, seed)
    elif source is not None and out is None:
        faces = TripletDataset(source, seed=seed, recipe=recipe, pins=pins or (), templates=templates or ())
        items = draw_items(faces, n, seed)
    else:
        raise UserError("preview needs either OUT or --source SOURCE")
    data = encode_for(sheet, draw_sheet(items))
    with writing_to(sheet):
        write_atomic(sheet, data)
    print(f"{len(items)} triplets -> {printable(str(sheet))}")


@app.command("verify")
def verify_command(
    out: OutFolder,
    replay: Annotated[int, typer.Option(metavar="N", help="Render N rows again and compare; -1: all.")] = 0,
    workers: Workers = None,
) -> None:
    """Check a dataset: files, hashes, sizes, exactness. Exit code 1 where something is wrong."""
    from unmask.datagen.dataset.verify import inspect_dataset

    count = available_cores() if workers is None else workers
    check_at_least("workers", count, 1)
    with show_progress("verify", "pictures") as show:
        report = inspect_dataset(out, replay, count, lambda done, total: show(done, total, 0))
    for problem in report.problems:
        print(printable(in_flags(str(problem))))
    again = f", {report.replayed} rendered again" if report.replayed else ""
    if report.adopted:
        again = "; adopted: what is beside the masks was not compared with the clean pictures"
    if report.problems:
        count = len(report.problems)
        print(f"{count} problem{'s' * (count != 1)} in {report.rows} rows{again}")
        raise typer.Exit(1)
    print(f"all well: {report.rows} rows{again}")


app.command("stats")(stats_command)
app.command("export")(export_command)
app.command("adopt")(adopt_command)
app.command("pack")(pack_command)
app.command("unpack")(unpack_command)


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
    pins: Pins = None,
) -> None:
    """List the packaged recipes, or print one as it will be used."""
    import json

    from unmask.datagen.masks.recipe_config import load_recipe_config, packaged_recipes

    if name is None and not pins:
        for packaged, path in packaged_recipes().items():
            print(f"{packaged}  {path}")
        return
    print(json.dumps(json.loads(load_recipe_config(name or "default", pins or ()).text), indent=2))
