"""The commands and examples of docs/exchange.md, on a small dataset of the names that they have there."""

import re
import shlex
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from unmask.cli.data import main
from unmask.datagen.dataset.manifest import iterate_manifest
from unmask.datagen.drawn_faces.demo import write_demo
from unmask.datagen.exchange.kinds import KINDS

PAGE = (Path(__file__).parent.parent / "docs/exchange.md").read_text(encoding="utf-8")
COMMANDS = list(
    dict.fromkeys(
        line.partition("#")[0].strip()
        for line in re.findall(r"^    (?:time )?unmask-data (.*)$", PAGE, re.MULTILINE)
        if "--dask" not in line  # which needs a cluster
    )
)
EXAMPLES = {
    module: block
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    for module in ("pycocotools", "webdataset", "mmseg")
    if (module in block or (module == "mmseg" and "classes.txt" in block)) and "pipe:" not in block
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CELEBA, LFW, OUT and pairs of another tool."""
    root = tmp_path_factory.mktemp("made")
    write_demo(root / "CELEBA", 24)
    for number, path in enumerate(sorted((root / "CELEBA/img_align_celeba").iterdir())):
        person = root / "LFW" / f"Person_{number // 2}"
        person.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, person / f"Person_{number // 2}_{number % 2 + 1:04d}.jpg")
    points = str(root / "CELEBA/landmarks.csv")
    command = ["build", str(root / "CELEBA"), str(root / "OUT"), "--layers", "--workers", "1"]
    assert main([*command, "--landmarks", points]) == 0
    for row in iterate_manifest(root / "OUT/manifest.csv"):
        for part, name in (("masked", row.masked), ("clean", row.clean), ("map", row.map)):
            (root / "PAIRS" / part).mkdir(parents=True, exist_ok=True)
            shutil.copy(root / "OUT" / name, root / "PAIRS" / part)
    for part, name in (("masked", "MASKED"), ("clean", "CLEAN"), ("map", "MAPS")):
        shutil.copytree(root / "PAIRS" / part, root / name)
    return root


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to work in with all of these."""
    for path in made.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    memory = pytest.importorskip("fsspec").filesystem("memory")
    if memory.exists("/bucket"):
        memory.rm("/bucket", recursive=True)


def run(command: str) -> int:
    """Run a command of the page; S3 is the memory of this process."""
    words = shlex.split(command.replace("s3://", "memory://"))
    if words[0] == "unpack":
        assert main(["build", "CELEBA", "memory://bucket/masked", "--workers", "1"]) == 0
        words[words.index("URL")] = "memory://bucket/masked"
    if words[0] in ("build", "adopt", "unpack"):
        Path("OUT").unlink()  # it makes another one
    if words[0] == "build":
        small = ["--limit", "8"] if "--limit" in words else []
        size = ["--size", "256"] if "--size" in words else []
        words += [*small, *size, "--workers", "1"]
    return main(words)


@pytest.mark.parametrize("command", [*COMMANDS, "unpack URL OUT", "unpack URL OUT --limit 1"])
def test_a_command_of_the_page_runs_as_it_is_written(here: Path, command: str):
    words = command.split()
    needs = KINDS[words[2]].needs if words[0] == "export" else ""
    if needs and find_spec(needs) is None:
        pytest.skip(f"{needs} is not installed")
    assert run(command) == 0


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("module", "command", "found"),
    [
        ("pycocotools", "export OUT coco DEST --layers", "coco"),
        ("webdataset", "export OUT webdataset DEST --shard-rows 1000", "data"),
        ("mmseg", "export OUT mmseg DEST", "train_dataset"),
    ],
)
def test_an_example_of_the_page_reads_what_its_command_wrote(
    here: Path, module: str, command: str, found: str
):
    if module != "mmseg" and find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    assert run(command) == 0
    names: dict[str, Any] = {}
    exec(EXAMPLES[module], names)
    if module == "webdataset":
        masked, map_, clean, facts = next(iter(names["data"]))
        assert masked.shape == map_.shape == clean.shape == (218, 178, 3)
        assert facts["split"] == "train"
    elif module == "pycocotools":
        assert names["coco"].getAnnIds()
    else:
        folder = Path(names["train_dataset"]["data_root"])
        assert list((folder / names["train_dataset"]["data_prefix"]["seg_map_path"]).iterdir())
