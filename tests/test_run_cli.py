from pathlib import Path
from types import SimpleNamespace

import pytest

from unmask.cli.run import main
from unmask.model.run import job as job_module
from unmask.model.run.options import RunOptions
from unmask.model.run.run_report import RunReport


@pytest.fixture(autouse=True)
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[RunOptions]:
    """Options that the job got; it ends at once."""
    got: list[RunOptions] = []

    def ending(options: RunOptions, update: object) -> RunReport:
        got.append(options)
        return RunReport(
            options.out, {"ok": 2, "no_face": 1, "unreadable": 0}, 2, 1, 4, 1.0, ["1 file was left out"]
        )

    monkeypatch.setattr(job_module, "run_job", ending)
    return got


def test_flags_become_options(asked: list[RunOptions]) -> None:
    arguments = [
        "a.jpg",
        "folder",
        "--out",
        "out",
        "--aligned",
        "--no-recursive",
        "--side-by-side",
        "--limit",
        "5",
    ]
    Path("maps").mkdir()
    weights = ["--map", "maps", "--map-weights", "m", "--edit-weights", "e"]
    weights += ["--device", "cpu", "--precision", "bf16"]
    assert main([*arguments, *weights, "--existing", "fail"]) == 0
    (options,) = asked
    assert options == RunOptions(
        (Path("a.jpg"), Path("folder")), Path("out"), aligned=True, map=Path("maps"), map_weights="m",
        edit_weights=Path("e"), device="cpu", precision="bf16", side_by_side=True, recursive=False,
        limit=5, existing="fail",
    )  # fmt: skip


def test_the_shipped_modules_are_the_default(asked: list[RunOptions]) -> None:
    assert main(["a.jpg", "--out", "out"]) == 0
    assert (asked[0].map_weights, asked[0].edit, asked[0].existing, asked[0].recursive) == (
        "shipped", "perceptual", "resume", True,
    )  # fmt: skip
    assert main(["a.jpg", "--out", "out", "--preset", "fidelity"]) == 0
    assert asked[1].edit == "fidelity"


def test_what_became_of_the_pictures_is_printed(
    asked: list[RunOptions], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["a.jpg", "--out", "my out"])
    printed = capsys.readouterr().out
    assert "note: 1 file was left out" in printed
    assert "3 pictures" in printed
    assert "4 masks taken off 2 pictures in 1.0 s (0.50 s each), 1 done before" in printed
    assert "no_face" in printed
    assert "unreadable" not in printed
    assert "'my out'/run.csv" in printed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing.jpg", "--out", "out"], "INPUT nothing.jpg: no such file or folder"),
        (["a.jpg"], "Missing option '--out'"),
        (["--out", "out"], "Missing argument 'INPUT...'"),
        (
            ["a.jpg", "--out", "out", "--preset", "best"],
            "--preset best: expected one of perceptual, fidelity",
        ),
        (
            ["a.jpg", "--out", "out", "--precision", "half"],
            "--precision half: expected one of auto, fp32, bf16",
        ),
        (
            ["a.jpg", "--out", "out", "--backend", "jax"],
            "--backend jax: expected one of auto, torch, onnx",
        ),
        (["a.jpg", "--out", "out", "--limit", "0"], "--limit 0"),
        (["a.jpg", "--out", "out", "--min-score", "nan"], "--min-score nan: expected a number"),
        (["a.jpg", "--out", "out", "--map", "none.png"], "--map none.png: no such file or folder"),
        (["empty", "--out", "out"], "INPUT empty: no picture in it; expected bmp"),
        (["a.jpg", "--out", "out", "--map-weights", "none"], "none: no such file or folder"),
        (["empty", "--out", "out", "--nonsense"], "No such option"),
    ],
)
def test_what_a_person_can_mend_is_one_line_and_exit_code_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("empty").mkdir()
    Path("a.jpg").write_bytes(b"")
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len([line for line in error.splitlines() if line.startswith("error:")]) == 1
    assert not Path("out").exists()


def test_stopping_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(options: RunOptions, update: object) -> SimpleNamespace:
        raise KeyboardInterrupt

    monkeypatch.setattr(job_module, "run_job", stopped)
    assert main(["a.jpg", "--out", "out"]) == 130
    assert "the same command resumes" in capsys.readouterr().err


def test_help_names_every_flag(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for flag in (
        "--out",
        "--aligned",
        "--map",
        "--preset",
        "--map-weights",
        "--edit-weights",
        "--side-by-side",
    ):
        assert flag in text


def test_a_run_of_which_nothing_could_be_used_fails_with_the_first_reasons(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(options: RunOptions, update: object) -> RunReport:
        return RunReport(
            options.out,
            {"ok": 0, "unreadable": 2},
            2,
            0,
            0,
            1.0,
            [],
            {},
            ["a.jpg: an empty file", "b.jpg: no"],
        )

    monkeypatch.setattr(job_module, "run_job", failing)
    assert main(["a.jpg", "b.jpg", "--out", "out"]) == 2
    assert "none of the pictures could be used: a.jpg: an empty file; b.jpg: no" in capsys.readouterr().err
