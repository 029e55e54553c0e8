"""Draw the packaged mask templates: ``python -m unmask.assets.draw_templates [FOLDER]``.

The format is described in docs/templates.md; the drawings are in the modules beside this one.
"""

import sys
from pathlib import Path

from . import draw_fashion, draw_hard, draw_medical, draw_respirators, draw_wraps
from .draw_sheets import Sheet, write_sheet

_MODULES = (draw_medical, draw_respirators, draw_hard, draw_fashion, draw_wraps)


def sheets() -> list[Sheet]:
    """Every packaged template, in the order in which they are drawn."""
    return [one for module in _MODULES for one in module.sheets()]


def draw_all(folder: Path) -> list[Path]:
    """Write every template's JSON and layers under ``folder/<family>/``; returns the JSON paths."""
    return [write_sheet(one, folder) for one in sheets()]


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "masks"
    for path in draw_all(target):
        print(path)
