"""Second pass: how far the face of each system's picture is from the clean one, in a face network's descriptors."""

from unmask.datagen.common.cores import available_cores
from unmask.datagen.common.executors import open_threads

from .evaluate import IDENTITY, Batch, Evaluation, Progress, run_parts
from .folder import Arrays
from .identity import IdentityMeter, identity_distances
from .scores import Row

DESCRIPTORS = "descriptors"
_LEFT_OUT = frozenset({"telea"})  # as blurred as the nearest pixel: nothing is learnt from it


def measure_identity(evaluation: Evaluation, meter: IdentityMeter, progress: Progress) -> None:
    """Write a part per batch: rows with ``key`` and ``<system>_identity``, and the clean faces' descriptors."""

    def work(batch: Batch) -> tuple[list[Row], Arrays]:
        known = [o for o in batch.outcomes if o.picture.clean is not None and o.picture.landmarks is not None]
        rows: list[Row] = [{"key": outcome.picture.item.key} for outcome in known]
        if not known:
            return rows, {}
        points = [o.picture.landmarks.points for o in known if o.picture.landmarks is not None]
        cleans = [o.picture.clean for o in known if o.picture.clean is not None]
        clean = meter.describe(cleans, points)
        systems = {system for outcome in known for system in outcome.done} - _LEFT_OUT
        for system in sorted(systems):
            chosen = [index for index, outcome in enumerate(known) if system in outcome.done]
            found = meter.describe([known[i].done[system] for i in chosen], [points[i] for i in chosen])
            for index, distance in zip(chosen, identity_distances(found, clean[chosen]), strict=True):
                rows[index][f"{system}_identity"] = float(distance)
        return rows, {DESCRIPTORS: clean}

    with open_threads(available_cores()) as pool:
        run_parts(evaluation, IDENTITY, pool, work, progress)
