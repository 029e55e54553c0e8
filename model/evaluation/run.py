"""A whole evaluation: passes over the pictures, then the report."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from .attributes import AttributeProbe
from .compare import compare_tables, drop_other_judges, read_metrics
from .evaluate import Bar, Evaluation, open_evaluation, score_pictures
from .folder import PAGE
from .groups import cross
from .identity import IdentityMeter
from .identity_scores import measure_identity
from .items import EvalSet
from .options import EvalOptions
from .passes import collect
from .results import write_report
from .summary import judges_of


@dataclass(frozen=True)
class EvalResult:
    """A finished report: its folder, its page, and what ``summary.json`` says."""

    out: Path
    page: Path
    summary: dict[str, Any]


def run_evaluation(options: EvalOptions, command: str, bar: Bar) -> EvalResult:
    """Evaluate and write the report; started again, it goes on where it was.

    Parameters
    ----------
    options : EvalOptions
    command : str
        As the person gave it; goes into the summary.
    bar : callable
        Takes a title, gives a progress bar.

    Raises
    ------
    UserError
        With the argument or file named; before the first picture wherever that can be known.
    """
    theirs = None if options.compare is None else read_metrics(options.compare)
    with open_evaluation(options) as evaluation:
        _check_by(evaluation.pictures, options)
        if theirs is not None and options.compare is not None:
            theirs = drop_other_judges(theirs, options.compare, judges_of(evaluation.meter))
        probe = _score(evaluation, bar)
        comparison = None
        if theirs is not None and options.compare is not None:
            comparison = compare_tables(collect(evaluation).scored, theirs, options.compare.name)
        summary = write_report(evaluation, probe, command, comparison, bar)
        return EvalResult(options.out, options.out / PAGE, summary)


def _score(evaluation: Evaluation, bar: Bar) -> AttributeProbe | None:
    options, meter = evaluation.options, evaluation.meter
    with bar("scores") as progress:
        score_pictures(evaluation, meter.measure if meter is not None else None, progress)
    if options.identity and any(item.clean is not None and item.points for item in evaluation.pictures.items):
        with bar("identity") as progress:
            measure_identity(evaluation, IdentityMeter(evaluation.device), progress)
    return None if meter is None else meter.probe


def _check_by(pictures: EvalSet, options: EvalOptions) -> None:
    table = pd.DataFrame([dict(item.tags) for item in pictures.items])
    for names in options.by:
        if "lightness" not in names:  # measured later
            cross(table, names)
