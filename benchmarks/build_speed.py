"""Pictures per second and core, by stage: ``python benchmarks/build_speed.py [--source FOLDER] [--limit N]``.

Each build runs in a process of its own. Rates are wall clock from the first finished chunk to the last, so
the start of workers and the loading of models, which thousands of pictures do not notice, are left out; other
work on the machine shows. CPU time is given beside them for one worker.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ONLINE_SIZE = (128, 128)
BUILD = """
import json, sys, time
from pathlib import Path
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.options import BuildOptions
if __name__ == "__main__":
    source, out, limit, workers, known = sys.argv[1:]
    seen = []
    report = build(
        BuildOptions(
            source, Path(out), limit=int(limit), workers=int(workers), format="jpg",
            landmarks=Path(known) if known else None,
        ),
        lambda told: seen.append((told.done, time.perf_counter(), time.process_time(), told.stage_seconds)),
    )
    first, last = seen[1], seen[-1]
    told = {"pictures": last[0] - first[0], "seconds": last[1] - first[1], "cpu": last[2] - first[2]}
    told["stages"] = {stage: last[3][stage] - first[3].get(stage, 0) for stage in last[3]}
    print(json.dumps(told | {"total": last[0], "timings": report.timings, "counts": report.counts}))
"""


def main() -> None:
    """Run every measurement and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--source", default="demo", help="what unmask-data build takes as SOURCE (default: demo)"
    )
    parser.add_argument("--limit", type=int, default=300, help="pictures in each build (default: 300)")
    parser.add_argument(
        "--loader-workers",
        default="1,2",
        help="workers of a torch DataLoader, a count or several (default: 1,2)",
    )
    arguments = parser.parse_args()
    if arguments.limit < 20:
        parser.error("--limit: at least 20, or there is nothing to average")
    with tempfile.TemporaryDirectory() as folder:
        source = _as_files(arguments.source, arguments.limit, Path(folder))
        known = measure_builds(source, arguments.limit, Path(folder))
        dataset = measure_online(source, arguments.limit, known)
        for workers in arguments.loader_workers.split(","):
            measure_loader(dataset, int(workers))


def _as_files(source: str, limit: int, folder: Path) -> str:
    """Write the demo as files: drawing a face takes longer than masking it."""
    if source != "demo":
        return source
    from unmask.datagen.drawn_faces.demo import write_demo

    write_demo(folder / "demo", limit)
    return str(folder / "demo")


def measure_builds(source: str, limit: int, folder: Path) -> Path:
    """Measure builds with one worker and two, with and without known points; returns the table of points."""
    (folder / "run.py").write_text(BUILD)
    found = _build(folder, "found", source, limit, 1, "")
    known = folder / "found" / "landmarks.csv"
    cached = _build(folder, "known", source, limit, 1, str(known))
    double = _build(folder, "double", source, limit, 2, "")
    _print_build("one worker, points found", found)
    _print_build("one worker, points known", cached)
    _print_build("two workers, points found", double)
    print(f"\ntwo workers against one: {_rate(double) / _rate(found):.2f} x")
    return known


def _build(folder: Path, name: str, source: str, limit: int, workers: int, known: str) -> dict[str, Any]:
    command = [
        sys.executable,
        str(folder / "run.py"),
        source,
        str(folder / name),
        str(limit),
        str(workers),
        known,
    ]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603 - our own script
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _rate(told: dict[str, Any]) -> float:
    return float(told["pictures"] / told["seconds"])


def _print_build(title: str, told: dict[str, Any]) -> None:
    timings = told["timings"]
    workers, stages = timings["workers"], told["stages"]
    busy = sum(stages.values())
    print(f"\nbuild to jpg, {title}: {told['total']} pictures, {told['counts']['ok']} ok")
    print(f"  {_rate(told):8.1f} pictures/s    {_rate(told) / workers:.1f} pictures/s/core")
    if workers == 1:
        print(f"  {1000 * told['cpu'] / told['pictures']:8.2f} ms CPU a picture, everything included")
    print(f"  {timings['peak_rss_mb']:8.0f} MB peak memory of a worker")
    for stage, seconds in stages.items():
        print(f"  {1000 * seconds / told['pictures']:8.2f} ms {stage:<10}{100 * seconds / busy:4.0f} %")


def measure_online(source: str, limit: int, known: Path) -> Any:
    """Measure drawing alone, and triplets at 128x128 without files, in this process on one core; the dataset."""
    import cv2

    from unmask.datagen.common.rng import generator
    from unmask.datagen.dataset.online import TripletDataset
    from unmask.datagen.masks.draw import draw_recipe
    from unmask.datagen.masks.recipe_config import load_recipe_config
    from unmask.datagen.masks.template import load_templates
    from unmask.datagen.render.triplet_config import TripletConfig
    from unmask.datagen.sources.open_source import open_source

    cv2.setNumThreads(1)
    recipe, templates = load_recipe_config("default"), load_templates()
    config = TripletConfig(seed=0, size=ONLINE_SIZE, recipe=recipe, templates=templates, faces="all")
    dataset = TripletDataset(open_source(source, limit=limit), config, landmarks=known)

    start = time.perf_counter()
    for i in range(limit):
        draw_recipe(generator(0, str(i), 0, "mask/0/0"), recipe, templates)
    print(f"\ndraw a recipe: {1000 * (time.perf_counter() - start) / limit:.2f} ms (part of the stage mask)")

    size = "x".join(map(str, ONLINE_SIZE))
    for epoch, title in ((0, "first epoch, templates being loaded"), (1, "second epoch")):
        dataset.set_epoch(epoch)
        start, cpu = time.perf_counter(), time.process_time()
        for i in range(len(dataset)):
            dataset[i]
        seconds, busy = time.perf_counter() - start, time.process_time() - cpu
        rate, ms = len(dataset) / seconds, 1000 * busy / len(dataset)
        print(f"on the fly at {size}, {title}: {rate:.1f} pictures/s/core, {ms:.2f} ms CPU a picture")
    return dataset


def measure_loader(dataset: Any, workers: int) -> None:
    """Measure what a torch DataLoader delivers: batches of 32 tensors, from the second epoch of its workers on."""
    from torch.utils.data import DataLoader

    loader = DataLoader(dataset, batch_size=32, num_workers=workers, persistent_workers=True)
    for epoch in range(2):
        dataset.set_epoch(epoch)
        start = time.perf_counter()
        pictures = sum(len(batch["masked"]) for batch in loader)
        seconds = time.perf_counter() - start
    print(f"DataLoader, {workers} workers: {pictures / seconds:.1f} pictures/s")


if __name__ == "__main__":
    main()
