import io
import json
import os
import pty
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest

from unmask.cli.data import main
from unmask.datagen.dataset import sheet
from unmask.datagen.drawn_faces.demo import draw_demo_face
from unmask.datagen.masks.template import packaged_folder
from unmask.datagen.pictures.header import read_header


@pytest.fixture(autouse=True)
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


def build_arguments(drawn_celeba: Path, *more: str) -> list[str]:
    known = str(drawn_celeba / "landmarks.csv")
    return ["build", str(drawn_celeba), "out", "--landmarks", known, "--workers", "1", *more]


def command(*arguments: str) -> list[str]:
    return [
        sys.executable,
        "-c",
        "import sys; from unmask.cli.data import main; sys.exit(main())",
        *arguments,
    ]


def test_build_prints_counts_rate_and_the_next_command(
    drawn_celeba: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(build_arguments(drawn_celeba, "--seed", "1")) == 0
    out, err = capsys.readouterr()
    assert "6 rows from 6 pictures" in out
    assert "unmask-data verify out" in out
    assert "build: 6/6 pictures" in err
    assert main(build_arguments(drawn_celeba, "--seed", "1")) == 0
    assert "6 were there before" in capsys.readouterr().out


def test_every_flag_reaches_the_build(drawn_celeba: Path, capsys: pytest.CaptureFixture[str]):
    flags = "--variants 2 --seed 3 --size 64x80 --format jpg --limit 2 --split all --families surgical,cloth"
    flags += " --faces largest --layers --existing fail --recipe default --set worn=proper"
    assert main(build_arguments(drawn_celeba, *flags.split())) == 0
    config = json.loads(Path("out/build.json").read_text())["config"]
    assert (config["variants"], config["seed"], config["size"], config["format"]) == (2, 3, [64, 80], "jpg")
    assert (config["families"], config["faces"], config["layers"]) == (["surgical", "cloth"], "largest", True)
    assert config["recipe"]["worn.states"] == {"proper": 1.0}
    assert len(list(Path("out/layers").iterdir())) == 4
    assert main(["verify", "out", "--workers", "1"]) == 0


def test_size_may_be_one_number(drawn_celeba: Path):
    assert main(build_arguments(drawn_celeba, "--size", "96", "--limit", "1")) == 0
    assert cv2.imread("out/masked/000001_00.png").shape == (96, 96, 3)


def test_dry_run_prints_everything_and_writes_nothing(drawn_celeba: Path, capsys: pytest.CaptureFixture[str]):
    assert main(build_arguments(drawn_celeba, "--dry-run", "--variants", "3")) == 0
    out = capsys.readouterr().out
    assert "6 pictures" in out
    assert "000001_00 000002_00" in out
    assert "18" in out
    assert "nothing was written" in out
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["build"], "Missing argument"),
        (["build", "demo"], "OUT"),
        (["build", "nowhere", "out"], "SOURCE"),
        (["build", "demo", "out", "--size", "12by4"], "--size 12by4"),
        (
            ["build", "demo", "out", "--size", "100000"],
            "--size 100000x100000: each side needs 16 to 8192 pixels",
        ),
        (
            ["build", "demo", "out", "--size", "64x123456"],
            "--size 64x123456: each side needs 16 to 8192 pixels",
        ),
        (["build", "demo", "out", "--size", "9" * 20], "of 16 to 8192 pixels"),
        (["build", "demo", "out", "--variants", "many"], "--variants"),
        (["build", "demo", "out", "--colour", "red"], "--colour"),
        (["build", "demo", "out", "--families", "hats"], "--families: unknown family 'hats'"),
        (["build", "demo", "out", "--families", ","], "--families"),
        (["build", "demo", "out", "--existing", "maybe"], "--existing maybe"),
        (["build", "demo", "out", "--workers", "0"], "--workers 0"),
        (["frobnicate"], "frobnicate"),
        (["verify", "nowhere"], "no build.json there"),
        (["verify", "nowhere", "--workers", "0"], "--workers 0"),
        (["build", "demo", "out", "--set", "family"], "--set"),
        (["build", "demo", "out", "--set", "hat=red"], "--set: unknown key"),
        (["preview", "nowhere", "--set", "family=cloth"], "go with --source"),
        (["preview"], "either OUT or --source"),
        (["preview", "nowhere"], "no dataset there"),
        (["preview", "--source", "demo", "--n", "0"], "--n 0"),
        (["demo", "there", "--count", "0"], "--count"),
        (["recipes", "no.toml"], "--recipe: no.toml"),
        (["templates", "validate"], "DIR"),
    ],
)
def test_a_wrong_request_is_one_line_and_exit_code_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
):
    code = main(arguments)
    err = capsys.readouterr().err
    assert code == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert words in err
    assert not Path("out").exists()


@pytest.mark.parametrize("arguments", [[], ["templates"]])
def test_without_a_command_the_help_is_shown(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    assert main(arguments) == 2
    assert "Commands:\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [[], ["build"], ["preview"], ["verify"], ["demo"], ["recipes"], ["templates"], ["templates", "validate"]],
)
def test_help_is_there_and_short(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    assert main([*arguments, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert 5 <= len(lines) <= 45


def test_a_full_disk_is_one_line_and_exit_code_2(drawn_celeba: Path):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)); "
    run = command(*build_arguments(drawn_celeba))
    run[2] = limit + run[2]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: OUT ")
    assert "out: cannot write (" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/sys/kernel").is_dir(), reason="root may write anywhere")
def test_a_read_only_out_is_one_line(drawn_celeba: Path, capsys: pytest.CaptureFixture[str]):
    out = Path("locked")
    out.mkdir()
    out.chmod(0o500)
    place = "/sys/kernel/unmask-out" if os.geteuid() == 0 else "locked/out"
    assert main(["build", str(drawn_celeba), place]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: OUT ")
    assert err.count("\n") == 1


def test_verify_of_an_unfinished_build_says_that_and_nothing_else(
    built_once: Path, capsys: pytest.CaptureFixture[str]
):
    shutil.copytree(built_once, "copy")
    told = json.loads(Path("copy/build.json").read_text())
    Path("copy/build.json").write_text(json.dumps(told | {"status": "running"}))
    Path("copy/manifest.csv").unlink()
    assert main(["verify", "copy", "--workers", "1"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "build.json: the build did not finish; the same build command resumes it",
        "1 problem in 0 rows",
    ]


def test_verify_lists_what_is_wrong_and_exits_1(built_once: Path, capsys: pytest.CaptureFixture[str]):
    shutil.copytree(built_once, "copy")
    assert main(["verify", "copy", "--replay", "2", "--workers", "1"]) == 0
    assert "all well: 12 rows, 2 rendered again" in capsys.readouterr().out
    Path("copy/map/000001_00.png").unlink()
    assert main(["verify", "copy", "--workers", "1"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "map/000001_00.png: the file is missing",
        "1 problem in 12 rows",
    ]


def test_preview_draws_one_sheet_and_repeats_it(built_once: Path):
    for name in ("a.png", "b.png"):
        assert main(["preview", str(built_once), "--n", "5", "--out", name, "--seed", "4"]) == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    sheet = cv2.imread("a.png")
    assert sheet.shape[0] > 3 * 218
    assert sheet.shape[1] > 6 * 178


def test_a_sheet_is_not_written_over_unless_that_is_asked_for(
    built_once: Path, capsys: pytest.CaptureFixture[str]
):
    Path("mine.png").write_bytes(b"a picture of somebody's own")
    for command in (["preview", str(built_once), "--n", "1"], ["templates", "sheet"]):
        assert main([*command, "--out", "mine.png"]) == 2
        err = capsys.readouterr().err
        assert err == "error: --out mine.png: is there already; --existing overwrite replaces it\n"
        assert Path("mine.png").read_bytes() == b"a picture of somebody's own"
    command = ["preview", str(built_once), "--n", "1", "--out", "mine.png", "--existing", "overwrite"]
    assert main(command) == 0
    assert Path("mine.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("ending", "kind"), [(".jpg", "JPEG"), (".webp", "WEBP"), (".bmp", "BMP"), ("", "PNG")]
)
def test_a_sheet_of_templates_is_what_its_ending_says(ending: str, kind: str):
    assert main(["templates", "sheet", "--families", "gaiter", "--out", f"some{ending}"]) == 0
    with PIL.Image.open(f"some{ending}") as sheet:
        assert sheet.format == kind


def test_a_sheet_of_templates_with_another_ending_is_one_line(capsys: pytest.CaptureFixture[str]):
    assert main(["templates", "sheet", "--out", "some.gif"]) == 2
    assert capsys.readouterr().err.startswith("error: --out some.gif: .gif is none of the endings")
    assert not Path("some.gif").exists()


def test_a_sheet_of_some_families_shows_their_templates_only(capsys: pytest.CaptureFixture[str]):
    assert main(["templates", "sheet", "--families", "gaiter,duckbill", "--out", "some.png"]) == 0
    count = int(capsys.readouterr().out.split()[0])
    assert cv2.imread("some.png").shape[0] == count * (218 + 18 + 4)
    assert main(["templates", "sheet", "--families", "visor", "--out", "none.png"]) == 2
    assert "visor" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.JPG", "jpeg"),
        ("a.jfif", "jpeg"),
        ("a.webp", "webp"),
        ("a.bmp", "bmp"),
        ("a.png", "png"),
        ("a", "png"),
    ],
)
def test_preview_writes_what_the_ending_says(built_once: Path, name: str, kind: str):
    assert main(["preview", str(built_once), "--n", "1", "--out", name]) == 0
    assert read_header(Path(name).read_bytes()).kind == kind


def test_preview_into_a_file_of_another_kind_is_one_line(
    built_once: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["preview", str(built_once), "--out", "sheet.gif"]) == 2
    assert "--out sheet.gif: .gif is none of the endings .png, .jpg" in capsys.readouterr().err
    assert not Path("sheet.gif").exists()


def test_preview_of_a_source_needs_no_dataset(drawn_celeba: Path):
    assert main(["preview", "--source", str(drawn_celeba), "--n", "2", "--out", "sheet.png"]) == 0
    assert Path("sheet.png").stat().st_size > 10_000


def test_preview_into_a_folder_that_is_not_there_is_one_line(
    built_once: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["preview", str(built_once), "--out", "no/such/sheet.png"]) == 2
    assert "no/such/sheet.png" in capsys.readouterr().err


def test_demo_writes_celeba_that_build_takes(capsys: pytest.CaptureFixture[str]):
    assert main(["demo", "faces", "--count", "3"]) == 0
    assert "unmask-data build faces OUT" in capsys.readouterr().out
    assert cv2.imread("faces/img_align_celeba/000002.jpg").shape == draw_demo_face(1).image_rgb.shape
    assert main(["build", "faces", "out", "--landmarks", "faces/landmarks.csv", "--workers", "1"]) == 0


def test_templates_are_listed_checked_and_drawn(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(
        sheet, "_template_row", lambda template: [(np.zeros((2, 200, 3), np.uint8), template.name)]
    )
    assert main(["templates", "list"]) == 0
    out = capsys.readouterr().out
    assert all(family in out for family in ("surgical", "kn95", "n95_cup", "cloth", "sponge", "bandana"))
    Path("own").mkdir()
    Path("own/mine.json").write_text("{ broken")
    assert main(["templates", "validate", "own"]) == 1
    assert "own/mine.json" in capsys.readouterr().out
    assert (
        main(["templates", "sheet", "--out", "templates.png"]) == 0
    )  # of all; how a row looks is tested elsewhere
    count = len(list(packaged_folder().glob("*/*.json")))
    assert cv2.imread("templates.png").shape[0] == count * (2 + 18 + 4)


def test_packaged_templates_pass_their_own_validator(capsys: pytest.CaptureFixture[str]):
    assert main(["templates", "validate", str(packaged_folder())]) == 0


def test_recipes_are_listed_and_printed_resolved(capsys: pytest.CaptureFixture[str]):
    assert main(["recipes"]) == 0
    assert "default" in capsys.readouterr().out
    assert main(["recipes", "default"]) == 0
    assert "families" in json.loads(capsys.readouterr().out)


def test_a_terminal_gets_a_progress_bar(drawn_celeba: Path):
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    run = command(*build_arguments(drawn_celeba))
    with subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=theirs, env=environment) as running:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # the end of a pseudo-terminal is an error
            while part := os.read(ours, 65536):
                shown += part
    os.close(ours)
    assert running.returncode == 0
    assert b"6/6" in shown
    assert b"pictures/s" in shown


def test_a_bug_is_a_traceback(monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("unmask.datagen.dataset.build.build", broken)
    with pytest.raises(ZeroDivisionError):
        main(["build", "demo", "out"])


def test_the_help_of_split_names_all_its_values(capsys: pytest.CaptureFixture[str]):
    assert main(["build", "--help"]) == 0
    assert "Only train, val or test; or all." in " ".join(capsys.readouterr().out.split())


def test_the_report_counts_the_pictures_that_the_rows_are_of(
    drawn_celeba: Path, capsys: pytest.CaptureFixture[str]
):
    for limit in ("3", "2"):
        assert main([*build_arguments(drawn_celeba), "--limit", limit]) == 0
    printed = capsys.readouterr().out
    assert "note: 1 row of pictures not in this run" in printed
    assert printed.count("3 rows from 3 pictures") == 2


@pytest.mark.parametrize("arguments", [["build"], ["build", "--shards", "2"], ["adopt"]])
def test_a_dataset_without_one_triplet_is_no_success_and_may_be_finished_later(
    arguments: list[str], drawn_jpegs: list[bytes], capsys: pytest.CaptureFixture[str]
):
    for folder in ("clean", "masked"):
        Path("in", folder).mkdir(parents=True)
        Path("in", folder, "a.jpg").write_bytes(b"damaged")
    command, *flags = arguments
    assert main([command, "in", "out", *flags]) == 2
    printed = capsys.readouterr()
    first = "a.jpg" if command == "adopt" else "clean/a.jpg"
    assert "next:" not in printed.out
    assert "unreadable" in printed.out
    assert f"error: SOURCE in: none of its pictures became a triplet; first {first}: " in printed.err
    assert ",unreadable," in Path("out/manifest.csv").read_text()
    if "--shards" not in flags:
        Path("in/clean/a.jpg").write_bytes(drawn_jpegs[0])
        masked = cv2.imread("in/clean/a.jpg")
        masked[120:170, 50:130] = (180, 120, 60)
        assert cv2.imwrite("in/masked/a.jpg", masked, (cv2.IMWRITE_JPEG_QUALITY, 98))
        assert main([command, "in", "out"]) == 0


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_terminal_that_does_not_know_a_letter_gets_its_escape(
    drawn_celeba: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
):
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2)]
    monkeypatch.setattr("sys.stdout", streams[0])
    monkeypatch.setattr("sys.stderr", streams[1])
    arguments = build_arguments(drawn_celeba, "--limit", "1", "--dry-run")
    arguments = ["Größe ☃" if argument == "out" else argument for argument in arguments]
    assert main(arguments) == 0
    assert main(["build", "нет", "out"]) == 2
    assert main(["build", "--help"]) == 0
    for stream, word in zip(streams, ("Größe ☃", "нет"), strict=True):
        stream.flush()
        assert word.encode(encoding, "backslashreplace") in stream.buffer.getvalue()
