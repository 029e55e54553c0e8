import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_have_no_gaps_and_link_to_what_is_there(page: Path):
    text = page.read_text(encoding="utf-8")
    assert "@@" not in text
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_flags_in_the_readme_exist(capfd: pytest.CaptureFixture[str]):
    from unmask.cli import data, eval, run, train  # noqa: A004 - the command's name

    known = set()
    for main, commands in (
        (data.main, (["build"], ["verify"], ["preview"], ["stats"], ["demo"], ["templates", "sheet"])),
        (train.main, (["map"], ["edit"], ["export"])),
        (eval.main, ([],)),
        (run.main, ([],)),
    ):
        for command in commands:
            assert main([*command, "--help"]) == 0
            known |= set(re.findall(r"--[a-z][a-z0-9-]*", capfd.readouterr().out))
    used = set(re.findall(r"`?(--[a-z][a-z0-9-]*)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert used <= known, used - known


def test_the_python_example_runs():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found
    names: dict[str, object] = {}
    exec(found[1], names)
    assert names["item"]["masked"].shape == (128, 128, 3)  # type: ignore[index]
