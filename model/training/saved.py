"""What a run begins with, its last checkpoint or another run's weights, and what it says of those that it saves."""

import logging
from importlib.metadata import version
from typing import Any

from unmask.datagen.common.errors import ArgumentError
from unmask.model.checkpoints.card import LAST, find_checkpoint, load_card, resolve_model
from unmask.model.checkpoints.checkpoint import load_state, load_weights
from unmask.model.networks.networks import origin_note
from unmask.model.networks.spec import NetworkSpec

from .presets import EditPreset, Preset
from .session import Session
from .trained import Trained

_LOG = logging.getLogger(__name__)


def begin_with(session: Session, trained: Trained) -> dict[str, Any] | None:
    """Take the weights that the run, or ``--init-from``, has.

    Parameters
    ----------
    session : Session
    trained : Trained
        Freshly drawn; changed.

    Returns
    -------
    dict or None
        What else the last checkpoint of a resumed run holds.

    Raises
    ------
    UserError
        When they are another network's.
    """
    options = session.options
    last = find_checkpoint(options.run, LAST) if session.resumed else None
    if last is not None:
        state = load_state(last)
        if NetworkSpec.from_dict(load_card(last)["network"]) != trained.spec:
            raise ArgumentError("run", f"{options.run}: another version began it, with another network")
        trained.load_state_dict(state["trained"])
        _LOG.info(f"going on with {options.run} at step {state['count']['step']}")
        return state
    if options.init_weights is not None:
        folder = resolve_model(options.init_weights, trained.spec.kind)
        trained.start_from(load_weights(folder), f"`init_from` {folder}")
    return None


def origin_card(session: Session, trained: Trained, preset: Preset) -> dict[str, Any]:
    """Return what `load_model` needs to know of the weights, and where they come from; the same at every step."""
    return {
        "network": trained.spec.to_dict(),
        **origin_note(trained.main_network),
        "unmask": version("unmask"),
        "size": session.options.size,
        "preset": session.options.preset,
        **(vars(preset.inference) if isinstance(preset, EditPreset) else {}),
        "dataset": session.splits.fingerprint,
    }
