import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from unmask.datagen.common import work_folder
from unmask.datagen.common.errors import UserError
from unmask.datagen.common.work_folder import WorkFolder
from unmask.model.checkpoints.card import find_checkpoint
from unmask.model.checkpoints.checkpoint import save_checkpoint
from unmask.model.common import environment
from unmask.model.common.environment import git_revision
from unmask.model.training.folder import RunFolder

CONFIG: dict[str, Any] = {
    "module": "edit",
    "preset": "fidelity",
    "data": {"source": Path("faces"), "seed": 1, "sizes": (128, 128), "holdout": None},
    "budget": {"minutes": 20.0, "images": None},
}


def changed(**leaves: Any) -> dict[str, Any]:
    config = {**CONFIG, "data": dict(CONFIG["data"]), "budget": dict(CONFIG["budget"])}
    for key, value in leaves.items():
        section, _, name = key.rpartition("__")
        (config[section] if section else config)[name] = value
    return config


def files(run: Path) -> dict[str, bytes]:
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in run.rglob("*") if path.is_file()}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with everything that a training leaves."""
    path = tmp_path / "runs" / "a"
    folder = RunFolder(path)
    assert folder.prepare(CONFIG, "resume") is False
    folder.write_environment()
    folder.open_log(("step", "loss")).append({"step": 1, "loss": 0.5})
    for name in ("last", "best"):
        save_checkpoint(path / name, {"w": torch.ones(1)}, {"network": {}}, {"step": 1})
    for name in ("samples/000000100.png", "samples/000000200.png.part", "tensorboard/events.out.tfevents.1"):
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_bytes(b"x")
    return path


def test_a_new_folder_is_made_and_holds_the_resolved_options(run: Path):
    content = json.loads((run / "config.json").read_text())
    assert content["options"]["data"] == {"source": "faces", "seed": 1, "sizes": [128, 128], "holdout": None}
    assert "unmask" in content["toolkit"]
    assert RunFolder(run).read_config() == content["options"]


@pytest.mark.parametrize("existing", ["resume", "overwrite", "fail"])
def test_an_empty_folder_or_one_of_a_start_killed_at_once_is_new(tmp_path: Path, existing: str):
    (tmp_path / ".lock").touch()
    (tmp_path / "config.json.part").write_text("{")
    assert RunFolder(tmp_path).prepare(CONFIG, existing) is False
    assert RunFolder(tmp_path).read_config() is not None


def test_the_same_configuration_resumes_and_changes_no_file(run: Path):
    before = files(run)
    assert RunFolder(run).prepare(CONFIG, "resume") is True
    assert files(run) == before


def test_another_configuration_is_refused_in_one_line_with_every_key_old_and_new(run: Path):
    before = files(run)
    now = changed(data__seed=2, data__holdout=["scarf"])
    del now["preset"]
    with pytest.raises(UserError) as caught:
        RunFolder(run).prepare({**now, "width": 24}, "resume")
    assert str(caught.value) == (
        f"run {run}: holds a run of another configuration: `data.seed` was 1, now 2; "
        "`data.holdout` was unset, now scarf; `width` was unset, now 24; `preset` was fidelity, now unset; "
        "give another folder or `existing` overwrite"
    )
    assert files(run) == before


def test_of_the_other_module_s_run_only_that_is_said(run: Path):
    with pytest.raises(UserError, match=r"configuration: module was edit, now map; give another folder"):
        RunFolder(run).check(changed(module="map", preset="paper"), "resume")


def test_an_option_that_was_not_there_and_is_not_used_is_no_difference(run: Path):
    assert RunFolder(run).prepare({**changed(), "vgg19": None}, "resume") is True


def test_free_keys_may_differ_one_by_one_or_as_a_section_and_the_new_ones_are_noted(run: Path):
    now = changed(budget__minutes=40.0, data__source="/moved/faces")
    with pytest.raises(UserError, match=r"configuration: `data\.source` was faces, now /moved/faces; give"):
        RunFolder(run).prepare(now, "resume", {"budget"})
    assert RunFolder(run).prepare(now, "resume", {"budget", "data.source"}) is True
    options = RunFolder(run).read_config()
    assert options is not None
    assert options["budget"]["minutes"] == 40.0


def test_a_key_that_only_begins_like_a_free_one_is_not_free(run: Path):
    with pytest.raises(UserError, match=r"`data\.seed` was 1, now 2"):
        RunFolder(run).prepare(changed(data__seed=2), "resume", {"data.se", "dat"})


def test_on_and_one_are_not_the_same(tmp_path: Path):
    RunFolder(tmp_path).prepare({"compile": True}, "resume")
    with pytest.raises(UserError, match="`compile` was True, now 1"):
        RunFolder(tmp_path).prepare({"compile": 1}, "resume")


def test_fail_refuses_a_run_and_changes_nothing(run: Path):
    before = files(run)
    with pytest.raises(UserError, match=r"run .*: holds a run, and `existing` fail was given"):
        RunFolder(run).prepare(CONFIG, "fail")
    assert files(run) == before


def test_overwrite_removes_what_the_toolkit_wrote_and_nothing_else(run: Path):
    mine = ("notes.txt", "samples/paper.svg", "tensorboard/mine.txt", "figures/a.png", "last/mine.txt")
    for name in mine:
        (run / name).parent.mkdir(exist_ok=True)
        (run / name).write_bytes(b"precious")
    for name in (".last.new", ".last.old", ".best.new"):
        (run / name).mkdir()
        (run / name / "model.safetensors").touch()
    assert RunFolder(run).prepare(changed(preset="paper"), "overwrite") is False
    left = files(run)
    options = RunFolder(run).read_config()
    assert options is not None
    assert options["preset"] == "paper"
    assert set(left) == {*mine, "config.json"}
    assert all(left[name] == b"precious" for name in mine)
    assert not (run / "best").exists()
    assert not any((run / name).exists() for name in (".last.new", ".last.old", ".best.new"))


def test_overwrite_spares_pictures_that_are_no_samples_and_follows_no_link(run: Path, tmp_path: Path):
    (run / "samples" / "my_figure.png").write_bytes(b"precious")
    RunFolder(run).prepare(CONFIG, "overwrite")
    assert (run / "samples" / "my_figure.png").read_bytes() == b"precious"
    (run / "samples").rename(tmp_path / "elsewhere")
    (run / "samples").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "000000100.png").write_bytes(b"precious")
    for existing in ("resume", "overwrite"):
        with pytest.raises(UserError, match=r"run .*: samples is a link that leads out of it"):
            RunFolder(run).prepare(CONFIG, existing)
    assert len(list((tmp_path / "elsewhere").iterdir())) == 2


def test_after_overwrite_there_is_no_checkpoint_even_where_a_foreign_file_keeps_its_folder(run: Path):
    (run / "last" / ".DS_Store").touch()
    RunFolder(run).prepare(CONFIG, "overwrite")
    assert find_checkpoint(run) is None
    save_checkpoint(run / "last", {"w": torch.ones(1)}, {"network": {}}, None)
    assert find_checkpoint(run) == run / "last"


@pytest.mark.parametrize("existing", ["resume", "overwrite", "fail"])
@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("thesis.txt", "precious", "has files but no config.json, so it is no run of this toolkit"),
        ("config.json", '{"model_type": "bert"}', "config.json: not written by this toolkit"),
        ("config.json", "[]", "config.json: not written by this toolkit"),
        ("config.json", '{"toolkit"', "config.json: damaged"),
    ],
)
def test_a_folder_that_is_no_run_is_left_alone(
    tmp_path: Path, existing: str, name: str, content: str, words: str
):
    (tmp_path / name).write_text(content)
    folder = RunFolder(tmp_path)
    with pytest.raises(UserError) as caught, folder.lock():
        raise AssertionError("got the lock")
    assert words in str(caught.value)
    with pytest.raises(UserError) as caught:
        folder.prepare(CONFIG, existing)
    assert words in str(caught.value)
    assert files(tmp_path) == {name: content.encode()}


def test_a_run_that_is_a_file_or_lies_below_one_is_refused(tmp_path: Path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(UserError, match=f"run {path}: cannot be written"), RunFolder(path).lock():
            raise AssertionError("got the lock")


def test_a_folder_is_locked_for_one_training_at_a_time(run: Path):
    with RunFolder(run).lock(), pytest.raises(UserError, match="another training"), RunFolder(run).lock():
        raise AssertionError("got the lock")
    with RunFolder(run).lock():
        assert RunFolder(run).prepare(CONFIG, "resume") is True


def test_an_error_inside_lets_the_lock_go(run: Path):
    with pytest.raises(ZeroDivisionError), RunFolder(run).lock():
        raise ZeroDivisionError
    with RunFolder(run).lock():
        pass


def test_a_kill_in_the_middle_of_overwrite_leaves_a_folder_that_is_known(
    run: Path, monkeypatch: pytest.MonkeyPatch
):
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(WorkFolder, "remove_parts", die)
        with pytest.raises(KeyboardInterrupt):
            RunFolder(run).prepare(changed(preset="paper"), "overwrite")
    options = RunFolder(run).read_config()
    assert options is not None
    assert options["preset"] == "fidelity"  # the old name for the old weights
    assert RunFolder(run).prepare(changed(preset="paper"), "overwrite") is False


def test_no_space_for_the_configuration_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(work_folder, "write_atomic", full)
    with pytest.raises(UserError, match=r"run .*: cannot write \(config.json\): No space left on device"):
        RunFolder(tmp_path).prepare(CONFIG, "resume")


def test_the_environment_says_what_the_run_had_and_each_resume_adds_itself(
    run: Path, monkeypatch: pytest.MonkeyPatch
):
    first = json.loads((run / "environment.json").read_text())
    assert first["versions"]["torch"].startswith(torch.__version__.split("+")[0])
    assert all(first["versions"][name] for name in ("unmask", "numpy", "cv2", "safetensors"))
    assert first["threads"] == torch.get_num_threads()
    assert first["cpu"]
    assert first["command"] == sys.argv
    assert first["started"].endswith("+00:00")
    assert first["sessions"] == []
    for command in (["unmask-train", "map", "again"], ["unmask-train", "map", "third"]):
        monkeypatch.setattr(sys, "argv", command)
        RunFolder(run).write_environment()
    content = json.loads((run / "environment.json").read_text())
    assert [session["command"][2] for session in content.pop("sessions")] == ["again", "third"]
    del first["sessions"]
    assert content == first


def test_the_git_revision_is_the_toolkits_own_and_says_when_something_is_changed(tmp_path: Path):
    def git(*arguments: str) -> str:
        names = {f"GIT_{role}_{what}": "x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        command = ["git", "-C", str(tmp_path), *arguments]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, env=os.environ | names
        ).stdout

    git("init", "-q")
    (tmp_path / "ours.py").write_text("1")
    (tmp_path / "foreign.py").write_text("1")
    git("add", "ours.py")
    git("commit", "-q", "-m", "x")
    head = git("rev-parse", "HEAD").strip()
    assert git_revision(tmp_path / "ours.py") == head
    assert git_revision(tmp_path / "foreign.py") is None  # as an installed package in somebody's repository
    (tmp_path / "ours.py").write_text("2")
    assert git_revision(tmp_path / "ours.py") == f"{head}-dirty"


def test_without_git_there_is_no_revision(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    assert git_revision(Path(environment.__file__)) is None


def test_the_log_is_read_through_the_folder(run: Path):
    assert RunFolder(run).read_log() == [{"step": 1, "loss": 0.5}]
    assert RunFolder(run / "none").read_log() == []
