"""Plans of `train_weights.py`, which says what stands in them: read, and refused where they make no sense."""

import tomllib
from pathlib import Path
from typing import Any

from unmask.datagen.common.errors import UserError
from unmask.model.training.options import EditOptions, MapOptions

NOT_IN_PLAN = ("run", "online", "data", "landmarks", "config")
KINDS = {"map": MapOptions, "edit": EditOptions}
EVALUATION = {"split": "test", "size": 128, "limit": None, "families": None, "seed": 1,
              "identity": True, "features": True}  # fmt: skip

Table = dict[str, Any]


def read_plan(path: Path) -> dict[str, Table]:
    """Read a plan; UserError naming the table and key that is wrong, before any work."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from error
    shared, plan = tables.pop("all", {}), {}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise UserError(f"{path}: {name}: not a table")
        if name == "evaluation":
            unknown = sorted(table.keys() - EVALUATION.keys())
        else:
            if table.get("module") not in KINDS:
                raise UserError(f"{path}: [{name}]: module = {table.get('module')!r}: map or edit is needed")
            table = {**shared, **table}
            unknown = sorted(table.keys() & set(NOT_IN_PLAN))
        if unknown:
            raise UserError(f"{path}: [{name}]: {unknown[0]}: not for a plan")
        plan[name] = table
    if not plan.keys() - {"evaluation"}:
        raise UserError(f"{path}: no table of a training")
    return plan
