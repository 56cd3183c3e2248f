"""Packed pictures: read, and refused where they are something else."""

from __future__ import annotations

import numpy as np
import pytest
from support.pictures import huge_png

from lstmtui.data import packed_pictures
from lstmtui.data.packed_pictures import count_packed, read_packed
from lstmtui.errors import UsageError


def packed(path, **arrays):
    np.savez_compressed(path, **arrays)
    return path


def test_grey_and_coloured_pictures_are_read(tmp_path):
    grey = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    path = packed(tmp_path / "a.npz", images=grey)
    assert count_packed(path) == 3
    assert (read_packed(path)[1] == grey[1]).all()
    assert read_packed(packed(tmp_path / "b.npz", images=np.zeros((1, 2, 2, 4), np.uint8)))[0].shape == (2, 2, 4)


def test_indices_become_the_colours_of_the_palette(tmp_path):
    palette = np.array([[0, 0, 0, 0], [9, 8, 7, 255]], np.uint8)
    path = packed(tmp_path / "a.npz", images=np.eye(2, dtype=np.uint8)[None], palette=palette)
    assert read_packed(path)[0].tolist() == [[[9, 8, 7, 255], [0] * 4], [[0] * 4, [9, 8, 7, 255]]]


EYE = np.eye(2, dtype=np.uint8)[None]
BAD = {
    "has no array 'images'": {"pictures": EYE},
    "uint8, not 1 x 2 x 2 float64": {"images": EYE.astype(float)},
    "uint8, not 2 x 2 uint8": {"images": EYE[0]},
    "uint8, not 1 x 2 x 2 x 2 uint8": {"images": np.zeros((1, 2, 2, 2), np.uint8)},
    "has 1 colours, too few for its pictures": {"images": EYE, "palette": np.zeros((1, 3), np.uint8)},
    r"must be \(colours, 3 or 4\), uint8": {"images": EYE, "palette": np.zeros((2, 2), np.uint8)},
}


@pytest.mark.parametrize("words", BAD)
def test_other_arrays_are_refused(tmp_path, words):
    with pytest.raises(UsageError, match=words):
        read_packed(packed(tmp_path / "a.npz", **BAD[words]))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 no", huge_png(9, 9)])
def test_other_files_are_refused(tmp_path, data):
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(UsageError, match=r"holds no arrays of NumPy \(\.npz\)\.$"):
        count_packed(tmp_path / "a.npz")
    with pytest.raises(UsageError, match="cannot be read"):
        count_packed(tmp_path / "none.npz")


def test_too_many_pixels_are_refused_by_the_header(tmp_path, monkeypatch):
    path = packed(tmp_path / "a.npz", images=EYE)
    monkeypatch.setattr(packed_pictures, "MAX_BYTES", 3)
    with pytest.raises(UsageError, match="divide the file"):
        read_packed(path)
