"""The sound of a clip, taken over by the program ffmpeg where it is on the path."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from .clip import CONTAINERS

KEPT, NONE, LOST = "kept", "none", "lost"
NO_FFMPEG = "sound, if it has any, is left out: there is no ffmpeg on the path"
_QUIET = ("-nostdin", "-hide_banner", "-protocol_whitelist", "file,pipe")
_SOUND = re.compile(r"Stream #\S+.*: Audio: ")
_LOOK_S = 60


def add_sound(source: Path, picture: Path, both: Path) -> tuple[str, str]:
    """Make a clip of one's pictures and another's sound.

    Parameters
    ----------
    source : Path
        Whose sound is taken, packet by packet; coded anew (AAC) where an MP4 file cannot hold it.
    picture : Path
        Whose pictures are taken as they are.
    both : Path
        Is made where there is sound to add.

    Returns
    -------
    sound : str
        ``kept``, ``none`` (the source has none), or ``lost``.
    reason : str
        Why it is lost; "" otherwise.
    """
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        return LOST, NO_FFMPEG
    given = ("-format_whitelist", CONTAINERS, "-i", os.fspath(source.absolute()))
    said = _run(ffmpeg, *given)
    if said is None:
        return LOST, "ffmpeg does not run; the sound is left out"
    if not _SOUND.search(said[1]):
        return NONE, ""
    for codec in ("copy", "aac"):
        took = ("-y", "-i", os.fspath(picture.absolute()), *given, "-map", "0:v:0", "-map", "1:a")
        made = _run(ffmpeg, *took, "-c:v", "copy", "-c:a", codec, os.fspath(both.absolute()), wait_s=None)
        if made is not None and made[0] == 0 and both.is_file():
            return KEPT, ""
    both.unlink(missing_ok=True)
    return LOST, "ffmpeg cannot take its sound over; it is left out"


def _run(ffmpeg: str, *arguments: str, wait_s: float | None = _LOOK_S) -> tuple[int, str] | None:
    """Exit code of ffmpeg and what it says; None where it does not run or takes too long."""
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and paths are absolute
            [ffmpeg, *_QUIET, *arguments], capture_output=True, timeout=wait_s, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.returncode, done.stderr.decode("utf-8", "replace")
