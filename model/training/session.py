"""Where a training happens: devices and processes, data, run folder, signals; opened before the loop."""

import errno
import logging
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from lightning_fabric import Fabric

from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.common.memory import is_want_of_memory
from unmask.model.checkpoints.card import load_card, resolve_model
from unmask.model.data.triplets import TripletSplits, open_triplets
from unmask.model.networks.networks import build_network, default_spec
from unmask.model.networks.spec import EDIT, NetworkSpec

from .folder import RunFolder
from .options import FREE_KEYS, TrainOptions
from .preset_files import flat_tables, tables_of

_LOG = logging.getLogger(__name__)

_NO_SPACE = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EROFS)


class StopSignal:
    """Notes SIGINT and SIGTERM so that the loop can end after the step it is in; the second one stops at once."""

    def __init__(self) -> None:
        self.received: int | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Install the handlers for as long as the block runs; nothing outside the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        for number in kept:
            signal.signal(number, self._note)
        try:
            yield
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = number


@dataclass(frozen=True)
class Session:
    """What a training loop needs besides networks.

    Attributes
    ----------
    options : TrainOptions
    fabric : Fabric
        Launched: devices, processes, gradients across them.
    folder : RunFolder
    splits : TripletSplits
    resumed : bool
        Whether RUN was there and goes on.
    stop : StopSignal
    """

    options: TrainOptions
    fabric: Fabric
    folder: RunFolder
    splits: TripletSplits
    resumed: bool
    stop: StopSignal = field(default_factory=StopSignal)

    @property
    def batch_images(self) -> int:
        """Pictures of a step, of all processes together."""
        return int(self.options.batch_size * self.fabric.world_size)

    @property
    def local_processes(self) -> int:
        """Processes of this training on this machine, which share its cores."""
        return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes."""
        return bool(self.fabric.is_global_zero)


@contextmanager
def open_session(options: TrainOptions, module: str) -> Iterator[Session]:
    """Check everything a person can mend, open the data, then the run folder.

    Parameters
    ----------
    options : TrainOptions
    module : str
        ``map`` or ``edit``.

    Raises
    ------
    UserError
        With the argument or file named, before RUN is touched.
    """
    options.validate()
    fabric = open_fabric(options.device)
    first = bool(fabric.is_global_zero)
    stop = StopSignal()
    folder = RunFolder(options.run)
    tables = tables_of(options.load_preset())
    config: dict[str, Any] = {
        "module": module, **options.to_config(), **tables, "processes": fabric.world_size
    }  # fmt: skip
    before = folder.read_config() or {}
    free_keys = FREE_KEYS | _keys_of_then(before, options, tables) | _names_of_then(before, options)
    folder.check(config, options.existing, free_keys | {"dataset"})  # before faces are decoded for minutes
    spec = NetworkSpec(module, **tables["network"])
    _check_network(spec)
    if options.init_weights is not None:
        _check_first_weights(options.init_weights, spec)
    splits = _open_data(options, fabric)
    if module == EDIT and not splits.has_clean:
        words = f"{options.data}: has no clean pictures, which an Editing Module learns to draw"
        raise ArgumentError("data", words)
    config["dataset"] = splits.fingerprint
    resumed = False
    with folder.lock() if first else nullcontext():
        if first:
            resumed = folder.prepare(config, options.existing, free_keys)
            folder.write_environment()
        resumed = bool(fabric.broadcast(resumed))
        with stop.listening(), want_said(options):
            yield Session(options, fabric, folder, splits, resumed, stop)


# What a run has that was begun before there was such a key; packaged presets say otherwise by now.
_UNWRITTEN = {"network.deeper": 0}


def _keys_of_then(before: Mapping[str, Any], options: TrainOptions, tables: Mapping[str, Any]) -> set[str]:
    """Keys of a preset that the earlier run of the folder did not write down and that are now what they were then.

    The first version wrote the preset's name alone, and keys are added to presets; the packaged ones do not change
    but for `_UNWRITTEN`.
    """
    written, asked = flat_tables(before), flat_tables(tables)
    absent = {key for key, value in _UNWRITTEN.items() if key not in written and asked.get(key) == value}
    if before.get("preset") not in options.presets:
        return absent
    then = flat_tables(tables_of(replace(options, preset=before["preset"], tuning=()).load_preset()))
    new = asked.keys() - written.keys() - _UNWRITTEN.keys()
    return absent | {key for key in new if then.get(key) == asked[key]}


def _names_of_then(before: Mapping[str, Any], options: TrainOptions) -> set[str]:
    """Keys of weights whose name the earlier run of the folder wrote down as a path: ``<cwd>/shipped``."""

    def is_name(written: object, name: str) -> bool:
        return isinstance(written, str) and Path(written).match(name) and not Path(written).exists()

    return {key for key, name in options.named_weights().items() if is_name(before.get(key), name)}


def _check_network(spec: NetworkSpec) -> None:
    """See that there is such a network: a preset may be anyone's."""
    usual = default_spec(spec.kind, spec.name)
    if spec == usual:
        return
    try:
        with torch.random.fork_rng(devices=[]):
            build_network(usual)
            if bool(spec.width) != bool(usual.width):
                own = "widths of its own, for which stands 0"
                has = own if spec.width else f"no width 0, but as {usual.width}"
                raise UserError(f"network {spec.kind}/{spec.name} has {has}")
            build_network(spec)
    except (ValueError, RuntimeError) as error:
        raise ArgumentError("preset", f": network.width = {spec.width}: {error}") from error
    if spec.deeper and spec.name != "compact":
        own = f"network {spec.kind}/{spec.name} has a depth of its own, for which stands 0"
        raise ArgumentError("preset", f": network.deeper = {spec.deeper}: {own}")


def _check_first_weights(path: Path, spec: NetworkSpec) -> None:
    given = NetworkSpec.from_dict(load_card(resolve_model(path, spec.kind))["network"])
    if replace(given, straps=spec.straps, deeper=spec.deeper) != spec or given.deeper > spec.deeper:
        was, now = (
            f"{one.name}, width {one.width}" + f", deeper by {one.deeper}" * (one.deeper > 0)
            for one in (given, spec)
        )
        raise ArgumentError(
            "init_from", f"{path}: the weights are another network's ({was}; this one is {now})"
        )


@contextmanager
def want_said(options: TrainOptions) -> Iterator[None]:
    """Turn want of memory or disk inside the block into one line that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise
        raise ArgumentError("run", f"{options.run}: cannot be written ({error.strerror})") from error
    except (MemoryError, RuntimeError) as error:
        words = str(error).splitlines()[0] if str(error) else "out of memory"
        if not is_want_of_memory(error):
            raise
        raise UserError(
            f"out of memory ({words[:120]}): lower `batch_size` (now {options.batch_size}) "
            f"or `size` (now {options.size}), with `existing` overwrite, or `workers`"
        ) from error


def _open_data(options: TrainOptions, fabric: Fabric) -> TripletSplits:
    """Open the data on every process; the first one makes the cache that the others wait for."""
    splits = open_triplets(options)
    for note in splits.notes:
        _LOG.info(note)
    if len(splits.train) < options.batch_size * fabric.world_size:
        total = options.batch_size * fabric.world_size
        raise ArgumentError(
            "batch_size", f": a step takes {total} pictures and there are {len(splits.train)} to train on"
        )
    return splits


def open_fabric(device: str) -> Fabric:
    """Launch Fabric on one device, or on those that ``torchrun`` gave to this process.

    Parameters
    ----------
    device : str
        ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
    """
    accelerator, _, index = device.partition(":")
    if accelerator == "cuda" and not torch.cuda.is_available():
        raise ArgumentError("device", "cuda: torch finds no CUDA device here")
    if accelerator == "mps" and not torch.backends.mps.is_available():
        raise ArgumentError("device", "mps: torch finds no Apple GPU here")
    if index and int(index) >= torch.cuda.device_count():
        raise ArgumentError("device", f"{device}: torch finds {torch.cuda.device_count()} CUDA devices here")
    world, local = (int(os.environ.get(name, "1")) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    devices: Any = [int(index)] if index else local
    fabric = Fabric(
        accelerator=accelerator,
        strategy="ddp" if world > 1 else "auto",
        devices=devices,
        num_nodes=max(world // local, 1),
        precision="32-true",  # mixed precision is the engine's, by measurement
    )
    fabric.launch()
    return fabric
