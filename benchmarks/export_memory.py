"""Memory and time of an export by the number of rows: ``python benchmarks/export_memory.py [FORMAT ...]``.

The dataset is made for this: a few drawn faces, and a manifest that names their files again and again under other
keys. Each export runs in a process of its own; its largest resident size is what Linux says at its end.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from itertools import islice
from pathlib import Path

from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.manifest import iterate_manifest, read_attribute_names, write_manifest
from unmask.datagen.dataset.options import BuildOptions
from unmask.datagen.exchange.options import FORMATS

FACES = 20
EXPORT = """
import json, re, sys, time
from pathlib import Path
from unmask.datagen.exchange.export import export
from unmask.datagen.exchange.options import ExportOptions
data, format_, dest = sys.argv[1:]
begin = time.perf_counter()
report = export(ExportOptions(Path(data), format_, Path(dest)))
# getrusage would count what the parent had when it started this process
peak = int(re.search("VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1e3
told = {"rows": sum(report.splits.values()), "seconds": time.perf_counter() - begin, "mb": peak}
print(json.dumps(told))
"""


def main() -> None:
    """Run every measurement and print a line for each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("formats", nargs="*", default=["coco"], help="default: coco")
    parser.add_argument("--rows", default="2000,200000", help="sizes, with commas (default: 2000,200000)")
    arguments = parser.parse_args()
    if unknown := set(arguments.formats) - set(FORMATS):
        parser.error(f"no such format: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(BuildOptions("demo", folder / "small", seed=1, limit=FACES))
        for rows in map(int, arguments.rows.split(",")):
            data = _repeated(folder / "small", folder / f"rows{rows}", rows)
            for format_ in arguments.formats:
                dest = folder / f"{format_}{rows}"
                done = subprocess.run(  # noqa: S603
                    [sys.executable, "-c", EXPORT, str(data), format_, str(dest)],
                    capture_output=True,
                    text=True,
                    check=True,
                )
                told = json.loads(done.stdout)
                size = (data / "manifest.csv").stat().st_size / 1e6
                print(
                    f"{format_:<10} {told['rows']:>8} rows (manifest {size:.0f} MB): "
                    f"{told['mb']:.0f} MB, {told['seconds']:.0f} s",
                    flush=True,
                )


def _repeated(small: Path, out: Path, count: int) -> Path:
    """Make a dataset of ``count`` rows of the pictures of another one."""
    out.mkdir()
    for part in ("masked", "map", "clean"):
        shutil.copytree(small / part, out / part)
    (out / "build.json").write_bytes((small / "build.json").read_bytes())
    rows = [row for row in iterate_manifest(small / "manifest.csv") if row.status == "ok"]
    every = (
        replace(rows[number % len(rows)], key=f"{number:07d}_00", source=f"{number:07d}.jpg")
        for number in range(count)
    )
    names = read_attribute_names(small / "manifest.csv")
    write_manifest(out / "manifest.csv", islice(every, count), names)
    return out


if __name__ == "__main__":
    main()
