"""What all training loops do around a step: batches, learning rate, log, validation, checkpoints, the end."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unmask.datagen.common.errors import UserError
from unmask.model.checkpoints.card import BEST, LAST, find_checkpoint
from unmask.model.checkpoints.checkpoint import save_checkpoint
from unmask.model.common.limits import AUTO, BF16
from unmask.model.data.batches import Batch, BatchStream
from unmask.model.metrics.table import score_of

from .budget import learning_rate
from .clock import Clock
from .intervals import Intervals
from .judge import Judge, Network
from .precision_choice import choose_precision
from .presets import Preset
from .progress import Count, TrainResult
from .reporter import Reporter, Sums
from .saved import begin_with, origin_card
from .seeds import step_seed
from .session import Session
from .trained import Trained

_LOG_STEPS = 20


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
        self.count = Count()
        self.sums = Sums()
        self.metrics: dict[str, float] = {}
        self.precision = options.precision
        self.preset, self.optimiser, self.schedule = preset, preset.optimiser, preset.schedule
        self.rate = self.base_rate = options.learning_rate or preset.optimiser.learning_rate
        self._load()
        if self.precision == AUTO:
            self.precision = choose_precision(session, trained.main_network, probe)
        trained.to_device(session.fabric, compiled=options.compile)
        self.report = Reporter(session, (*losses, *judge.columns), self.count.step)
        self.clock = Clock(session, self.count.seconds)
        self.intervals = Intervals(session, self.clock)

    def _load(self) -> None:
        """Take the weights that the run, or ``--init-from``, has, and go on from where the run was."""
        state = begin_with(self.session, self.trained)
        if state is None:
            return
        self.count, self.sums = Count(**state["count"]), Sums(**state["sums"])
        self.metrics = dict(state["metrics"])
        if self.precision == AUTO:
            self.precision = state["precision"]

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
            self.clock.begin()
            self.clock.agree(self.count.images, self.count.seconds)
            self.intervals.begin(self.count)
            while not self.clock.is_over:
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
        self.intervals.plan_validations(self.judge.pictures, validation_s)

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
        count = self.count
        count.step += 1
        count.images += self.session.batch_images
        count.seconds = self.clock.seconds()
        self.sums.add(losses)
        self.clock.agree(count.images, count.seconds)
        last = self.clock.is_over and not self.clock.signal
        if self.intervals.sheet_begins(count) or last:
            self._draw()
        validated = self.intervals.validation_begins(count) or last
        if validated:
            self._validate()
        if validated or count.step % _LOG_STEPS == 0:
            self._write_row(self.metrics if validated else {})
        if self.clock.save_due:
            self._save()

    # ---- what is due ---------------------------------------------------------------------------------------

    def _prepare_step(self) -> None:
        options, fabric = self.session.options, self.session.fabric
        torch.manual_seed(step_seed(options.seed, fabric.global_rank, self.count.step))  # dropout
        images, pictures = self.count.images, len(self.session.splits.train)
        warmup = self.schedule.warmup_steps * self.session.batch_images
        longest = self.clock.budget.longest_warmup(images, self.clock.fraction, pictures)
        warmup = warmup if longest is None else min(warmup, longest)
        self.rate = learning_rate(self.clock.fraction, self.base_rate, warmup, images, self.schedule.floor)
        for optimiser in self.trained.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = self.rate

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
        left_s = self.clock.budget.eta_s(count.images, count.seconds, pictures)
        self.report.row(where, self.sums, metrics, left_s)
        self.sums = Sums(from_s=count.seconds)

    def _save(self) -> None:
        if self.session.is_first:
            folder = self.session.options.run / LAST
            save_checkpoint(folder, self.trained.ema.weights(), self._card(), self._state())
        self.session.fabric.barrier()
        self.clock.saved()

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
            **origin_card(self.session, self.trained, self.preset),
            "step": self.count.step,
            "images": self.count.images,
            "seconds": round(self.count.seconds, 1),
            "precision": self.precision,
            "metrics": self.metrics,
        }

    def _end(self) -> None:
        # Not yet validated where a signal came at the last step.
        if not self.clock.signal and self.count.validated_step != self.count.step:
            self._draw()
            self._validate()
            if self.sums.steps:
                self._write_row(self.metrics)
        self._save()

    def result(self) -> TrainResult:
        """How it ended."""
        count = self.count
        stopped = "interrupted" if self.clock.signal and self.clock.fraction < 1 else "finished"
        return TrainResult(
            stopped, self.clock.signal or None, count.step, count.images, count.seconds, self.metrics
        )
