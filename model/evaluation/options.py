"""What an evaluation is asked to do: one frozen object, checked before any work. Imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unmask.datagen.common.checks import check_at_least, check_choice, check_exists, check_outside
from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.common.inside import real_path
from unmask.model.common.options import ComputeOptions

SPLITS = ("train", "val", "test", "all")


@dataclass(frozen=True)
class EvalOptions(ComputeOptions):
    """What `unmask.model.evaluation.evaluate.evaluate` is told; one field per flag of ``unmask-eval``.

    Attributes
    ----------
    data : Path
        Dataset of ``unmask-data build``, or a folder of masked pictures.
    out : Path
        Folder of the report.
    map_module, edit_module : str or None
        Run, checkpoint or weights; or the name of shipped ones. At least one of the two.
    clean, maps : Path or None
        Folders with the clean pictures and the true maps of a folder of pictures, by the same names; None takes
        its subfolders where it has some.
    tags : Path or None
        CSV whose first column names pictures; its other columns are groups for ``by``.
    frame : bool
        Look for faces in every picture and frame them, as ``unmask-run`` does; else pictures are faces framed
        like aligned CelebA.
    bare : bool
        The pictures show bare faces: score how often a mask is taken off all the same. Looks for faces, too.
    split : str or None
        ``train``, ``val``, ``test``, ``all``; None takes ``test`` where the dataset has it, else ``val``, else all.
    limit : int or None
        Only the first pictures.
    size : int or None
        Crop and scale pictures to squares of this side first; None judges them as they are.
    batch_size : int
    train : str or None
        Source whose training split gives the mean face; None takes the dataset's own where it is still there.
    lpips : Path or None
        Weights of LPIPS, as `unmask.model.networks.lpips.load_lpips` takes them; None leaves it out.
    identity, features : bool
        Whether face descriptors, and perceptual distance, KID and attribute changes are measured.
    by : tuple of tuple of str
        Crossings to break down by, such as (("Male", "Young"),).
    compare : Path or None
        Another report on the same pictures.
    workers : int or None
        Processes for face descriptors; None takes one per core.
    """

    data: Path
    out: Path
    map_module: str | None = None
    edit_module: str | None = None
    clean: Path | None = None
    maps: Path | None = None
    tags: Path | None = None
    frame: bool = False
    bare: bool = False
    split: str | None = None
    limit: int | None = None
    size: int | None = None
    batch_size: int = 32
    train: str | None = None
    lpips: Path | None = None
    identity: bool = True
    features: bool = True
    by: tuple[tuple[str, ...], ...] = ()
    compare: Path | None = None
    workers: int | None = None

    def validate(self) -> None:
        """Raise UserError naming the first one whose value makes no sense."""
        if self.map_module is None and self.edit_module is None:
            raise UserError(
                "give `map_module` RUN, `edit_module` RUN or both; `map_module` shipped and `edit_module` fidelity "
                "or perceptual are the weights that come with unmask"
            )
        self._check_photos()
        if self.split is not None:
            check_choice("split", self.split, SPLITS)
        self.check_compute()
        for name in ("limit", "batch_size", "workers"):
            check_at_least(name, getattr(self, name), 1)
        if self.size is not None and (self.size < 32 or self.size % 16):
            raise ArgumentError("size", f"{self.size}: expected a multiple of 16 from 32 on")
        if not all(self.by):
            raise ArgumentError("by", ": names nothing; give attributes or tags, as in Male,Young")
        for name in ("data", "clean", "maps", "tags", "compare", "lpips"):
            check_exists(name, getattr(self, name))
        self._check_apart()
        if self.lpips is not None and not self.features:
            raise ArgumentError("lpips", f"{self.lpips}: goes with `features`")
        if self.compare is not None and real_path(self.compare) == real_path(self.out):
            raise ArgumentError("compare", f"{self.compare}: is the report that is being made")

    def _check_apart(self) -> None:
        """Raise UserError where the report would lie in a dataset, whose every file has to be named by a row.

        A plain folder may have it: a report has no file that is taken for one of its pictures.
        """
        from unmask.datagen.dataset.folder import BUILD_NAME  # brings numpy, which --help need not load

        if (self.data / BUILD_NAME).is_file():
            check_outside("out", self.out, "data", self.data)

    def _check_photos(self) -> None:
        """Raise UserError where something does not go with photographs."""
        name = "bare" if self.bare else "frame"
        if not self.looks_for_faces:
            return
        if self.map_module is None:
            raise ArgumentError("map_module", f": `{name}` needs a Map Module, which finds faces, too")
        if self.size is not None:
            raise ArgumentError("size", f"{self.size}: pictures keep their size with `{name}`")
        for other in ("clean", "maps", "compare") if self.bare else ():
            if getattr(self, other) is not None:
                raise ArgumentError(other, ": does not go with `bare`: there is nothing under a mask")

    @property
    def looks_for_faces(self) -> bool:
        """Whether faces are looked for in every picture."""
        return self.frame or self.bare

    def identity_of_run(self) -> Mapping[str, Any]:
        """Return what decides the rows of ``metrics.csv`` besides models and data, for resuming."""
        names = ("split", "limit", "size", "batch_size", "precision", "features", "frame", "bare")
        return {name: getattr(self, name) for name in names}
