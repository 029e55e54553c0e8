"""Which precision a training computes in, where that is left to it."""

import logging
from collections.abc import Callable

from torch import Tensor, nn

from unmask.model.common.limits import FP32
from unmask.model.inference.precision import faster_precision

from .session import Session

_LOG = logging.getLogger(__name__)


def choose_precision(session: Session, network: nn.Module, probe: Callable[[nn.Module], Tensor]) -> str:
    """Measure on the first process which precision is faster; all processes take that one.

    Parameters
    ----------
    probe : callable
        Runs the network on pictures of the training's size.

    Returns
    -------
    str
        ``fp32`` or ``bf16``.
    """
    chosen, words = FP32, ""
    if session.is_first:
        chosen, words = faster_precision(network, probe, session.fabric.device)
    precision = str(session.fabric.broadcast(chosen))
    _LOG.info(f"precision {precision}: {words}")
    return precision
