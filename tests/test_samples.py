import errno
from pathlib import Path

import numpy as np
import pytest

from unmask.datagen.pictures.picture import decode_picture
from unmask.model.training.samples import GAP_PX, HEADER_PX, draw_grid, write_samples


def pictures(*shape: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 200, shape, dtype=np.uint8) for _ in range(4)]


def test_every_picture_stands_in_its_row_and_column():
    a, b, c, d = pictures(30, 70, 3)
    sheet = draw_grid([(a, b), (c, d)], ("left", "right"))
    assert sheet.dtype == np.uint8
    assert sheet.shape == (HEADER_PX + 2 * (30 + GAP_PX), 2 * 70 + GAP_PX, 3)
    low, right = HEADER_PX + 30 + GAP_PX, 70 + GAP_PX
    assert np.array_equal(sheet[HEADER_PX : HEADER_PX + 30, :70], a)
    assert np.array_equal(sheet[HEADER_PX : HEADER_PX + 30, right : right + 70], b)
    assert np.array_equal(sheet[low : low + 30, :70], c)
    assert np.array_equal(sheet[low : low + 30, right : right + 70], d)


def test_a_map_is_drawn_grey():
    map_ = pictures(30, 70)[0]
    sheet = draw_grid([(map_,)], ("map",))
    assert np.array_equal(sheet[HEADER_PX : HEADER_PX + 30], np.stack([map_] * 3, axis=-1))


def test_an_enlarged_pixel_is_a_square_of_its_colour():
    a = pictures(30, 70, 3)[0]
    sheet = draw_grid([(a,)], ("a",), enlarge=2)
    assert np.array_equal(sheet[HEADER_PX : HEADER_PX + 60], a.repeat(2, axis=0).repeat(2, axis=1))


def test_headers_are_written_over_their_own_column_only():
    black = np.zeros((16, 40, 3), np.uint8)
    head = draw_grid([(black, black)], ("a very long header indeed", ""))[:HEADER_PX]
    paper = head[0, -1]
    assert (head[:, :40] != paper).any()
    assert (head[:, 40:] == paper).all()
    other = draw_grid([(black, black)], ("map", ""))[:HEADER_PX]
    assert not np.array_equal(head, other)


def test_rows_that_make_no_grid_are_refused():
    a, b = pictures(30, 70, 3)[:2]
    for rows in ([], [(a, b), (a,)], [(a, b[:10])]):
        with pytest.raises(ValueError, match="2 pictures of one size"):
            draw_grid(rows, ("left", "right"))


def test_a_sheet_is_read_back_as_it_was_and_replaces_an_older_one(tmp_path: Path):
    path = tmp_path / "samples" / "000000064.png"
    for picture in pictures(30, 70, 3)[:2]:
        write_samples(path, picture)
        assert np.array_equal(decode_picture(path.read_bytes()).image_rgb, picture)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_failed_write_leaves_the_older_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, (old, new, *_) = tmp_path / "sheet.png", pictures(30, 70, 3)
    write_samples(path, old)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space"):
        write_samples(path, new)
    assert np.array_equal(decode_picture(path.read_bytes()).image_rgb, old)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
