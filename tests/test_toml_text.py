"""TOML nested without end: one line in seconds, from every command that reads a file of it."""

import time
from pathlib import Path

import pytest

from unmask.cli import data, train
from unmask.datagen.common.errors import UserError
from unmask.datagen.common.toml_text import parse_toml
from unmask.datagen.faces.parsing_labels import read_numbering

DEEP = {
    "lists": "a = " + "[" * 10_000 + "]" * 10_000,
    "lists that the parser takes": "a = " + "[" * 200 + "]" * 200,
    "tables": "a = " + "{b=" * 10_000 + "1" + "}" * 10_000,
    "key of many parts": ".".join(["a"] * 10_000) + " = 1",
    "quoted key of many parts": ' . "b c" . '.join(["a"] * 5_000) + " = 1",
    "header of many parts": f"[{'.'.join(['batch'] * 10_000)}]\nx = 1",
    "value below a known key": "[batch]\nsize = " + "[" * 500 + "]" * 500,
    "known key of many parts": "seed" + ".a" * 150 + " = 1",
}


@pytest.mark.parametrize("kind", DEEP)
def test_what_is_nested_without_end_is_no_toml(kind: str):
    began = time.process_time()
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_toml(DEEP[kind])
    assert time.process_time() - began < 2


def test_dots_in_texts_and_numbers_nest_nothing():
    text = "a = [" + ", ".join(["0.5"] * 300) + "]\nb = '" + "wait ... " * 100 + "'\n"
    assert parse_toml("\ufeff".encode() + text.encode())["a"] == [0.5] * 300


@pytest.mark.parametrize("kind", DEEP)
@pytest.mark.parametrize("flag", ["recipe", "config", "preset"])
def test_a_file_that_is_nested_without_end_is_one_line(
    tmp_path: Path, drawn_celeba: Path, capsys, flag: str, kind: str
):
    path = tmp_path / "mine.toml"
    path.write_text(DEEP[kind] + "\n")
    run = ["map", str(tmp_path / "out"), "--online", "demo"]
    code = (
        train.main([*run, f"--{flag}", str(path)])
        if flag in ("config", "preset")
        else data.main(
            [
                "build",
                str(drawn_celeba),
                str(tmp_path / "out"),
                "--parsing",
                str(tmp_path),
                f"--{flag}",
                str(path),
            ]
        )
    )
    said = capsys.readouterr().err
    assert code == 2
    (line,) = said.splitlines()
    assert line.startswith(f"error: --{flag}")
    assert "mine.toml" in line
    assert "nested too deeply" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", DEEP)
def test_a_numbering_that_is_nested_without_end_is_one_line(tmp_path: Path, kind: str):
    path = tmp_path / "mine.toml"
    path.write_text(DEEP[kind] + "\n")
    with pytest.raises(UserError, match=r"mine\.toml: no TOML file \(nested too deeply\)"):
        read_numbering(str(path))
