"""What a training is asked to do: one frozen object per module, checked before any work. Imports no torch."""

import re
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from unmask.datagen.common.checks import check_above_zero, check_at_least, check_choice, check_exists
from unmask.datagen.common.cores import MOST_WORKERS, available_cores
from unmask.datagen.common.errors import ArgumentError
from unmask.model.checkpoints.shipped import find_weights, weights_name
from unmask.model.common.options import ComputeOptions
from unmask.model.data.options import DataOptions

from .budget import Budget
from .preset_files import load_preset, packaged_presets
from .presets import EditPreset, FramePreset, MapPreset, Preset

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:[0-9]+)?")

# Fields whose flag and key in a configuration file is not simply their name.
_KEYS = {"map_run": "map", "pins": "set"}

# Fields that take names of weights beside paths.
_WEIGHTS = ("init_from", "map_run")

FREE_KEYS = frozenset(
    {
        *("images", "epochs", "minutes"),
        *("cache", "workers", "device", "precision", "compile"),
        *("sample_every", "val_every", "checkpoint_minutes"),
        *("existing", "tensorboard"),
        # Moved data are the same data: a run keeps their fingerprint beside this.
        *("data", "online", "templates", "textures", "landmarks"),
    }
)
"""Keys of `TrainOptions.to_config` that may change between the sessions of one run."""


@dataclass(frozen=True)
class TrainOptions(DataOptions, ComputeOptions):
    """What both modules' trainings are told; one field per flag of ``unmask-train``.

    What is about data is in `DataOptions`, what is about the machine in `ComputeOptions`.

    Attributes
    ----------
    run : Path
        Folder of the run.
    preset : str
        Network, losses and learning rate: the name of a packaged preset, or a TOML file.
    tuning : tuple of str
        ``TABLE.KEY=VALUE``: parts of the preset that are changed.
    images : int or None
        Budget: pictures shown. One of the three budgets is given.
    epochs, minutes : float or None
        Budget: passes over the training pictures, or time.
    batch_size : int
        Pictures in a step of one process.
    learning_rate : float or None
        Peak; the preset's where None.
    compile : bool
        Whether torch.compile is used.
    sample_every, val_every : int or None
        Pictures between two sample sheets, or validations; None spreads them over the budget.
    checkpoint_minutes : float
        Between two checkpoints.
    init_from : Path or None
        Run, checkpoint or weights that a new run begins with; ``shipped``, ``fidelity`` and ``perceptual`` are
        the weights that come with the package.
    tensorboard : bool
        Whether the log is also written for TensorBoard.
    """

    run: Path
    preset: str
    tuning: tuple[str, ...] = ()
    images: int | None = None
    epochs: float | None = None
    minutes: float | None = None
    batch_size: int = 32
    learning_rate: float | None = None
    compile: bool = False
    sample_every: int | None = None
    val_every: int | None = None
    checkpoint_minutes: float = 5.0
    init_from: Path | None = None
    tensorboard: bool = False

    presets: ClassVar[tuple[str, ...]] = ()

    def validate(self) -> None:
        """Raise UserError naming the first one whose value makes no sense."""
        self.load_preset()
        self.check_compute()
        self.budget()
        for name in ("batch_size", "val_pictures", "sample_every", "val_every"):
            check_at_least(name, getattr(self, name), 1)
        check_at_least("workers", self.workers, 0)
        for name in ("learning_rate", "checkpoint_minutes"):
            check_above_zero(name, getattr(self, name))
        self.check_data()
        if not _DEVICE.fullmatch(self.device):
            raise ArgumentError("device", f"{self.device}: expected auto, cpu, cuda, cuda:N or mps")
        check_exists("init_from", self.init_weights)
        if self.tensorboard and find_spec("tensorboard") is None:
            raise ArgumentError("tensorboard", ": not installed here; pip install 'unmask[tensorboard]'")

    @property
    def init_weights(self) -> Path | None:
        """What ``init_from`` is or names."""
        return None if self.init_from is None else find_weights(self.init_from)

    def load_preset(self) -> Preset:
        """Return the preset with what is tuned of it; UserError naming what is wrong with either."""
        raise NotImplementedError

    def budget(self) -> Budget:
        """Return how long to train; UserError where not exactly one of the three budgets is given."""
        return Budget(self.images, self.epochs, self.minutes)

    def render_workers(self, processes: int = 1) -> int:
        """Return how many processes prepare pictures for each of the training processes.

        Parameters
        ----------
        processes : int
            That train on this machine, and share its cores.
        """
        if self.workers is not None:
            return self.workers
        return min(MOST_WORKERS, max(1, available_cores() // processes))

    def to_config(self) -> dict[str, Any]:
        """Return every option but RUN by its key: strings, numbers, truth values, lists of strings, None.

        Paths are absolute; names of weights stay names, since they are the same wherever one stands.
        """
        config = {key: _plain(getattr(self, field.name)) for key, field in config_fields(type(self)).items()}
        return config | self.named_weights()

    def named_weights(self) -> dict[str, str]:
        """Return by its key what goes by a name: shipped weights, a model on the Hub."""
        chosen = {key_of(name): getattr(self, name, None) for name in _WEIGHTS}
        names = {key: None if value is None else weights_name(value) for key, value in chosen.items()}
        return {key: name for key, name in names.items() if name is not None}


@dataclass(frozen=True)
class MapOptions(TrainOptions):
    """What `unmask.model.training.train.train` is told for a Map Module.

    Attributes
    ----------
    bare_share : float or None
        Share of the pictures that are shown without their mask, in [0, 1): a network that has never seen a bare
        face finds a mask on every one. None takes the preset's.
    colour_jitter : bool or None
        Whether whole pictures get other light and colours while training: without, a network learns that coloured
        means mask. None takes the preset's.
    judge : Path or None
        Folder of photographs with true maps, as `unmask.datagen.pictures.pairs.mapped_photos` takes it: never
        trained on, scored at every validation.
    best_by : str or None
        ``judge``: ``best`` follows IoU on these photographs; ``drawn`` or None: the preset's column on drawn masks.
    adapt : Path or None
        Folder of photographs without maps, some of masked faces: a share of every step is trained on those of their
        pixels of which the weights of ``init_from`` are sure.
    adapt_share : float or None
        That share, above 0 and below 1; None takes a quarter.
    """

    preset: str = "pretrained"
    bare_share: float | None = None
    colour_jitter: bool | None = None
    judge: Path | None = None
    best_by: str | None = None
    adapt: Path | None = None
    adapt_share: float | None = None
    presets: ClassVar[tuple[str, ...]] = tuple(packaged_presets("map"))

    def load_preset(self) -> MapPreset:
        """Return the preset with what is tuned of it."""
        return load_preset(MapPreset, self.preset, self.tuning)

    def validate(self) -> None:
        """Raise UserError naming the first one whose value makes no sense."""
        super().validate()
        if self.bare_share is not None and not 0 <= self.bare_share < 1:
            raise ArgumentError("bare_share", f"{self.bare_share}: expected a share from 0 to below 1")
        if self.best_by is not None:
            check_choice("best_by", self.best_by, ("drawn", "judge"))
        if self.best_by == "judge" and self.judge is None:
            raise ArgumentError("best_by", "judge: goes with `judge` FOLDER")
        check_exists("judge", self.judge, "folder")
        check_exists("adapt", self.adapt, "folder")
        self._check_adapt()

    def _check_adapt(self) -> None:
        share = self.adapt_share
        if share is not None and not 0 < share < 1:
            raise ArgumentError("adapt_share", f"{share}: expected a share above 0 and below 1")
        if self.adapt is None:
            if share is not None:
                raise ArgumentError("adapt_share", f"{share}: goes with `adapt` FOLDER")
            return
        if self.init_from is None:
            raise ArgumentError("adapt", f"{self.adapt}: goes with `init_from` weights, which find its masks")
        if self.batch_size == 1:
            raise ArgumentError("batch_size", "1: `adapt` shows drawn pictures beside its photographs")


@dataclass(frozen=True)
class EditOptions(TrainOptions):
    """What `unmask.model.training.train.train` is told for an Editing Module.

    Attributes
    ----------
    map_run : Path or None
        Run, checkpoint or weights of the Map Module whose maps are trained on beside the true ones; ``shipped``
        is the one that comes with the package.
    predicted_share : float
        Share of the pictures that come with such a map, in [0, 1]; goes with ``map_run``.
    vgg19 : Path or None
        VGG19's weights for the perceptual loss; an embedded network where None.
    mask_discriminator_from : float
        Share of the budget after which the mask-region discriminator joins, in [0, 1].
    """

    preset: str = "fidelity"
    map_run: Path | None = None
    predicted_share: float = 0.3
    vgg19: Path | None = None
    mask_discriminator_from: float = 0.4
    presets: ClassVar[tuple[str, ...]] = tuple(packaged_presets("edit"))

    def load_preset(self) -> EditPreset:
        """Return the preset with what is tuned of it."""
        return load_preset(EditPreset, self.preset, self.tuning)

    @property
    def map_weights(self) -> Path | None:
        """What ``map_run`` is or names."""
        return None if self.map_run is None else find_weights(self.map_run)

    def validate(self) -> None:
        """Raise UserError naming the first one whose value makes no sense."""
        super().validate()
        for name in ("predicted_share", "mask_discriminator_from"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ArgumentError(name, f"{value}: expected a share from 0 to 1")
        # The default is in every configuration that is printed or kept, and 0 is what is done without.
        if self.predicted_share not in (0, type(self).predicted_share):
            self.check_map_run()
        check_exists("map_run", self.map_weights)
        check_exists("vgg19", self.vgg19)

    def check_map_run(self) -> None:
        """Raise ArgumentError where nothing would draw the maps that ``predicted_share`` asks for."""
        if self.map_run is None:
            raise ArgumentError("predicted_share", f"{self.predicted_share}: goes with `map_run` RUN")


@dataclass(frozen=True)
class FrameOptions(TrainOptions):
    """What `unmask.model.training.train.train` is told for the finder of faces.

    ``size`` is the side of the scenes that faces of ``online`` are laid into; the faces themselves keep the size of
    aligned CelebA, and their masks are drawn on them anew in every epoch.
    """

    preset: str = "finder"
    batch_size: int = 16
    size: int = field(default=192, kw_only=True)
    recipe: str = field(default="wild", kw_only=True)
    occluders: bool | None = field(default=True, kw_only=True)
    val_pictures: int = field(default=128, kw_only=True)
    presets: ClassVar[tuple[str, ...]] = tuple(packaged_presets("frame"))

    def load_preset(self) -> FramePreset:
        """Return the preset with what is tuned of it."""
        return load_preset(FramePreset, self.preset, self.tuning)

    def validate(self) -> None:
        """Raise UserError naming the first one whose value makes no sense."""
        super().validate()
        if self.data is not None:
            raise ArgumentError("data", ": the finder learns from scenes of `online` SOURCE")
        if self.jitter:
            raise ArgumentError("jitter", ": scenes scale and turn their faces anyway")

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the faces' pictures."""
        # It brings numpy, which completing the words of a command does not need.
        from unmask.datagen.faces.frame import FRAME_SIZE

        return FRAME_SIZE


def config_fields(kind: type[TrainOptions]) -> Mapping[str, Field[Any]]:
    """Return the fields of a kind of options by their keys in configurations; without RUN and the tables."""
    shared = {field.name for base in (DataOptions, ComputeOptions) for field in fields(base)}
    ordered = sorted(fields(kind), key=lambda field: field.name in shared)  # what is the training's own first
    return {key_of(field.name): field for field in ordered if field.name not in ("run", "tuning")}


def key_of(name: str) -> str:
    """Return the key in configurations of a field: ``map_run`` is ``map``."""
    return _KEYS.get(name, name)


def _plain(value: object) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value.absolute()) if isinstance(value, Path) else value
