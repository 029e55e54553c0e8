"""Models on a stand-in of the Hugging Face Hub's HTTP API: pushed, fetched, kept, refused."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import huggingface_hub.constants
import pytest
import torch
from hub_stand_in import HubStandIn, hub_in_this_process

import unmask
from unmask.datagen.common.errors import UserError
from unmask.model.checkpoints.hub import HubPlace, expect_place, fetch_model, hub_place
from unmask.model.checkpoints.shipped import find_weights, shipped_weights
from unmask.model.export.push import hub_page, push_to_hub

NAME = "some-one/lifts_masks"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubStandIn]:
    """One that `huggingface_hub` in this process talks to, with a cache of its own."""
    with hub_in_this_process(monkeypatch, tmp_path / "kept") as opened:
        yield opened


def test_what_was_pushed_is_loaded_by_its_name(hub: HubStandIn):
    assert f"/{NAME}/commit/" in push_to_hub("compact", NAME)
    files = hub.repositories[NAME]["main"]
    assert sorted(files) == ["README.md", "model.json", "model.safetensors"]
    assert f"hf://{NAME}" in files["README.md"].decode()
    network, card = unmask.load_model(f"hf://{NAME}")
    assert card == json.loads(files["model.json"])
    theirs = unmask.load_model("compact")[0].state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in network.state_dict().items())


def test_a_page_that_somebody_wrote_stays(hub: HubStandIn):
    hub.commit(NAME, {"README.md": b"mine"})
    push_to_hub("compact", NAME)
    assert hub.repositories[NAME]["main"]["README.md"] == b"mine"


def test_several_modules_in_one_repository_and_a_branch(hub: HubStandIn):
    push_to_hub("compact", f"{NAME}/small-map@dev")
    assert unmask.load_model(f"hf://{NAME}/small-map@dev")[1]["network"]["kind"] == "map"
    assert "small-map/model.safetensors" in hub.repositories[NAME]["dev"]
    assert not hub.repositories[NAME]["main"]


def test_weights_and_card_are_of_one_commit(hub: HubStandIn):
    hub.commit(NAME, model_files())
    older = find_weights(f"hf://{NAME}")
    hub.commit(NAME, {"model.json": b"{}"})
    fetch_model.cache_clear()
    newer = find_weights(f"hf://{NAME}")
    assert newer != older
    assert (older / "model.json").read_bytes() == model_files()["model.json"]
    assert (newer / "model.json").read_bytes() == b"{}"


def test_what_was_fetched_is_kept_for_when_the_hub_is_away(hub: HubStandIn, monkeypatch: pytest.MonkeyPatch):
    hub.commit(NAME, model_files())
    first = find_weights(f"hf://{NAME}")
    fetch_model.cache_clear()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    asked = len(hub.asked)
    assert find_weights(f"hf://{NAME}") == first
    assert len(hub.asked) == asked


@pytest.mark.parametrize(
    ("files", "refuse", "words"),
    [
        (None, 0, "no such repository, or a private one and no HF_TOKEN"),
        ({"README.md": b"nothing"}, 0, "has no model.safetensors with a model.json"),
        ({"model.json": b"{}"}, 0, "has no model.safetensors with a model.json"),
        ({"model.safetensors": b"x", "model.json": b"[1]"}, 0, "model.json"),
        ({"model.safetensors": b"x", "model.json": b"{}"}, 403, "the Hub"),
    ],
    ids=["nobody", "no model", "no weights", "no card", "refused"],
)
def test_what_is_wrong_is_one_line(hub: HubStandIn, files: dict[str, bytes] | None, refuse: int, words: str):
    if files is not None:
        hub.commit(NAME, files)
    hub.refuse = refuse
    with pytest.raises(UserError, match=words) as caught:
        unmask.load_model(f"hf://{NAME}")
    assert len(str(caught.value).splitlines()) == 1


def test_pushing_to_a_hub_that_refuses_is_one_line(hub: HubStandIn):
    hub.refuse = 403
    with pytest.raises(UserError, match=f"hf://{NAME}: ") as caught:
        push_to_hub("compact", NAME)
    assert len(str(caught.value).splitlines()) == 1


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UserError, match=r"pip install 'unmask\[hub\]'"):
        find_weights("hf://nobody/nothing")


def test_the_commands_take_the_name(hub: HubStandIn, tmp_path: Path):
    hub.commit(NAME, model_files())
    calls = [
        ["export", f"hf://{name}", str(tmp_path / f"{name[:4]}.safetensors")]
        for name in (NAME, "nobody/nothing")
    ]
    code = f"from unmask.cli.train import main; print([main(words) for words in {calls}])"
    settings = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | settings, check=False
    )
    assert done.stdout.splitlines()[-1] == "[0, 2]", done.stderr
    assert [Path(target).is_file() for _, _, target in calls] == [True, False]
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("hf://a/b", HubPlace("a/b", "", None)),
        ("hf:/a/b", HubPlace("a/b", "", None)),  # what a Path makes of it
        ("hf://a/b/c/d", HubPlace("a/b", "c/d/", None)),
        ("hf://a/b@v1.0", HubPlace("a/b", "", "v1.0")),
        ("hf://a/b/c@refs/pr/1", HubPlace("a/b", "c/", "refs/pr/1")),
    ],
)
def test_names_are_read(text: str, place: HubPlace):
    assert expect_place(text) == place


@pytest.mark.parametrize(
    "text", ["hf://a", "hf://", "hf://a/../b", "hf://a/b/..", "hf://a b/c", "hf://a/b@", "hf://a//b"]
)
def test_what_is_no_name_is_refused(text: str):
    with pytest.raises(UserError, match="expected hf://USER/NAME"):
        find_weights(text)


def test_paths_name_nothing_on_the_hub():
    assert hub_place("runs/hf") is None
    assert find_weights("runs/hf") == Path("runs/hf")


def test_the_page_names_scores_that_the_card_has():
    network = {"kind": "map", "name": "compact", "width": 24}
    text = hub_page(HubPlace(NAME, "", None), {"network": network, "metrics": {"val_iou": 0.91, "odd": 1}})
    assert "| IoU of the maps | 0.91 |" in text
    assert "odd" not in text
    assert "image-segmentation" in text


def model_files() -> dict[str, bytes]:
    weights = shipped_weights("compact")
    return {
        "model.safetensors": weights.read_bytes(),
        "model.json": weights.with_suffix(".json").read_bytes(),
    }
