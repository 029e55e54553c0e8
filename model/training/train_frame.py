"""What a training on drawn scenes is: the finder learns where faces are, the Frame Module to settle frames."""

import numpy as np
import torch
from torch import Tensor

from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.sources.open_source import open_source
from unmask.model.data.batches import Batch
from unmask.model.data.colour_jitter import jitter_colours, jitter_sharpness
from unmask.model.data.tensors import to_network
from unmask.model.data.triplets import VAL_SEED
from unmask.model.inference.precision import probe_pictures
from unmask.model.networks.frame_look import LOOK
from unmask.model.networks.networks import build_network
from unmask.model.networks.spec import FRAME, REFINER, NetworkSpec

from .engine import Engine
from .finder_judge import FinderJudge
from .finder_targets import Targets, finder_loss, targets_of
from .judge import Judge
from .look_judge import LookJudge
from .looks import draw_looks, look_loss
from .options import FrameOptions
from .scenes import Scene, draw_scene
from .seeds import step_seed
from .session import Session
from .trained import Trained
from .validation import fixed_batches


def check_frame_files(options: FrameOptions) -> None:
    """See that the source's faces are framed like aligned CelebA, before anything is written."""
    options.validate()
    if not framed_names(options):
        raise ArgumentError(
            "online",
            f"{options.online}: no picture is framed like aligned CelebA (178x218), as scenes need it",
        )


def framed_names(options: FrameOptions) -> frozenset[str]:
    """Names of the pictures whose faces stand where aligned CelebA has them."""
    return frozenset(face.name for face in open_source(str(options.online)).faces if face.aligned)


LOOKS_EACH = 8  # at a scene: drawing one costs more than looking at it


class FrameTraining:
    """Network, optimiser, validation scenes, and what a step does with them; of the finder."""

    columns: tuple[str, ...] = ("loss", "heat", "place")

    def __init__(self, session: Session, options: FrameOptions) -> None:
        self.preset = preset = options.load_preset()
        self.side = options.size
        self.framed = framed_names(options)
        torch.manual_seed(step_seed(options.seed, 0, -1))
        spec = NetworkSpec(FRAME, **vars(preset.network))
        network = build_network(spec)
        adam = preset.optimiser
        rate, betas, decay = adam.learning_rate, (adam.beta1, adam.beta2), adam.weight_decay
        optimiser = torch.optim.AdamW(network.parameters(), rate, betas=betas, weight_decay=decay, fused=True)
        trained = Trained(spec, {FRAME: network}, {FRAME: optimiser}, FRAME, adam.ema)
        device = session.fabric.device
        sample = probe_pictures(options.batch_size, self.seen_px, device)
        rng = np.random.default_rng(VAL_SEED)
        scenes = [
            scene
            for batch in fixed_batches(session.splits.val, torch.device("cpu"))
            for scene in self.scenes(batch, 1, rng)
        ]
        judge = self.judge(scenes, preset.validation.best, device)
        self.engine = Engine(session, trained, judge, self.columns, preset, lambda network: network(sample))

    @property
    def seen_px(self) -> int:
        """Side of what the network sees."""
        return self.side

    def judge(self, scenes: list[Scene], best: str, device: torch.device) -> Judge:
        """Return what judges the network on scenes that it never learns from."""
        return FinderJudge(scenes, best, device)

    def scenes(self, batch: Batch, each: int, rng: np.random.Generator) -> list[Scene]:
        """Draw as many scenes of each picture of a batch."""
        rows = [row for row, key in enumerate(batch.keys) if key in self.framed]
        if not rows:
            return [Scene(np.full((self.side, self.side, 3), 128, np.uint8))]
        masked, clean, maps = (
            part[rows].permute(0, 2, 3, 1).cpu().contiguous().numpy()
            for part in (batch.masked, batch.clean, batch.map)
        )
        share = self.preset.batch.bare_share
        return [
            draw_scene(masked, clean, maps[..., 0], share, self.side, rng)
            for _ in range(each * len(batch.keys))
        ]

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Learn from scenes of a batch's faces; the losses by name."""
        rng = self.engine.step_rng()
        scenes = self.scenes(batch, self.preset.batch.scenes, rng)
        losses = self.losses(scenes, batch.masked.device, rng)
        self.engine.update(FRAME, losses["loss"], batch)
        return {name: value.detach() for name, value in losses.items()}

    def losses(
        self, scenes: list[Scene], device: torch.device, rng: np.random.Generator
    ) -> dict[str, Tensor]:
        """Let the network answer to scenes; a value for each of `columns`."""
        seen = to_network(np.stack([scene.image_rgb for scene in scenes])).to(device)
        pictures = jitter_sharpness(jitter_colours(seen, rng), rng)
        with self.engine.autocast():
            answer = self.engine.trained.networks[FRAME](pictures)
        targets = Targets(*(part.to(device) for part in vars(targets_of(scenes, self.side)).values()))
        heat, place = finder_loss(answer.float(), targets)
        return {"loss": heat + self.preset.losses.place * place, "heat": heat, "place": place}


class RefinerTraining(FrameTraining):
    """The same of the Frame Module, which sees crops of the scenes."""

    columns = ("loss", "seen", "place")

    @property
    def seen_px(self) -> int:
        """Side of a look."""
        return LOOK.width

    def judge(self, scenes: list[Scene], best: str, device: torch.device) -> Judge:
        """Return what judges the network on looks that it never learns from."""
        return LookJudge(draw_looks(scenes, LOOKS_EACH, np.random.default_rng(VAL_SEED)), best, device)

    def losses(
        self, scenes: list[Scene], device: torch.device, rng: np.random.Generator
    ) -> dict[str, Tensor]:
        """Let the network answer to looks at scenes; a value for each of `columns`."""
        looks = draw_looks(scenes, LOOKS_EACH, rng)
        crops = jitter_sharpness(jitter_colours(to_network(looks.crops).to(device), rng), rng)
        with self.engine.autocast():
            answer = self.engine.trained.networks[FRAME](crops)
        corners, is_face = (torch.from_numpy(part).to(device) for part in (looks.corners, looks.is_face))
        seen, place = look_loss(answer.float(), corners, is_face.float())
        return {"loss": seen + self.preset.losses.place * place, "seen": seen, "place": place}


def frame_training(session: Session, options: FrameOptions) -> FrameTraining:
    """Return the training of the network that the preset names."""
    refines = options.load_preset().network.name == REFINER
    return (RefinerTraining if refines else FrameTraining)(session, options)
