"""A whole evaluation: passes over the pictures, then the report."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from .attributes import AttributeProbe, load_probe
from .compare import compare_tables, read_metrics
from .evaluate import Bar, Evaluation, open_evaluation, score_pictures
from .feature_scores import FeatureMeter
from .features import FeatureNetwork
from .folder import PAGE
from .groups import cross
from .identity import IdentityMeter
from .identity_scores import measure_identity
from .items import EvalSet
from .options import EvalOptions
from .results import collect, write_report


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
        probe = _score(evaluation, bar)
        comparison = None
        if theirs is not None and options.compare is not None:
            comparison = compare_tables(collect(evaluation).table, theirs, options.compare.name)
        summary = write_report(evaluation, probe, command, comparison, bar)
        return EvalResult(options.out, options.out / PAGE, summary)


def _score(evaluation: Evaluation, bar: Bar) -> AttributeProbe | None:
    options, probe, meter = evaluation.options, None, None
    has_clean = any(item.clean is not None for item in evaluation.pictures.items)
    if options.features and has_clean:
        probe = load_probe() if evaluation.systems.edit_module is not None else None
        meter = FeatureMeter(FeatureNetwork(evaluation.device), probe)
    with bar("scores") as progress:
        score_pictures(evaluation, meter.measure if meter is not None else None, progress)
    if options.identity and any(item.clean is not None and item.points for item in evaluation.pictures.items):
        with bar("identity") as progress:
            measure_identity(evaluation, IdentityMeter(evaluation.device), progress)
    return probe


def _check_by(pictures: EvalSet, options: EvalOptions) -> None:
    table = pd.DataFrame([dict(item.tags) for item in pictures.items])
    for names in options.by:
        if "lightness" not in names:  # measured later
            cross(table, names)
