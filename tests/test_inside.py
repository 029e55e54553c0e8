"""Names in tables are data: whatever they say, no file outside the folder is read, written or removed."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from unmask.cli.data import main
from unmask.datagen.common.errors import UserError
from unmask.datagen.common.inside import Inside
from unmask.datagen.dataset import worker
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.journal import JOURNAL_NAME
from unmask.datagen.dataset.manifest import iterate_manifest, read_attribute_names, write_manifest
from unmask.datagen.dataset.options import BuildOptions
from unmask.datagen.dataset.verify import verify
from unmask.datagen.drawn_faces.demo import write_demo

Options = Callable[..., BuildOptions]
STRAY = ("../victim.png", "masked/../../victim.png", "/tmp/victim.png", "C:/victim.png", "out/victim.png", "")


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """Somebody's picture beside the folder."""
    path = tmp_path / "victim.png"
    path.write_bytes(b"precious")
    return path


def tell(table: Path, **changes: str) -> None:
    """Give the second ok row of a manifest other cells."""
    rows = list(iterate_manifest(table))
    rows[1] = replace(rows[1], **changes)
    write_manifest(table, rows, read_attribute_names(table))


@pytest.mark.parametrize("name", [*STRAY[:4], "..", "..\\victim.png", "\\victim.png", "a\0b", ""])
def test_a_name_that_leads_out_is_refused_with_table_row_and_path(tmp_path: Path, name: str):
    assert not Inside(tmp_path).holds(name)
    with pytest.raises(UserError) as caught:
        Inside(tmp_path)(name, "manifest.csv: row 7")
    assert str(caught.value) == f"manifest.csv: row 7: {name!r} is no file inside {tmp_path}"


@pytest.mark.parametrize("name", ["a.png", "sub/a.b..png", "masked/12:30.png", "none/there/yet.png", "..."])
def test_ordinary_names_stay_inside_also_below_a_linked_folder(tmp_path: Path, name: str):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert Inside(tmp_path / "link")(name, "x") == tmp_path / "link" / name


def test_links_are_followed_file_or_folder(tmp_path: Path, victim: Path):
    folder = tmp_path / "out"
    (folder / "real").mkdir(parents=True)
    (folder / "within").symlink_to(folder / "real")
    (folder / "away").symlink_to(tmp_path)
    (folder / "real" / "file.png").symlink_to(victim)
    (folder / "real" / "round.png").symlink_to("round.png")
    inside = Inside(folder)
    assert inside.holds("within/a.png")
    assert inside.holds("real/round.png")
    assert not inside.holds("away/victim.png")
    assert not inside.holds("within/file.png")


@pytest.mark.parametrize("existing", ["resume", "overwrite"])
@pytest.mark.parametrize("column", ["masked", "map", "clean"])
def test_a_manifest_that_names_a_file_elsewhere_stops_the_build(
    options: Options, victim: Path, tree, existing: str, column: str
):
    build(options())
    manifest = options().out / "manifest.csv"
    tell(manifest, **{column: "../victim.png"})
    before = tree(options().out)
    with pytest.raises(
        UserError, match=r"manifest\.csv: row 000002_00: '\.\./victim\.png' is no file inside"
    ):
        build(options(existing=existing))
    left = tree(options().out)
    left.pop(JOURNAL_NAME, None)
    assert left == before
    assert victim.read_bytes() == b"precious"


@pytest.mark.parametrize("existing", ["resume", "overwrite"])
def test_a_journal_that_names_a_file_elsewhere_stops_the_build(
    options: Options, interrupted: Path, victim: Path, existing: str
):
    journal = interrupted / JOURNAL_NAME
    whole = journal.read_text()
    for line in (whole.replace("masked/000002_00.png", "../victim.png"), whole.replace('"000002"', '"../x"')):
        journal.write_text(line)
        with pytest.raises(UserError, match=r"\.journal\.jsonl: .*(victim\.png' is no file|'\.\./x')"):
            build(options(existing=existing))
        assert journal.read_text() == line
    assert victim.read_bytes() == b"precious"


def test_a_note_of_begun_pictures_that_names_a_file_elsewhere_stops_the_build(
    options: Options, interrupted: Path, victim: Path
):
    with (interrupted / JOURNAL_NAME).open("a") as file:
        file.write(json.dumps({"x.jpg": ["../victim.png"]}) + "\n")
    with pytest.raises(UserError, match="is no file inside"):
        build(options(existing="overwrite"))
    assert victim.read_bytes() == b"precious"


@pytest.mark.parametrize("stray", STRAY[:4])
def test_verify_reports_the_row_and_opens_nothing(built_once: Path, tmp_path: Path, victim: Path, stray: str):
    out = Path(shutil.copytree(built_once, tmp_path / "out"))
    tell(out / "manifest.csv", masked=stray)
    problems = [problem for problem in verify(out, replay=-1) if stray in problem.message]
    assert [problem.where for problem in problems] == ["000001_01"]


def test_verify_looks_into_no_linked_folder(built_once: Path, tmp_path: Path, capsys):
    out = Path(shutil.copytree(built_once, tmp_path / "out"))
    (out / "map").rename(tmp_path / "elsewhere")
    (out / "map").symlink_to(tmp_path / "elsewhere")
    assert main(["verify", str(out), "--workers", "1"]) == 1
    assert "000001_00: 'map/000001_00.png' is no file inside the dataset" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["stats", "preview", "verify"])
@pytest.mark.parametrize("stray", ["../victim.png", "map/000001_01.png"])
def test_what_reads_a_dataset_refuses_in_one_line(
    built_once: Path, tmp_path: Path, victim: Path, command: str, stray: str, capsys
):
    out = Path(shutil.copytree(built_once, tmp_path / "out"))
    if stray.startswith("map"):  # the very name, but a link
        (out / stray).unlink()
        (out / stray).symlink_to(victim)
    else:
        tell(out / "manifest.csv", map=stray)
    sheet = tmp_path / "sheet.png"
    more = {"stats": [], "verify": ["--workers", "1"], "preview": ["--n", "99", "--out", str(sheet)]}
    code = main([command, str(out), *more[command]])
    said = capsys.readouterr()
    if command == "verify":
        assert code == 1
        assert f"000001_01: {stray!r} is no file inside the dataset" in said.out
    else:
        assert code == 2
        assert f"manifest.csv: row 000001_01: {stray!r} is no file inside" in said.err.splitlines()[-1]
        assert not sheet.exists()


def test_training_and_evaluation_refuse_in_one_line(built_once: Path, tmp_path: Path, victim: Path):
    from unmask.datagen.dataset.built_rows import read_rows
    from unmask.model.evaluation.items import open_eval_set
    from unmask.model.evaluation.options import EvalOptions

    out = Path(shutil.copytree(built_once, tmp_path / "out"))
    tell(out / "manifest.csv", clean="../victim.png")
    words = r"manifest\.csv: row 000001_01: '\.\./victim\.png' is no file inside"
    with pytest.raises(UserError, match="^data .*" + words):
        read_rows(out)
    with pytest.raises(UserError, match="^data .*" + words):
        open_eval_set(EvalOptions(out, tmp_path / "report", split="all"))


@pytest.mark.parametrize("existing", ["resume", "overwrite"])
@pytest.mark.parametrize("place", ["masked", "map", "clean"])
def test_a_picture_folder_that_is_a_link_elsewhere_is_refused(
    options: Options, tmp_path: Path, place: str, existing: str
):
    build(options())
    out, elsewhere = options().out, tmp_path / "elsewhere"
    (out / place).rename(elsewhere)
    (out / place).symlink_to(elsewhere)
    (elsewhere / "half.png.part").write_bytes(b"precious")
    before = {path.name: path.read_bytes() for path in elsewhere.iterdir()}
    with pytest.raises(UserError, match=f"out .*: {place} is a link that leads out of it"):
        build(options(existing=existing))
    assert {path.name: path.read_bytes() for path in elsewhere.iterdir()} == before


@pytest.mark.parametrize("existing", ["resume", "overwrite"])
def test_a_journal_that_is_a_link_elsewhere_is_not_cut(
    options: Options, interrupted: Path, tmp_path: Path, existing: str
):
    (tmp_path / "diary.txt").write_text("precious")
    (interrupted / JOURNAL_NAME).unlink()
    (interrupted / JOURNAL_NAME).symlink_to(tmp_path / "diary.txt")
    with pytest.raises(UserError, match=r"^out .*: \.journal\.jsonl is a link that leads out of it"):
        build(options(existing=existing))
    assert (tmp_path / "diary.txt").read_text() == "precious"


def test_overwrite_spares_pictures_that_no_table_names(options: Options, interrupted: Path, tree):
    mine = ("masked/my_notes.png", "clean/portrait.jpg", "map/sub/a.png", "layers/plan.png")
    for name in mine:
        (interrupted / name).parent.mkdir(exist_ok=True)
        (interrupted / name).write_bytes(b"precious")
    for _ in "ab":  # over a build that was stopped, and over a finished one
        build(options(existing="overwrite", seed=9, limit=1))
        left = tree(interrupted)
        assert all(left[name] == b"precious" for name in mine)
        pictures = {"masked/000001_00.png", "map/000001_00.png", "clean/000001.jpg"}
        assert set(left) == {*mine, *pictures, "manifest.csv", "landmarks.csv", "build.json"}


def test_overwrite_removes_what_a_killed_build_had_written_and_not_yet_noted(
    options: Options, monkeypatch: pytest.MonkeyPatch, tree
):
    class KilledError(Exception):
        pass

    def die(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(worker, "remove_stale", die)  # all pictures are written, no record is
        with pytest.raises(KilledError):
            build(options(layers=True))
    assert len(list(options().out.glob("masked/*.png"))) > 1
    build(options(limit=1, existing="overwrite"))
    assert verify(options().out) == []
    assert len(list(options().out.glob("masked/*.png"))) == 1


CELEBA = {
    "img_align_celeba/000001.jpg": b"a photograph",
    "list_attr_celeba.txt": b"202599\n5_o_Clock_Shadow\n000001.jpg -1\n",
    "identity_CelebA.txt": b"000001.jpg 2880\n",
    "landmarks.csv": b"source\n",
}


@pytest.mark.parametrize(
    "names",
    [
        tuple(CELEBA),
        ("img_align_celeba/000001.jpg",),
        ("identity_CelebA.txt",),
        ("thesis.txt",),
        ("img_align_celeba/notes.txt",),
        (".hidden",),
    ],
)
def test_the_drawn_faces_are_never_written_over_anything_else(tmp_path: Path, capsys, names: tuple[str, ...]):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(CELEBA.get(name, b"precious"))
    assert main(["demo", str(tmp_path), "--count", "2"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {tmp_path}: ")
    assert len(said.splitlines()) == 1
    left = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(left) == sorted(names)
    assert all((tmp_path / name).read_bytes() == CELEBA.get(name, b"precious") for name in names)


def test_other_drawn_faces_are_refused_and_a_folder_of_these_grows(tmp_path: Path):
    write_demo(tmp_path / "a", 1)
    with pytest.raises(UserError, match=r"its .* is not that of these drawn faces"):
        write_demo(tmp_path / "a", 1, seed=1)
    (tmp_path / "a" / "notes.txt").write_text("mine")
    write_demo(tmp_path / "a", 2)
    write_demo(tmp_path / "b", 2)
    made = {path.name: path.read_bytes() for path in (tmp_path / "a").rglob("*.*")}
    assert made.pop("notes.txt") == b"mine"
    assert made == {path.name: path.read_bytes() for path in (tmp_path / "b").rglob("*.*")}


def test_drawn_faces_that_a_kill_stopped_are_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from unmask.datagen.drawn_faces import demo

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(demo, "encode_jpg", die)
        with pytest.raises(KeyboardInterrupt):
            write_demo(tmp_path, 1)
    assert write_demo(tmp_path, 1) == 1


def test_a_linked_picture_folder_is_not_drawn_into(tmp_path: Path):
    (tmp_path / "photos").mkdir()
    write_demo(tmp_path / "demo", 1)
    shutil.rmtree(tmp_path / "demo" / "img_align_celeba")
    (tmp_path / "demo" / "img_align_celeba").symlink_to(tmp_path / "photos")
    with pytest.raises(UserError, match="no drawn faces"):
        write_demo(tmp_path / "demo", 1)
    assert not any((tmp_path / "photos").iterdir())
