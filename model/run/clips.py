"""The clips of a run: each read, restored frame by frame, and moved to its place when it is written as a whole."""

import hashlib
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

from unmask.datagen.common.errors import ArgumentError, UnreadablePictureError
from unmask.datagen.common.read_file import open_file
from unmask.datagen.pictures.arrays import U8
from unmask.model.inference.photo import UNREADABLE, status_of
from unmask.model.inference.unmasker import Unmasker
from unmask.model.video.clip import USUAL_FPS, ClipFacts, open_clip
from unmask.model.video.restore import FrameRestorer
from unmask.model.video.sound import KEPT, add_sound
from unmask.model.video.writer import ClipWriter, NoEncoderError, written_size

from .clip_rows import ClipRow, TrackRow, TrackSums
from .inputs import RunInput
from .options import RunOptions
from .results import RESTORED, STRIPS, WORKSHOP, RunFolder
from .run_row import RunRow
from .strip import draw_strip
from .tally import Tally

_PICTURES, _BOTH, _STRIP = "pictures.mp4", "both.mp4", "strip.mp4"
CLIP_REASONS = {
    "no_face": "no face found; only coded anew",
    "no_mask": "no mask found on any face; only coded anew",
    "too_small": "every masked face is too small; only coded anew",
    "turned_away": "every masked face is turned away too far; only coded anew",
    "unsure": "every masked face has a score below `least_score`; only coded anew",
}


class ClipJob:
    """Restores the clips of a run, one after the other.

    Parameters
    ----------
    options : RunOptions
    unmasker : Unmasker
    folder : RunFolder
    tally : Tally
    """

    def __init__(self, options: RunOptions, unmasker: Unmasker, folder: RunFolder, tally: Tally) -> None:
        self.options, self.unmasker, self.folder, self.tally = options, unmasker, folder, tally
        self.folders = (RESTORED, *([STRIPS] if options.side_by_side else []))
        self.notes: list[str] = []
        self._uncounted = 0

    def check_encoder(self) -> None:
        """Raise ArgumentError where OpenCV cannot write clips here at all."""
        with self._workshop() as shop:
            try:
                ClipWriter(shop / _PICTURES, (64, 64), USUAL_FPS).close()
            except NoEncoderError as error:
                raise ArgumentError("inputs", f": clips cannot be written here: {error}") from error

    def run(self, item: RunInput, frames: int) -> RunRow | None:
        """Restore a clip, of which ``frames`` are counted, and note it; None where an earlier run has done it."""
        self._uncounted = frames
        row = RunRow(item.name, str(item.path), UNREADABLE)
        try:
            with open_file(item.path) as file:
                row = replace(row, sha256=hashlib.file_digest(file, "sha256").hexdigest())
            if self.folder.finished(item, row.sha256, "", self.folders):
                self.tally.add(frames, resumed=True)
                return None
            row, clip, tracks = self._restored(item, row)
        except OSError as error:
            if error.filename != str(item.path):
                raise
            row = replace(row, reason=f"cannot be read: {error.strerror or error}")
            clip, tracks = None, ()
        except (UnreadablePictureError, NoEncoderError) as error:
            row, clip, tracks = replace(row, reason=str(error)), None, ()
        if clip is None:
            for place in self.folders:  # of an earlier, readable file of that name
                self.folder.path(place, item.name, item.suffix).unlink(missing_ok=True)
        self.folder.add(row, clip=clip, tracks=tracks)
        self.tally.add(self._uncounted)
        return row

    def _restored(self, item: RunInput, row: RunRow) -> tuple[RunRow, ClipRow, tuple[TrackRow, ...]]:
        start = time.monotonic()
        with self._workshop() as shop, open_clip(item.path) as (facts, frames):
            sums, restorer = TrackSums(), FrameRestorer(self.unmasker, facts.fps, self.options.least_score)
            count = self._write(shop, facts, frames, restorer, sums)
            self._note(item, facts, count)
            sound, why = add_sound(item.path, shop / _PICTURES, shop / _BOTH)
            if why:
                self.notes.append(f"{item.path}: {why}")
            self._move(shop / (_BOTH if sound == KEPT else _PICTURES), RESTORED, item)
            if self.options.side_by_side:
                self._move(shop / _STRIP, STRIPS, item)
        tracks = sums.rows(item.name)
        status, change = status_of(track.status for track in tracks), restorer.meter.flicker
        clip = ClipRow(
            item.name, *written_size(facts), count, round(facts.fps, 4), len(restorer.tracker.cuts), len(tracks),
            round(change.drawn, 3), round(change.skin, 3), sound,
        )  # fmt: skip
        return (
            replace(
                row, status=status, faces=len(tracks), restored=sum(track.restored > 0 for track in tracks),
                seconds=round(time.monotonic() - start, 4), reason=CLIP_REASONS.get(status, ""),
            ),
            clip,
            tracks,
        )  # fmt: skip

    def _write(
        self, shop: Path, facts: ClipFacts, frames: Iterator[U8], restorer: FrameRestorer, sums: TrackSums
    ) -> int:
        """Restore and write every frame; returns how many there are."""
        with ExitStack() as open_writers:
            writer = open_writers.enter_context(
                closing(ClipWriter(shop / _PICTURES, written_size(facts), facts.fps))
            )
            strips: ClipWriter | None = None
            for at, image in enumerate(frames):
                made = restorer.restore(image)
                sums.add(at, made.faces)
                writer.write(made.image)
                if self.options.side_by_side:
                    strip = draw_strip(image, made.map, made.straps, made.image)
                    if strips is None:
                        size = (strip.shape[1] // 2 * 2, strip.shape[0] // 2 * 2)
                        strips = open_writers.enter_context(
                            closing(ClipWriter(shop / _STRIP, size, facts.fps))
                        )
                    strips.write(strip)
                self._step()
            for each in (writer, strips):
                if each is not None:
                    each.finish()
            return writer.written

    def _step(self) -> None:
        if self._uncounted > 1:  # the last one counts when the file is in its place
            self._uncounted -= 1
            self.tally.add()

    def _note(self, item: RunInput, facts: ClipFacts, count: int) -> None:
        if not facts.fps_known:
            self.notes.append(f"{item.path}: does not say how fast it is; {facts.fps:g} frames a second")
        if count < facts.frames - 1:  # some containers say one more than they have
            self.notes.append(
                f"{item.path}: {count} of {facts.frames} frames can be decoded; the rest is left out"
            )
        if (facts.width, facts.height) != written_size(facts):
            width, height = written_size(facts)
            self.notes.append(
                f"{item.path}: {facts.width}x{facts.height} is written as {width}x{height} (even sizes)"
            )

    def _move(self, made: Path, place: str, item: RunInput) -> None:
        path = self.folder.path(place, item.name, item.suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        made.replace(path)

    @contextmanager
    def _workshop(self) -> Iterator[Path]:
        """A folder for half-written files, which a killed run leaves and the next one empties."""
        shop = self.folder.out / WORKSHOP
        if shop.exists():
            shutil.rmtree(shop)
            self.notes.append("an earlier run was stopped while it restored a clip, which was begun again")
        shop.mkdir()
        try:
            yield shop
        finally:
            shutil.rmtree(shop, ignore_errors=True)
