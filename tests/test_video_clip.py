"""Files of clips: read upright and whole, written whole, with their sound where ffmpeg is."""

import os
import shutil
import stat
import struct
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from video_support import write_clip

from unmask.datagen.common.errors import UnreadablePictureError
from unmask.datagen.pictures.arrays import U8
from unmask.model.video import writer as writer_module
from unmask.model.video.clip import ClipFacts, count_frames, open_clip
from unmask.model.video.sound import NO_FFMPEG, add_sound
from unmask.model.video.writer import ClipWriter, NoEncoderError, written_size


@pytest.fixture(scope="module")
def frames() -> list[U8]:
    """Red grows to the right, green downwards, blue with time."""
    x, y = np.meshgrid(np.linspace(0, 255, 96), np.linspace(0, 255, 64))
    return [np.dstack([x, y, np.full_like(x, 20 * number)]).astype(np.uint8) for number in range(9)]


@pytest.fixture
def clip(frames: list[U8], tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", frames, 29.97)


def turned_quarter(clip: Path) -> Path:
    """Let a clip say that it is to be shown turned by 90 degrees clockwise, as telephones do."""
    data = bytearray(clip.read_bytes())
    at = data.index(b"tkhd") + 44
    data[at : at + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 64 << 16, 0, 1 << 30)
    clip.write_bytes(data)
    return clip


def test_frames_come_in_order_and_with_their_colours(clip: Path, frames: list[U8]):
    with open_clip(clip) as (facts, read):
        assert facts == ClipFacts(96, 64, 29.97, 9)
        seen = list(read)
    assert len(seen) == 9
    for one, true in zip(seen, frames, strict=True):
        assert one.dtype == np.uint8
        assert np.abs(one.astype(int) - true).mean() < 6
    assert count_frames(clip) == 9


def test_a_clip_that_is_stored_lying_stands_upright(clip: Path, frames: list[U8]):
    with open_clip(turned_quarter(clip)) as (facts, read):
        first = next(read)
    assert (facts.width, facts.height) == (64, 96)
    assert np.abs(first.astype(int) - np.rot90(frames[0], -1)).mean() < 6


def spoilt(clip: Path, how: str) -> Path:
    data = clip.read_bytes()
    content = {
        "empty": b"", "noise": os.urandom(3000), "half": data[: len(data) // 2], "text": b"hello\n" * 99,
        "playlist": b"#EXTM3U\n#EXTINF:2,\nclip.mp4\n#EXT-X-ENDLIST\n",
    }  # fmt: skip
    path = clip.with_name(f"{how}.mp4")
    path.write_bytes(content[how])
    return path


@pytest.mark.parametrize("how", ["empty", "noise", "half", "text", "playlist"])
def test_what_is_no_clip_is_said_so(clip: Path, how: str):
    path = spoilt(clip, how)
    with pytest.raises(UnreadablePictureError), open_clip(path):
        pass
    assert count_frames(path) == 0


def test_nothing_is_printed_about_a_damaged_clip(clip: Path):
    code = "from unmask.model.video.clip import *; print(count_frames(Path({!r})))"
    done = subprocess.run(  # in a process of its own: FFmpeg asks once how much it may say
        [sys.executable, "-c", code.format(str(spoilt(clip, "half")))],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_a_playlist_opens_no_other_file_whatever_it_is_called(clip: Path):
    playlist = spoilt(clip, "playlist").rename(clip.with_name("list.mkv"))
    with pytest.raises(UnreadablePictureError, match="not a clip"), open_clip(playlist):
        pass


def test_files_that_cannot_be_opened_are_said_so(tmp_path: Path):
    with pytest.raises(UnreadablePictureError, match="No such file"), open_clip(tmp_path / "none.mp4"):
        pass
    with pytest.raises(UnreadablePictureError, match="Is a directory"), open_clip(tmp_path):
        pass


def test_what_opencv_is_asked_for_is_forgotten_afterwards(clip: Path):
    before = dict(os.environ)
    with open_clip(clip):
        pass
    assert dict(os.environ) == before


def test_a_written_clip_has_its_frames_speed_and_size(frames: list[U8], tmp_path: Path):
    writer = ClipWriter(tmp_path / "made.mp4", (96, 64), 23.976)
    for frame in frames:
        writer.write(frame)
    writer.finish()
    with open_clip(tmp_path / "made.mp4") as (facts, read):
        assert (facts.width, facts.height, facts.frames) == (96, 64, 9)
        assert facts.fps == pytest.approx(23.976, abs=1e-3)
        assert np.abs(next(read).astype(int) - frames[0]).mean() < 6


def test_an_odd_size_loses_a_row_or_column(tmp_path: Path):
    facts = ClipFacts(97, 65, 25.0, 3)
    assert written_size(facts) == (96, 64)
    writer = ClipWriter(tmp_path / "made.mp4", written_size(facts), 25.0)
    for _ in range(3):
        writer.write(np.full((65, 97, 3), 200, np.uint8))
    writer.finish()
    with open_clip(tmp_path / "made.mp4") as (made, _):
        assert (made.width, made.height, made.frames) == (96, 64, 3)


def test_a_size_that_cannot_be_written_is_said_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    with pytest.raises(NoEncoderError, match="no encoder for a clip of 0x2, 25 frames"):
        ClipWriter(tmp_path / "made.mp4", (0, 2), 25.0)
    assert capfd.readouterr() == ("", "")


def test_a_clip_that_is_not_written_as_a_whole_is_an_error(
    frames: list[U8], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    writer = ClipWriter(tmp_path / "made.mp4", (96, 64), 25.0)
    writer.write(frames[0])
    monkeypatch.setattr(writer_module, "count_frames", lambda path: 0)
    with pytest.raises(OSError, match="not written as a whole"):
        writer.finish()


def fake_ffmpeg(folder: Path, monkeypatch: pytest.MonkeyPatch, *, said: str, codecs: str) -> Path:
    """An ffmpeg that sees ``said`` and can write sound by ``codecs`` alone; notes how it is called."""
    folder.mkdir()
    script = folder / "ffmpeg"
    script.write_text(
        f"""#!/bin/sh
echo "$@" >> {folder}/calls
case "$*" in
  *"-c:a"*) ;;
  *) echo '{said}' >&2; exit 1 ;;
esac
for last; do :; done
case " {codecs} " in
  *" $(echo "$*" | sed 's/.*-c:a \\([a-z]*\\) .*/\\1/') "*) echo made > "$last" ;;
  *) exit 1 ;;
esac
"""
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder / "calls"


SOUND = "  Stream #0:1[0x2](und): Audio: vorbis, 44100 Hz, stereo"


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
@pytest.mark.parametrize(
    ("said", "codecs", "answer"),
    [
        (SOUND, "copy aac", ("kept", "")),
        (SOUND, "aac", ("kept", "")),
        (SOUND, "none", ("lost", "ffmpeg cannot take its sound over; it is left out")),
        ("  Stream #0:0: Video: h264", "copy", ("none", "")),
    ],
)
def test_sound_is_taken_over_as_it_is_or_coded_anew(
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    said: str,
    codecs: str,
    answer: tuple[str, str],
):
    calls = fake_ffmpeg(tmp_path / "bin", monkeypatch, said=said, codecs=codecs)
    assert add_sound(clip, clip, tmp_path / "both.mp4") == answer
    assert (tmp_path / "both.mp4").exists() == (answer[0] == "kept")
    assert "-protocol_whitelist file,pipe" in calls.read_text()


def test_without_ffmpeg_the_sound_is_left_out_and_that_is_said(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert add_sound(clip, clip, tmp_path / "both.mp4") == ("lost", NO_FFMPEG)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
def test_the_sound_of_a_real_clip_is_kept(clip: Path, tmp_path: Path):
    loud, both = tmp_path / "loud.mkv", tmp_path / "both.mp4"
    made = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        str(clip),
        "-f",
        "lavfi",
        "-i",
        "sine=duration=0.3",
        "-c:v",
        "copy",
    ]
    subprocess.run([*made, "-c:a", "pcm_s16le", str(loud)], check=True)
    assert add_sound(loud, clip, both) == ("kept", "")
    assert count_frames(both) == 9
    said = subprocess.run(["ffmpeg", "-i", str(both)], capture_output=True, text=True, check=False).stderr
    assert "Audio: " in said
    assert cv2.VideoCapture(str(both)).isOpened()
