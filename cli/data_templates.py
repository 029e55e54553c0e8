"""``unmask-data templates``: what masks there are, and whether a folder of one's own can be used."""

from pathlib import Path
from typing import Annotated

import typer

from unmask.datagen.common.checks import check_free
from unmask.datagen.common.errors import ArgumentError

from .flags import FAMILIES, split_names
from .running import make_app
from .showing import print_table, printable

templates_app = make_app("Mask templates: list them, check a folder, draw a sheet.")
SheetExisting = Annotated[str, typer.Option(help="A file of that name: fail or overwrite.")]
Templates = Annotated[list[Path] | None, typer.Option(metavar="DIR", help="Own templates; repeatable.")]


@templates_app.command("list")
def list_command(templates: Templates = None) -> None:
    """List every template with its family, straps and licence."""
    from unmask.datagen.masks.template import load_templates

    found = load_templates(templates or ())
    rows = [[t.name, t.family, t.straps.kind, t.licence] for t in found.templates]
    print_table(
        f"{len(found)} templates in {len(found.families)} families",
        ["template", "family", "straps", "licence"],
        rows,
    )


@templates_app.command("validate")
def validate_command(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder with NAME.json, or one folder for each.")
    ],
) -> None:
    """Say what is wrong with the templates in a folder. Exit code 1 where something is."""
    from unmask.datagen.masks.template import check_templates

    problems = check_templates(folder)
    for problem in problems:
        print(printable(str(problem)))
    if problems:
        print(f"{len(problems)} problems")
        raise typer.Exit(1)
    print(f"all well: unmask-data build SOURCE OUT --templates {printable(str(folder))}")


@templates_app.command("sheet")
def sheet_command(
    out: Annotated[Path, typer.Option("--out", metavar="PNG", help="The sheet.")] = Path("templates.png"),
    templates: Templates = None,
    families: Annotated[str | None, typer.Option(metavar="A,B", help=FAMILIES.help)] = None,
    existing: SheetExisting = "fail",
) -> None:
    """Draw every template on one picture."""
    from unmask.datagen.common.atomic import write_atomic, writing_to
    from unmask.datagen.dataset.sheet import draw_template_sheet
    from unmask.datagen.masks.template import load_templates
    from unmask.datagen.pictures.picture import check_ending, encode_for

    try:
        check_ending(out)
    except ValueError as error:
        raise ArgumentError("out", str(error)) from error
    check_free("out", out, existing)
    found = load_templates(templates or (), None if families is None else split_names(families))
    data = encode_for(out, draw_template_sheet(found))
    with writing_to(out):
        write_atomic(out, data)
    print(f"{len(found)} templates -> {printable(str(out))}")
