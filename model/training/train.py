"""Trainings from their first check to their end, whichever module they are of."""

from collections.abc import Iterator
from contextlib import contextmanager

from unmask.model.networks.spec import EDIT, FRAME, MAP

from .folder import BASELINES_NAME
from .options import EditOptions, FrameOptions, MapOptions
from .progress import TrainResult
from .session import open_session
from .train_edit import EditTraining, check_edit_files
from .train_frame import FrameTraining, check_frame_files, frame_training
from .train_map import MapTraining, check_map_files


def train(options: MapOptions | EditOptions | FrameOptions) -> TrainResult:
    """Train a Map Module, an Editing Module or the finder of faces, or go on with the one in ``options.run``.

    Raises
    ------
    UserError
        Naming the argument or file, before RUN is touched; later for a non-finite loss, for want of memory or disk.
    """
    with open_training(options) as training:
        engine, new = training.engine, not (options.run / BASELINES_NAME).exists()
        if isinstance(training, EditTraining) and engine.session.is_first and new:
            training.judge.write_baselines()
        for batch in engine.batches():
            engine.finish_step(training.step(batch))
        return engine.result()


@contextmanager
def open_training(
    options: MapOptions | EditOptions | FrameOptions,
) -> Iterator[MapTraining | EditTraining | FrameTraining]:
    """Check what the options name, open data and run folder, and build the networks; errors as for `train`."""
    if isinstance(options, MapOptions):
        check_map_files(options)
        with open_session(options, MAP) as session:
            yield MapTraining(session, options)
    elif isinstance(options, FrameOptions):
        check_frame_files(options)
        with open_session(options, FRAME) as session:
            yield frame_training(session, options)
    else:
        check_edit_files(options)
        with open_session(options, EDIT) as session:
            yield EditTraining(session, options)
