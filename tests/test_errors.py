"""Errors name arguments as Python knows them; command lines put their flags there."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from unmask.cli.data import main as data_main
from unmask.cli.eval import main as eval_main
from unmask.cli.run import main as run_main
from unmask.cli.train import main as train_main
from unmask.datagen.common.checks import check_exists
from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.model.common.checked_files import read_json


def test_a_wrong_argument_is_a_value_error_that_knows_its_name():
    error = ArgumentError("device", "cuda:99: not available here")
    assert isinstance(error, ValueError) and isinstance(error, UserError)
    assert (error.argument, str(error)) == ("device", "device cuda:99: not available here")
    assert error.marked == "`device` cuda:99: not available here"
    assert str(ArgumentError("families", ": names no family")) == "families: names no family"


def test_an_error_survives_the_way_between_processes():
    error = pickle.loads(
        pickle.dumps(ArgumentError("cache", "here: cannot be written; name another `cache`"))
    )
    assert error.marked == "`cache` here: cannot be written; name another `cache`"
    assert error.argument == "cache"


def test_an_error_inside_another_keeps_its_marks_but_for_the_first():
    inner = ArgumentError("split", "test: nothing there")
    assert str(UserError(f"`train` x: {inner.marked}")) == "train x: `split` test: nothing there"


@pytest.mark.parametrize(("what", "refused"), [("folder", True), ("file", False), ("file or folder", False)])
def test_a_path_is_what_it_has_to_be(what: str, refused: bool, tmp_path: Path):
    path = tmp_path / "x"
    path.write_text("x")
    check_exists("templates", None, what)
    if refused:
        with pytest.raises(ArgumentError, match=r"^templates .*x: no such folder$"):
            check_exists("templates", path, what)
    else:
        check_exists("templates", path, what)


def test_a_file_that_cannot_be_read_is_not_called_damaged(tmp_path: Path):
    with pytest.raises(UserError, match=r"cannot be read \(No such file"):
        read_json(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("main", "arguments", "words"),
    [
        (data_main, ["build", "demo", "o", "--set", "a=1"], "--set: unknown key 'a'"),
        (data_main, ["build", "demo", "o", "--format", "gif"], "--format gif: expected one of png, jpg"),
        (data_main, ["build", "none", "o"], "SOURCE 'none': no such folder"),
        (data_main, ["demo", "o", "--count", "0"], "--count must be at least 1"),
        (data_main, ["stats", "--masked", "none", "--maps", "none"], "--masked none: no such folder"),
        (
            train_main,
            ["edit", "r", "--online", "demo", "--minutes", "1", "--map", "none"],
            "--map none: no such",
        ),
        (
            train_main,
            ["map", "r", "--online", "demo"],
            "give one of --images, --epochs and --minutes, not none",
        ),
        (train_main, ["map", "r", "--minutes", "1"], "give --data DATASET or --online SOURCE, where"),
        (eval_main, ["none", "--out", "o", "--map", "shipped"], "DATA none: no such file or folder"),
        (
            eval_main,
            ["none", "--out", "o"],
            "give --map RUN, --edit RUN or both; --map shipped and --edit fid",
        ),
        (run_main, ["none.jpg", "--out", "o"], "INPUT none.jpg: no such file or folder"),
        (
            run_main,
            ["x.jpg", "--out", "o", "--preset", "fidelity", "--edit-weights", "e"],
            "--preset and --edit-w",
        ),
    ],
)
def test_command_lines_name_their_flags(
    main: Callable[[list[str]], int],
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(f"error: {words}")
