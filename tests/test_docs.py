import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unmask.datagen.drawn_faces.demo import portrait_rgb
from unmask.datagen.masks.template import load_templates
from unmask.datagen.pictures.open_picture import open_file
from unmask.datagen.pictures.picture import encode_jpg

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_have_no_gaps_and_link_to_what_is_there(page: Path):
    text = page.read_text(encoding="utf-8")
    assert "@@" not in text
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_flags_in_the_readme_exist(capfd: pytest.CaptureFixture[str]):
    from unmask.cli import data, eval, run, serve, train  # noqa: A004 - the command's name

    known = {"--no-deps"}  # pip's
    for main, commands in (
        (
            data.main,
            [
                [name]
                for name in (
                    "build",
                    "verify",
                    "preview",
                    "stats",
                    "demo",
                    "export",
                    "adopt",
                    "pack",
                    "unpack",
                )
            ],
        ),
        (data.main, (["templates", "sheet"],)),
        (train.main, (["map"], ["edit"], ["export"])),
        (eval.main, ([], ["verify"])),
        (run.main, ([],)),
        (serve.main, ([],)),
    ):
        for command in commands:
            assert main([*command, "--help"]) == 0
            known |= set(re.findall(r"--[a-z][a-z0-9-]*", capfd.readouterr().out))
    used = set(re.findall(r"`?(--[a-z][a-z0-9-]*)", README))
    assert used <= known, used - known


def test_the_readme_counts_the_packaged_templates():
    templates = load_templates().templates
    counted = f"{len({each.family for each in templates})} families, {len(templates)} templates"
    assert re.findall(r"[0-9]+ families, [0-9]+ templates", README) == [counted]


def python_examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, draw_face: Callable) -> None:
    """The files that the examples name, in the working directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("portrait.jpg", "photo.jpg"):
        Path(name).write_bytes(encode_jpg(portrait_rgb(), 95))
    Path("aligned.jpg").write_bytes(encode_jpg(draw_face(0)[0], 95))


def run_example(number: int) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(python_examples()[number], names)
    return names


def test_the_dataset_example_runs(photographs: None):
    names = run_example(0)
    assert names["made"].summary.family == "kn95"
    assert names["item"]["masked"].shape == names["files"][7]["masked"].shape == (128, 128, 3)
    assert names["summary"]["means"]["map_iou"]["mean"] > 0.5


def test_the_unmasking_example_runs(photographs: None):
    names = run_example(1)
    assert names["result"].status in ("no_mask", "no_face")
    assert np.array_equal(names["result"].image, open_file(Path("photo.jpg")))
    assert names["probabilities"].shape == (218, 178)
    assert names["face"].shape == (218, 178, 3)
    assert names["card"]["network"]["kind"] == "edit"
