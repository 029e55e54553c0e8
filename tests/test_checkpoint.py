import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from unmask.datagen.common.errors import UserError
from unmask.model.checkpoints import checkpoint
from unmask.model.checkpoints.card import FILE_NAMES, find_checkpoint, load_card, resolve_model
from unmask.model.checkpoints.checkpoint import load_model, load_state, load_weights, save_checkpoint
from unmask.model.networks.networks import build_network
from unmask.model.networks.spec import NetworkSpec

SPEC = NetworkSpec("map", "compact", 4)
STATE_FILES = ("state.safetensors", "state.json")


def save(folder: Path, value: float, kind: str = "map", state: bool = True) -> None:
    card = {"network": {"kind": kind, "name": "compact", "width": 4}, "step": value}
    weights = {"w": torch.full((3,), value)}
    content = {"step": value, "optimiser": {"state": {0: {"mean": torch.full((2,), value)}}}}
    save_checkpoint(folder, weights, card, content if state else None)


def value_of(folder: Path) -> float:
    """The value that `save` was given, after checking that every file has the same."""
    state = load_state(folder)
    values = {
        load_card(folder)["step"],
        state["step"],
        load_weights(folder)["w"][0].item(),
        state["optimiser"]["state"][0]["mean"][1].item(),
    }
    (value,) = values
    return value


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(1)
    return build_network(SPEC)


def test_a_checkpoint_is_four_plain_files_and_comes_back(tmp_path: Path):
    save(tmp_path / "last", 1.0)
    assert sorted(path.name for path in (tmp_path / "last").iterdir()) == sorted(FILE_NAMES)
    assert value_of(tmp_path / "last") == 1.0
    assert find_checkpoint(tmp_path) == tmp_path / "last"
    assert [path.name for path in tmp_path.iterdir()] == ["last"]


def test_a_checkpoint_without_state_is_the_model_alone(tmp_path: Path):
    save(tmp_path / "best", 2.0, state=False)
    assert sorted(path.name for path in (tmp_path / "best").iterdir()) == ["model.json", "model.safetensors"]
    assert load_weights(tmp_path / "best")["w"].tolist() == [2.0] * 3
    with pytest.raises(UserError, match=r"best/state\.json: cannot be read"):
        load_state(tmp_path / "best")


def test_saving_again_replaces_every_file_of_the_earlier_one(tmp_path: Path):
    save(tmp_path / "last", 1.0)
    save(tmp_path / "last", 2.0, state=False)
    assert not (tmp_path / "last" / "state.json").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["last"]


def test_what_other_people_put_into_a_checkpoint_goes_on_beside_the_next_one(tmp_path: Path):
    save(tmp_path / "last", 1)
    (tmp_path / "last" / "notes.txt").write_text("mine")
    (tmp_path / "last" / "plots").mkdir()
    (tmp_path / "last" / "plots" / "a.png").write_bytes(b"mine")
    save(tmp_path / "last", 2)
    save(tmp_path / "last", 3)
    assert value_of(tmp_path / "last") == 3
    assert (tmp_path / "last" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "last" / "plots" / "a.png").read_bytes() == b"mine"


def test_there_is_no_checkpoint_in_a_new_folder_nor_of_another_name(tmp_path: Path):
    assert find_checkpoint(tmp_path / "nowhere") is None
    save(tmp_path / "last", 1.0)
    assert find_checkpoint(tmp_path, "best") is None


class Killed(BaseException):
    pass


class Killer:
    """Ends the process, as far as the disk can tell, at one step of the file system's work.

    Later steps fail too, since a killed process cleans nothing up; a file being written is left half.
    """

    def __init__(self, patch: pytest.MonkeyPatch, at: int) -> None:
        self.left = at
        for name in ("mkdir", "rename", "unlink", "rmdir"):
            patch.setattr(os, name, self.dying(getattr(os, name)))
        patch.setattr(os, "fsync", self.dying(lambda descriptor: None))
        patch.setattr(checkpoint, "write_synced", self.write)

    def is_dead(self) -> bool:
        self.left -= 1
        return self.left < 0

    def dying(self, call: Callable[..., object]) -> Callable[..., object]:
        def step(*args: object, **kwargs: object) -> object:
            if self.is_dead():
                raise Killed
            return call(*args, **kwargs)

        return step

    def write(self, path: Path, data: bytes) -> None:
        if self.left >= 0:
            path.write_bytes(data[: len(data) // 2])
        if self.is_dead():
            raise Killed
        path.write_bytes(data)


def killed_save(folder: Path, value: float, at: int) -> bool:
    with pytest.MonkeyPatch.context() as patch:
        Killer(patch, at)
        try:
            save(folder, value)
        except Killed:
            return True
    return False


def test_killed_at_any_step_the_old_or_the_new_checkpoint_is_there_whole(tmp_path: Path):
    values = []
    for at in range(1000):
        run = tmp_path / str(at)
        run.mkdir()
        save(run / "last", 1.0)
        killed = killed_save(run / "last", 2.0, at)
        found = find_checkpoint(run)
        assert found is not None, at
        values.append(value_of(found))
        save(run / "last", 3.0)
        assert find_checkpoint(run) == run / "last"
        assert value_of(run / "last") == 3.0
        assert [path.name for path in run.iterdir()] == ["last"], at
        if not killed:
            break
    assert values == sorted(values)
    assert {1.0, 2.0} == set(values)
    assert len(values) > 12  # a folder, four files, two renames, the removal of five entries


def test_killed_again_while_mending_an_earlier_kill_there_is_still_a_whole_one(tmp_path: Path):
    tried = 0
    for at in range(1000):
        left = tmp_path / str(at)
        left.mkdir()
        save(left / "last", 1.0)
        killed = killed_save(left / "last", 2.0, at)
        found = find_checkpoint(left)
        assert found is not None
        value = value_of(found)
        for again in range(1000):
            run = tmp_path / f"{at}_{again}"
            shutil.copytree(left, run)
            killed_again = killed_save(run / "last", 3.0, again)
            found = find_checkpoint(run)
            assert found is not None, (at, again)
            assert value_of(found) in (value, 3.0), (at, again)  # never back to an older one
            tried += 1
            if not killed_again:
                break
        if not killed:
            break
    assert tried > 150


def test_killed_while_the_first_checkpoint_is_written_there_is_none_or_a_whole_one(tmp_path: Path):
    found = []
    for at in range(1000):
        run = tmp_path / str(at)
        run.mkdir()
        killed = killed_save(run / "last", 1.0, at)
        found.append(find_checkpoint(run))
        if found[-1] is not None:
            assert value_of(found[-1]) == 1.0
        save(run / "last", 2.0)
        assert [path.name for path in run.iterdir()] == ["last"]
        if not killed:
            break
    assert found[0] is None
    assert found[-1] is not None


def test_finding_a_checkpoint_changes_nothing_so_that_a_run_in_training_can_be_looked_at(tmp_path: Path):
    for name in ("last", ".last.new", ".last.old"):
        save(tmp_path / "made", 1.0)
        (tmp_path / "made").rename(tmp_path / name)
    before = sorted(path.name for path in tmp_path.iterdir())
    assert find_checkpoint(tmp_path) == tmp_path / "last"
    (tmp_path / "last").rename(tmp_path / "away")
    assert find_checkpoint(tmp_path) == tmp_path / ".last.new"
    (tmp_path / "away").rename(tmp_path / "last")
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize("full_at", range(4))
def test_a_full_disk_is_said_in_one_line_and_the_last_good_checkpoint_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full_at: int
):
    save(tmp_path / "last", 1.0)
    written: list[Path] = []
    write = checkpoint.write_synced

    def fill(path: Path, data: bytes) -> None:
        if len(written) == full_at:
            path.write_bytes(data[:5])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(path)
        write(path, data)

    monkeypatch.setattr(checkpoint, "write_synced", fill)
    with pytest.raises(UserError) as caught:
        save(tmp_path / "last", 2.0)
    message = str(caught.value)
    assert message.startswith(f"run {tmp_path}: no space for a checkpoint (No space left on device, ")
    assert "\n" not in message
    assert [path.name for path in tmp_path.iterdir()] == ["last"]
    assert value_of(tmp_path / "last") == 1.0


@pytest.mark.parametrize("failing", [0, 1])
def test_a_refused_rename_leaves_the_earlier_checkpoint_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
):
    save(tmp_path / "last", 1.0)
    rename, calls = os.rename, []

    def refuse(*args: object) -> None:
        calls.append(args)
        if len(calls) == failing + 1:
            raise PermissionError(errno.EACCES, "Permission denied")
        rename(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(UserError, match=r"^run .*: cannot write a checkpoint \(Permission denied\)"):
        save(tmp_path / "last", 2.0)
    assert value_of(tmp_path / "last") == 1.0
    assert [path.name for path in tmp_path.iterdir()] == ["last"]


def test_a_run_folder_that_went_away_is_said_in_one_line(tmp_path: Path):
    with pytest.raises(
        UserError, match=r"^run .*gone: cannot write a checkpoint \(No such file or directory\)"
    ):
        save(tmp_path / "gone" / "last", 1.0)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def change(path: Path) -> None:
    path.write_text(path.read_text().replace("1.0", "1.5"))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def no_object(path: Path) -> None:
    path.write_text("[]")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *((name, damage) for name in FILE_NAMES for damage in (cut, empty, Path.unlink)),
        ("model.safetensors", flip),
        ("state.safetensors", flip),
        ("state.json", change),
        ("model.json", no_object),
        ("state.json", no_object),
    ],
)
def test_a_damaged_file_is_named_in_one_line(tmp_path: Path, name: str, damage: Callable[[Path], None]):
    save(tmp_path / "last", 1.0)
    damage(tmp_path / "last" / name)
    assert (
        find_checkpoint(tmp_path) == tmp_path / "last"
    )  # damaged, not absent: training must not start afresh
    with pytest.raises(UserError) as caught:
        value_of(tmp_path / "last")
    assert str(caught.value).startswith(f"{tmp_path / 'last' / name}: ")
    assert "\n" not in str(caught.value)


def test_the_weights_of_another_checkpoint_are_refused(tmp_path: Path):
    save(tmp_path / "a", 1.0)
    save(tmp_path / "b", 2.0)
    (tmp_path / "a" / "model.safetensors").write_bytes((tmp_path / "b" / "model.safetensors").read_bytes())
    with pytest.raises(UserError, match=r"a/model\.safetensors: damaged \(its sha256"):
        load_weights(tmp_path / "a")


def test_a_model_json_of_somebody_else_is_refused(tmp_path: Path):
    (tmp_path / "model.json").write_text('{"architecture": "bert"}')
    with pytest.raises(UserError, match=r"model\.json: not written by this toolkit"):
        load_card(tmp_path)


def test_a_file_that_is_no_safetensors_is_refused_even_with_its_hash_noted(tmp_path: Path):
    save(tmp_path / "last", 1.0)
    (tmp_path / "last" / "model.safetensors").write_bytes(b"")
    card = json.loads((tmp_path / "last" / "model.json").read_text())
    card["sha256"] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # of nothing
    (tmp_path / "last" / "model.json").write_text(json.dumps(card))
    with pytest.raises(UserError, match=r"model\.safetensors: no safetensors file"):
        load_weights(tmp_path / "last")


def test_a_model_is_found_by_run_checkpoint_or_file_and_best_goes_before_last(tmp_path: Path):
    save(tmp_path / "last", 1.0)
    assert resolve_model(tmp_path, "map") == tmp_path / "last"
    save(tmp_path / "best", 2.0, state=False)
    assert resolve_model(tmp_path, "map") == tmp_path / "best"
    assert resolve_model(tmp_path / "last", "map") == tmp_path / "last"
    file = tmp_path / "best" / "model.safetensors"
    assert load_weights(resolve_model(file, "map"))["w"].tolist() == [2.0] * 3
    assert load_card(resolve_model(file, "map"))["step"] == 2.0


def test_a_model_file_of_any_name_needs_its_card_beside_it(tmp_path: Path):
    save(tmp_path / "best", 2.0)
    (tmp_path / "best" / "model.safetensors").rename(tmp_path / "mine.safetensors")
    with pytest.raises(UserError, match=r"mine\.json: cannot be read"):
        resolve_model(tmp_path / "mine.safetensors", "map")
    (tmp_path / "best" / "model.json").rename(tmp_path / "mine.json")
    assert load_weights(resolve_model(tmp_path / "mine.safetensors", "map"))["w"].tolist() == [2.0] * 3


def test_the_other_module_is_refused_by_name(tmp_path: Path):
    save(tmp_path / "last", 1.0)
    with pytest.raises(UserError) as caught:
        resolve_model(tmp_path, "edit")
    assert str(caught.value) == f"expected an Editing Module, {tmp_path} is a Map Module"
    save(tmp_path / "last", 1.0, kind="edit")
    with pytest.raises(UserError, match=r"expected a Map Module, .* is an Editing Module"):
        resolve_model(tmp_path, "map")


@pytest.mark.parametrize(
    ("name", "words"), [("nowhere", "no such file"), (".", "holds no model"), ("a.txt", "is no")]
)
def test_a_path_without_a_model_is_refused_with_what_was_expected(tmp_path: Path, name: str, words: str):
    (tmp_path / "a.txt").write_text("mine")
    with pytest.raises(UserError, match=f"{words}.*expected a run folder, a checkpoint folder or a "):
        resolve_model(tmp_path / name, "map")


def save_network(folder: Path, network: nn.Module, spec: NetworkSpec = SPEC) -> dict[str, Tensor]:
    weights = network.state_dict()
    save_checkpoint(folder, weights, {"network": spec.to_dict()}, None)
    return weights


def test_a_loaded_model_gives_the_same_bits_in_evaluation_mode(tmp_path: Path, network: nn.Module):
    save_network(tmp_path / "best", network.to(memory_format=torch.channels_last))
    picture = torch.rand(1, 3, 32, 48)
    before = torch.get_rng_state()
    loaded, card = load_model(tmp_path, "map")
    assert torch.equal(torch.get_rng_state(), before)
    assert NetworkSpec.from_dict(card["network"]) == SPEC
    assert not any(part.training for part in loaded.modules())
    with torch.no_grad():
        assert torch.equal(loaded(picture), network.to(memory_format=torch.contiguous_format).eval()(picture))


@pytest.mark.parametrize(
    ("description", "words"),
    [
        (
            {"kind": "map", "name": "compact"},
            "model.json: not written by this toolkit (card.network.width",
        ),
        (
            {"kind": "map", "name": "compact", "width": 8},
            "model.safetensors: not the weights of network map/compact",
        ),
        ({"kind": "map", "name": "huge", "width": 8}, "network map/huge is not known"),
    ],
)
def test_a_card_that_does_not_fit_its_weights_is_refused(
    tmp_path: Path, network: nn.Module, description: dict[str, object], words: str
):
    save_checkpoint(tmp_path / "best", network.state_dict(), {"network": description}, None)
    with pytest.raises(UserError) as caught:
        load_model(tmp_path, "map")
    assert words in str(caught.value)
