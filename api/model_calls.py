"""The commands that use networks, as functions: judging them, clips, a network by itself; defaults that work."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmask.datagen.common.arguments import make_options
from unmask.datagen.common.errors import UserError
from unmask.datagen.common.light_install import naming_packages
from unmask.datagen.pictures.arrays import U8

if TYPE_CHECKING:
    import torch

    from unmask.model.inference.unmasker import Unmasker
    from unmask.model.run.run_report import RunReport
    from unmask.model.video.restore import RestoredFrame


@naming_packages()
def evaluate(
    data: str | Path,
    out: str | Path,
    *,
    map: str | Path | None = None,  # noqa: A002 - the module's name everywhere else, too
    edit: str | Path | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Judge a Map Module, an Editing Module or both as ``unmask-eval`` does; the same call again resumes.

    Parameters
    ----------
    data : str or Path
        Dataset of `build`, or a folder of masked pictures.
    out : str or Path
        Folder of the report.
    map, edit : str or Path, optional
        Runs, checkpoints or weights, or ``shipped``, ``fidelity``, ``perceptual``. One of them is judged alone;
        without both, those that come with the package are judged.
    **options
        By the names of `unmask.model.evaluation.options.EvalOptions`, such as ``limit``, ``split``, ``identity``;
        ``by`` may be ``"Male,Young"`` or a list of such.

    Returns
    -------
    dict
        What ``summary.json`` says: ``means`` with intervals, ``systems``, ``worst``, ``data``, ...

    Raises
    ------
    UserError
        For what a person can mend, in one line.
    TypeError
        Naming an option that there is not.

    Examples
    --------
    >>> import unmask
    >>> report = unmask.build("demo", "out", seed=1, limit=5)
    >>> summary = unmask.evaluate("out", "report", map="shipped", identity=False, features=False)
    >>> summary["means"]["map_iou"]["mean"] > 0.8
    True
    """
    from unmask.model.checkpoints.shipped import PERCEPTUAL, SHIPPED
    from unmask.model.evaluation.options import EvalOptions

    if map is None and edit is None:
        map, edit = SHIPPED, PERCEPTUAL  # noqa: A001
    if "by" in options:
        crossings = [options["by"]] if isinstance(options["by"], str) else options["by"]
        options["by"] = [names.split(",") if isinstance(names, str) else names for names in crossings]
    chosen = make_options(EvalOptions, data=data, out=out, map_module=map, edit_module=edit, **options)
    chosen.validate()
    from unmask.model.evaluation.run import run_evaluation

    return run_evaluation(chosen, "unmask.evaluate", lambda title: nullcontext(lambda *told: None)).summary


def restore_video(
    path: str | Path,
    out: str | Path,
    *,
    progress: Callable[[int, int, int], None] | None = None,
    **options: Any,
) -> "RunReport":
    """Take the masks off a clip as ``unmask-run`` does.

    Parameters
    ----------
    path : str or Path
        The clip.
    out : str or Path
        The ``.mp4`` file that is made, or a folder of results.
    progress : callable, optional
        Called after each frame with frames done, in all, and done by an earlier run.
    **options
        By the names of `unmask.model.run.options.RunOptions`, such as ``preset``, ``least_score``, ``existing``.

    Raises
    ------
    UserError
        For what a person can mend, in one line; such as a clip that cannot be read.
    TypeError
        Naming an option that there is not.

    Examples
    --------
    >>> import unmask
    >>> report = unmask.restore_video("clip.mp4", "unmasked.mp4")
    >>> report.clips[0].frames, report.counts["ok"]
    (2, 1)
    """
    from unmask.model.run.job import run_job
    from unmask.model.run.options import RunOptions

    chosen = make_options(RunOptions, inputs=(Path(path),), out=Path(out), **options)
    report = run_job(chosen, progress or (lambda *told: None))
    if report.none_used:
        raise UserError("; ".join(report.failures))
    return report


def restore_frames(
    frames: Iterable[U8],
    fps: float = 25.0,
    unmasker: "Unmasker | None" = None,
) -> "Iterator[RestoredFrame]":
    """Take the masks off frames of one clip, one by one, as they are asked for.

    Parameters
    ----------
    frames : iterable of uint8 (h, w, 3)
        RGB, all of one size. Nothing is kept but what the next frame needs.
    fps : float
        Frames a second: how fast what was seen is forgotten.
    unmasker : Unmasker, optional
        The shipped weights where it is not given.

    Returns
    -------
    iterator of RestoredFrame
        ``image``, ``map``, ``straps``, and ``faces`` with their ``track``; pixels away from the masks are, to the
        bit, those of the frame.

    Raises
    ------
    ValueError
        When a frame is of another type, shape or size than the first, or ``fps`` is not a positive number.

    Examples
    --------
    >>> import unmask
    >>> masked = unmask.put_mask("portrait.jpg", family="surgical", seed=3).masked
    >>> [made.faces[0].track for made in unmask.restore_frames([masked, masked], fps=30)]
    [1, 1]
    """
    from unmask.model.inference.unmasker import Unmasker
    from unmask.model.video.restore import restore_frames as restore

    return restore(unmasker or Unmasker(), frames, fps)


@naming_packages()
def load_model(
    path_or_name: str | Path, device: "str | torch.device" = "cpu"
) -> "tuple[torch.nn.Module, dict[str, Any]]":
    """Load a network with its weights.

    Parameters
    ----------
    path_or_name : str or Path
        A run, a checkpoint or weights; or ``shipped`` (the Map Module that comes with the package), ``fidelity`` or
        ``perceptual`` (Editing Modules); ``hf://user/name[@revision]``: on the Hugging Face Hub.
    device : str or torch.device
        Where it is put.

    Returns
    -------
    network : torch.nn.Module
        In evaluation mode.
    card : dict
        What ``model.json`` says of it.

    Raises
    ------
    UserError
        When there is no such model or it is damaged, or no such device here.

    Examples
    --------
    >>> import unmask
    >>> network, card = unmask.load_model("fidelity")
    >>> card["network"]["kind"]
    'edit'
    """
    from unmask.model.checkpoints.card import find_model, load_card
    from unmask.model.checkpoints.checkpoint import load_model as load
    from unmask.model.checkpoints.shipped import find_weights
    from unmask.model.inference.torch_modules import choose_device

    path = find_model(find_weights(path_or_name))
    return load(path, load_card(path)["network"]["kind"], choose_device(str(device)))
