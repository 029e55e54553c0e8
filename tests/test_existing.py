from collections.abc import Callable
from pathlib import Path

import pytest

from unmask.datagen.common.errors import UserError
from unmask.datagen.common.work_folder import WorkFolder
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.folder import DATASET
from unmask.datagen.dataset.options import BuildOptions

Options = Callable[..., BuildOptions]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 2}, "`seed` was 1, now 2"),
        ({"size": (64, 64)}, "`size` was unset, now 64x64"),
        ({"format": "jpg"}, "`format` was png, now jpg"),
        ({"faces": "largest"}, "`faces` was all, now largest"),
        ({"layers": True}, "`layers` was False, now True"),
        ({"families": ("surgical",)}, "`templates`, `textures` or `families`"),
        ({"landmarks": None}, "another `landmarks`"),
        ({"source": "demo"}, "`source`"),
    ],
)
def test_another_configuration_is_refused_in_one_line_that_says_what_differs(
    options: Options, interrupted: Path, tree, changes: dict[str, object], words: str
):
    before = tree(interrupted)
    with pytest.raises(UserError) as caught:
        build(options(**changes))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert tree(interrupted) == before


def test_another_recipe_and_fewer_variants_are_refused(options: Options, tmp_path: Path):
    build(options(variants=2, limit=1))
    (tmp_path / "mine.toml").write_text("[worn.states]\nproper = 1\n")
    with pytest.raises(UserError, match="`variants` was 2, now 1"):
        build(options(limit=1))
    with pytest.raises(UserError, match="another `recipe`"):
        build(options(variants=2, limit=1, recipe=str(tmp_path / "mine.toml")))


def test_overwrite_starts_again_and_spares_what_is_not_ours(
    options: Options, interrupted: Path, tmp_path: Path, tree
):
    (interrupted / "masked" / "notes.txt").write_text("mine")
    (interrupted / "todo.txt").write_text("mine")
    build(options(seed=9, existing="overwrite", limit=2))
    build(options(seed=9, out=tmp_path / "fresh", limit=2))
    left = tree(interrupted)
    assert left.pop("masked/notes.txt") == left.pop("todo.txt") == b"mine"
    assert left == tree(tmp_path / "fresh")


@pytest.mark.parametrize("existing", ["resume", "overwrite", "fail"])
def test_a_folder_that_is_no_dataset_is_left_alone(options: Options, existing: str):
    out = options().out
    out.mkdir()
    (out / "thesis.txt").write_text("precious")
    with pytest.raises(UserError, match=r"out .*(no dataset|not empty)"):
        build(options(existing=existing))
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("content", ["{", "[]", '{"name": "somebody else\'s"}'])
def test_a_foreign_build_json_is_left_alone(options: Options, content: str):
    out = options().out
    out.mkdir()
    (out / "build.json").write_text(content)
    for existing in ("resume", "overwrite"):
        with pytest.raises(UserError, match=r"build.json"):
            build(options(existing=existing))


def test_fail_refuses_a_finished_build_and_takes_an_empty_folder(options: Options):
    options().out.mkdir()
    build(options(existing="fail", limit=1))
    with pytest.raises(UserError, match="`existing` fail"):
        build(options(existing="fail", limit=1))


def test_a_second_build_in_the_same_folder_is_refused(options: Options, interrupted: Path):
    held = WorkFolder(interrupted, DATASET).lock()
    with held, pytest.raises(UserError, match=r"another build \(process \d+\) is writing"):
        build(options())
    assert build(options()).counts["ok"] == 6
