"""Whether bfloat16 is faster than float32 on this device: measured, because neither the name nor the year tells."""

import copy
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from unmask.model.common.limits import BF16, FP32

_REPEATS = 4
_WORTH = 1.05  # less gain than this is no reason to give up float32's digits


def faster_precision(
    network: nn.Module, probe: Callable[[nn.Module], Tensor], device: torch.device
) -> tuple[str, str]:
    """Time forward and backward of a network in both precisions.

    Parameters
    ----------
    network : nn.Module
        A copy of it is used: running statistics and gradients of the network itself stay as they are.
    probe : callable
        Runs the network on pictures of the size that training uses and returns its output.

    Returns
    -------
    tuple of (str, str)
        ``bf16`` or ``fp32``, and the measurement in words.
    """
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return FP32, "this GPU has no bfloat16"
    twin = copy.deepcopy(network).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    seconds: dict[str, list[float]] = {FP32: [], BF16: []}
    for repeat in range(_REPEATS + 1):
        for precision, taken in seconds.items():  # in turn, so that a noisy neighbour hits both
            spent = _time_once(twin, probe, device, precision)
            if repeat:  # the first call chooses kernels
                taken.append(spent)
    # The least: a neighbour on a shared machine only ever adds to it.
    slow, fast = (1e3 * min(seconds[name]) for name in (FP32, BF16))
    words = f"float32 {slow:.0f} ms, bfloat16 {fast:.0f} ms: bfloat16 is {slow / fast:.2f}x as fast"
    return (BF16 if slow > _WORTH * fast else FP32), words


def probe_pictures(count: int, side_px: int, device: torch.device) -> Tensor:
    """Random square pictures (n, 3, h, w) in [-1, 1]; at most eight, which tells as much."""
    shape = (min(count, 8), 3, side_px, side_px)
    pictures = torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return pictures.to(device, memory_format=torch.channels_last)


def _time_once(
    network: nn.Module, probe: Callable[[nn.Module], Tensor], device: torch.device, precision: str
) -> float:
    start = time.perf_counter()
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == BF16):
        output = probe(network)
    output.float().square().mean().backward()  # type: ignore[no-untyped-call]
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start
