"""What both training loops do around a step: batches, learning rate, log, validation, checkpoints, the end."""

import hashlib
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.model.checkpoints.card import BEST, LAST, find_checkpoint, load_card, resolve_model
from unmask.model.checkpoints.checkpoint import load_state, load_weights, save_checkpoint
from unmask.model.common.limits import AUTO, BF16, FP32
from unmask.model.data.batches import Batch, BatchStream
from unmask.model.inference.precision import faster_precision
from unmask.model.metrics.table import score_of
from unmask.model.networks.networks import origin_note
from unmask.model.networks.spec import NetworkSpec

from .budget import learning_rate
from .presets import EditPreset, Preset
from .reporter import Reporter, Sums
from .session import Session
from .trained import Trained

_LOG = logging.getLogger(__name__)

_LOG_STEPS = 20
_VALIDATIONS, _SHEETS = (
    20,
    10,
)  # per run, where no interval is asked for; fewer validations where they take long

Network = Callable[..., Tensor]  # a judged network: averaged, in evaluation mode, float32 out


class Judge(Protocol):
    """Says how good the averaged network is on the validation pictures."""

    columns: tuple[str, ...]
    best: str  # the column that decides

    @property
    def pictures(self) -> int:
        """How many pictures a validation looks at."""

    def estimate_s(self, network: Network) -> float:
        """Return about how many seconds `validate` takes, from a few pictures of it."""

    def validate(self, network: Network) -> dict[str, float]:
        """Return a value for every column."""

    def draw(self, network: Network) -> NDArray[np.uint8]:
        """Return a sheet of the same few faces as every time."""


@dataclass
class _Count:
    """Where a run is; saved with its checkpoint."""

    step: int = 0
    images: int = 0
    seconds: float = 0.0
    validations: int = 0
    sheets: int = 0
    validated_step: int = -1
    best: float | None = None


@dataclass(frozen=True)
class TrainResult:
    """How a training ended.

    Attributes
    ----------
    stopped : str
        ``finished`` or ``interrupted``.
    signal : int or None
        What interrupted it.
    steps, images, seconds : int, int, float
        Of all sessions of the run together.
    metrics : dict of str to float
        The last validation's.
    """

    stopped: str
    signal: int | None
    steps: int
    images: int
    seconds: float
    metrics: dict[str, float]


class Engine:
    """Runs around the steps of a loop.

    Parameters
    ----------
    session : Session
    trained : Trained
        On the CPU, freshly drawn; a resumed run's or ``--init-from``'s weights are loaded here.
    judge : Judge
    losses : tuple of str
        Names of the values that `finish_step` gets: columns of ``log.csv``.
    preset : MapPreset or EditPreset
        Its learning rate holds where the options give none.
    probe : callable
        Runs the main network on pictures of the training's size, to find out which precision is faster.
    """

    def __init__(
        self,
        session: Session,
        trained: Trained,
        judge: Judge,
        losses: tuple[str, ...],
        preset: Preset,
        probe: Callable[[nn.Module], Tensor],
    ) -> None:
        options = session.options
        self.session = session
        self.trained = trained
        self.judge = judge
        self.count = _Count()
        self.sums = Sums()
        self.metrics: dict[str, float] = {}
        self.precision = options.precision
        self.preset, self.optimiser, self.schedule = preset, preset.optimiser, preset.schedule
        self.rate = self.base_rate = options.learning_rate or preset.optimiser.learning_rate
        self.budget = options.budget()
        self.fraction = 0.0
        self.validations = _VALIDATIONS
        self._load()
        if self.precision == AUTO:
            self._choose_precision(probe)
        trained.to_device(session.fabric, compiled=options.compile)
        self.report = Reporter(session, (*losses, *judge.columns), self.count.step)
        self._began_s = self._saved_s = time.monotonic()
        self._seconds_before = self.count.seconds
        self._over = self._save_due = False
        self._signal = 0  # that ends this session, on whichever process it came

    def _load(self) -> None:
        """Take the weights that the run, or ``--init-from``, has."""
        options, trained = self.session.options, self.trained
        last = find_checkpoint(options.run, LAST) if self.session.resumed else None
        if last is not None:
            state = load_state(last)
            if NetworkSpec.from_dict(load_card(last)["network"]) != trained.spec:
                raise ArgumentError("run", f"{options.run}: another version began it, with another network")
            trained.load_state_dict(state["trained"])
            self.count, self.sums = _Count(**state["count"]), Sums(**state["sums"])
            self.metrics = dict(state["metrics"])
            if self.precision == AUTO:
                self.precision = state["precision"]
            _LOG.info(f"going on with {options.run} at step {self.count.step}")
        elif options.init_weights is not None:
            folder = resolve_model(options.init_weights, trained.spec.kind)
            trained.start_from(load_weights(folder), f"`init_from` {folder}")

    def _choose_precision(self, probe: Callable[[nn.Module], Tensor]) -> None:
        chosen, words = FP32, ""
        if self.session.is_first:
            chosen, words = faster_precision(self.trained.main_network, probe, self.session.fabric.device)
        self.precision = str(self.session.fabric.broadcast(chosen))
        _LOG.info(f"precision {self.precision}: {words}")

    # ---- the loop's side -----------------------------------------------------------------------------------

    def autocast(self) -> AbstractContextManager[None]:
        """Mixed precision as decided for this run; losses are computed outside, in float32."""
        device = self.session.fabric.device.type
        return torch.autocast(device, torch.bfloat16, enabled=self.precision == BF16)

    def batches(self) -> Iterator[Batch]:
        """Yield batches on the device until the budget is spent or a signal comes; saves at the end."""
        session, options = self.session, self.session.options
        fabric = session.fabric
        stream = BatchStream(
            session.splits.train,
            options.batch_size,
            seed=options.seed,
            weights=session.splits.weights,
            rank=fabric.global_rank,
            world=fabric.world_size,
            workers=options.render_workers(session.local_processes),
            first_step=self.count.step,
        )
        with closing(stream), closing(self.report):
            batches = iter(stream)
            self.plan_validations()
            self._began_s = self._saved_s = time.monotonic()
            self._agree()
            self._begin_intervals()
            while not self._over:
                self._prepare_step()
                yield next(batches).to(fabric.device)
            self._end()

    def plan_validations(self, validation_s: float | None = None) -> None:
        """Decide how often this session validates where no interval was asked for: a tenth of the budget at most.

        Parameters
        ----------
        validation_s : float, optional
            Seconds that one takes; measured where None and where it matters.
        """
        if self.session.options.val_every is not None:
            return
        if self.session.options.minutes is not None and validation_s is None:
            own_s = self.validation_s() if self.session.is_first else 0.0
            validation_s = float(self.session.fabric.broadcast(own_s))
        pictures = len(self.session.splits.train)
        most = self.budget.most_validations(pictures, self.judge.pictures, validation_s or math.inf)
        self.validations = min(_VALIDATIONS, max(1, int(most)))

    def validation_s(self) -> float:
        """Return about how many seconds a validation takes on this process."""
        with self._averaged() as network:
            return self.judge.estimate_s(network)

    def step_rng(self) -> np.random.Generator:
        """Return the generator of the present step on this process."""
        rank = self.session.fabric.global_rank
        return np.random.default_rng(step_seed(self.session.options.seed, rank, self.count.step))

    def update(self, name: str, loss: Tensor, batch: Batch) -> None:
        """Change the parameters of one network by the gradient of ``loss``.

        Raises
        ------
        UserError
            When loss or gradient is not finite: it names the batch's pictures and the last good checkpoint.
        """
        network, optimiser = self.trained.networks[name], self.trained.optimisers[name]
        optimiser.zero_grad(set_to_none=True)
        self.session.fabric.backward(loss)
        norm = torch.nn.utils.clip_grad_norm_(network.parameters(), self.optimiser.clip_norm)
        if not bool(torch.isfinite(norm)) or not bool(torch.isfinite(loss)):
            self._refuse(name, loss, batch)
        optimiser.step()
        if name == self.trained.main:
            self.trained.ema.update(network)

    def _refuse(self, name: str, loss: Tensor, batch: Batch) -> None:
        last = find_checkpoint(self.session.options.run, LAST)
        kept = f"the last good checkpoint is {last}" if last else "there is no checkpoint yet"
        raise UserError(
            f"step {self.count.step + 1}: the {name} loss or its gradient is not finite (loss {loss.item():g}); "
            f"pictures of the batch: {', '.join(batch.keys)}; {kept}; "
            "try a lower `learning_rate` or `precision` fp32"
        )

    def finish_step(self, losses: Mapping[str, Tensor | float]) -> None:
        """Count a step and do what is due after it: a log row, a validation, a sheet, a checkpoint."""
        options, count = self.session.options, self.count
        count.step += 1
        count.images += self.session.batch_images
        count.seconds = self._seconds_before + time.monotonic() - self._began_s
        self.sums.add(losses)
        self._agree()
        last = self._over and not self._signal
        if self._is_due("sheets", options.sample_every, _SHEETS) or last:
            self._draw()
        validated = self._is_due("validations", options.val_every, self.validations) or last
        if validated:
            self._validate()
        if validated or count.step % _LOG_STEPS == 0:
            self._write_row(self.metrics if validated else {})
        if self._save_due:
            self._save()

    # ---- what is due ---------------------------------------------------------------------------------------

    def _agree(self) -> None:
        """Settle between processes how much is spent, whether to stop, whether to save: their clocks differ."""
        session, count = self.session, self.count
        spent = self.budget.fraction(count.images, count.seconds, len(session.splits.train))
        save = time.monotonic() - self._saved_s >= 60 * session.options.checkpoint_minutes
        number = session.stop.received or 0
        if session.fabric.world_size > 1:
            own = [spent, float(save)] if session.is_first else [0.0, 0.0]
            said = torch.tensor([*own, float(number)], dtype=torch.float64, device=session.fabric.device)
            agreed = torch.as_tensor(session.fabric.all_reduce(said, reduce_op="max"))
            spent, save, number = agreed.tolist()
        self.fraction, self._save_due = float(spent), bool(save)
        self._signal = int(number)
        self._over = self._signal > 0 or self.fraction >= 1

    def _prepare_step(self) -> None:
        options, fabric = self.session.options, self.session.fabric
        torch.manual_seed(step_seed(options.seed, fabric.global_rank, self.count.step))  # dropout
        images, pictures = self.count.images, len(self.session.splits.train)
        warmup = self.schedule.warmup_steps * self.session.batch_images
        longest = self.budget.longest_warmup(images, self.fraction, pictures)
        warmup = warmup if longest is None else min(warmup, longest)
        rate = learning_rate(self.fraction, self.base_rate, warmup, images, self.schedule.floor)
        self.rate = rate
        for optimiser in self.trained.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = rate

    def _begin_intervals(self) -> None:
        """Count intervals anew where the budget has grown since: more of them lie ahead than were done."""
        options, count = self.session.options, self.count
        count.validations = min(count.validations, self._intervals(options.val_every, self.validations))
        count.sheets = min(count.sheets, self._intervals(options.sample_every, _SHEETS))

    def _intervals(self, every_images: int | None, times: int) -> int:
        """How many intervals are over."""
        return self.count.images // every_images if every_images else int(self.fraction * times)

    def _is_due(self, what: str, every_images: int | None, times: int) -> bool:
        """Whether a new interval began with this step; counts it."""
        done = self._intervals(every_images, times)
        before: int = getattr(self.count, what)
        setattr(self.count, what, done)
        return done > before

    def _validate(self) -> None:
        if self.session.is_first:
            with self._averaged() as network:
                self.metrics = self.judge.validate(network)
            self._keep_best()
        self.metrics = self.session.fabric.broadcast(self.metrics)  # what comes next depends on them
        self.count.validated_step = self.count.step

    def _keep_best(self) -> None:
        value = score_of(self.judge.best).sign * self.metrics[self.judge.best]
        if self.count.best is None or value > self.count.best:
            self.count.best = value
            save_checkpoint(self.session.options.run / BEST, self.trained.ema.weights(), self._card(), None)

    def _draw(self) -> None:
        if self.session.is_first:
            with self._averaged() as network:
                self.report.sheet(self.count.images, self.judge.draw(network))
        self.session.fabric.barrier()

    @contextmanager
    def _averaged(self) -> Iterator[Network]:
        """The main network with averaged weights, in evaluation mode and the run's precision."""
        with self.trained.ema.swapped(self.trained.main_network) as network:

            def run(*inputs: Tensor) -> Tensor:
                with self.autocast():
                    output: Tensor = network(*inputs)
                return output.float()

            yield run

    def _write_row(self, metrics: Mapping[str, float]) -> None:
        count, pictures = self.count, len(self.session.splits.train)
        where = {
            "step": count.step,
            "images": count.images,
            "epoch": round(count.images / pictures, 4),
            "seconds": round(count.seconds, 2),
            "learning_rate": self.rate,
        }
        self.report.row(where, self.sums, metrics, self.budget.eta_s(count.images, count.seconds, pictures))
        self.sums = Sums(from_s=count.seconds)

    def _save(self) -> None:
        if self.session.is_first:
            folder = self.session.options.run / LAST
            save_checkpoint(folder, self.trained.ema.weights(), self._card(), self._state())
        self.session.fabric.barrier()
        self._saved_s = time.monotonic()

    def _state(self) -> dict[str, Any]:
        return {
            "trained": self.trained.state_dict(),
            "count": asdict(self.count),
            "sums": asdict(self.sums),
            "metrics": self.metrics,
            "precision": self.precision,
        }

    def _card(self) -> dict[str, Any]:
        """What a person and `load_model` need to know of the weights."""
        return {
            "network": self.trained.spec.to_dict(),
            **origin_note(self.trained.main_network),
            "unmask": version("unmask"),
            "size": self.session.options.size,
            "preset": self.session.options.preset,
            **(vars(self.preset.inference) if isinstance(self.preset, EditPreset) else {}),
            "dataset": self.session.splits.fingerprint,
            "step": self.count.step,
            "images": self.count.images,
            "seconds": round(self.count.seconds, 1),
            "precision": self.precision,
            "metrics": self.metrics,
        }

    def _end(self) -> None:
        # Not yet validated where a signal came at the last step.
        if not self._signal and self.count.validated_step != self.count.step:
            self._draw()
            self._validate()
            if self.sums.steps:
                self._write_row(self.metrics)
        self._save()

    def result(self) -> TrainResult:
        """How it ended."""
        count = self.count
        stopped = "interrupted" if self._signal and self.fraction < 1 else "finished"
        return TrainResult(
            stopped, self._signal or None, count.step, count.images, count.seconds, self.metrics
        )


def step_seed(seed: int, rank: int, step: int) -> int:
    """Seed of torch's generator for one step of one process: a resumed run needs no stored state."""
    digest = hashlib.blake2b(f"{seed}/{rank}/{step}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
