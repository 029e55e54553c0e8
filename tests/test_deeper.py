"""An Editing Module with more blocks at its bottom: it begins as the shallower one was."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from eval_support import write_module

from unmask.datagen.common.errors import UserError
from unmask.model.checkpoints.checkpoint import load_card, load_model
from unmask.model.networks.networks import build_network, fit_depth
from unmask.model.networks.spec import EDIT, NetworkSpec, edit_dilations
from unmask.model.training.train import train

PLAIN, DEEPER = NetworkSpec(EDIT, "compact", 8), NetworkSpec(EDIT, "compact", 8, deeper=3)


def test_a_card_names_the_depth_where_it_is_not_the_usual_one() -> None:
    assert "deeper" not in PLAIN.to_dict()
    assert DEEPER.to_dict()["deeper"] == 3
    assert NetworkSpec.from_dict(DEEPER.to_dict()) == DEEPER
    assert edit_dilations(3) == (2, 4, 1, 2, 1)


@torch.inference_mode()
def test_new_blocks_change_nothing_before_they_learn() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        shallow, deep = build_network(PLAIN).eval(), build_network(DEEPER).eval()
        picture, map_ = torch.rand(2, 3, 48, 64) * 2 - 1, torch.rand(2, 1, 48, 64).round()
    deep.load_state_dict(fit_depth(shallow.state_dict(), deep.state_dict()))
    assert torch.equal(shallow(picture, map_), deep(picture, map_))


@pytest.mark.usefixtures("narrow")
def test_a_deeper_network_goes_on_from_a_shallow_one_and_learns_below(
    short_run: Callable[..., Any], tmp_path: Path
) -> None:
    start = write_module(tmp_path / "start", EDIT, seed=2)
    asked = short_run("edit", init_from=start, tuning=("network.deeper=2",))
    train(asked)
    network, card = load_model(asked.run, EDIT)
    assert card["network"]["deeper"] == 2
    assert float(network.body.middle[3].convolutions[-1].weight.detach().abs().max()) > 0
    with pytest.raises(UserError, match="this one is compact, width 8\\)") as raised:
        train(short_run("edit", "back", init_from=asked.run, tuning=("network.deeper=0",)))
    assert "(compact, width 8, deeper by 2;" in str(raised.value)
    assert not short_run("edit", "back").run.exists()
    train(short_run("edit", "again", init_from=asked.run, tuning=("network.deeper=4",)))
    assert load_card(short_run("edit", "again").run / "last")["network"]["deeper"] == 4


def test_networks_of_fixed_depth_refuse_more(short_run: Callable[..., Any]) -> None:
    asked = short_run("edit", preset="paper", tuning=("network.deeper=1",))
    with pytest.raises(UserError, match=r"network\.deeper = 1: network edit/paper has a depth"):
        train(asked)
    assert not asked.run.exists()


@pytest.mark.usefixtures("narrow")
def test_a_run_from_before_goes_on_as_it_was_and_nothing_else_touches_it(
    short_run: Callable[..., Any],
) -> None:
    asked = short_run("edit", tuning=("network.deeper=0",))
    done = train(asked)
    path = asked.run / "config.json"
    card = json.loads(path.read_bytes())
    del card["options"]["network"]["deeper"]  # there was no such key
    path.write_text(json.dumps(card))
    before = path.read_bytes()
    with pytest.raises(UserError, match=r"`network\.deeper` was unset, now 4"):
        train(short_run("edit"))
    assert path.read_bytes() == before
    assert train(asked).steps == done.steps
