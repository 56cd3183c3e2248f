"""Vectors of another network."""

from __future__ import annotations

import numpy as np
import pytest

from lstmtui.config import PictureSettings
from lstmtui.data.picture_features import feature_grids, map_features, read_vectors, require_rows
from lstmtui.errors import UsageError

VALUES = np.arange(5 * 4 * 3, dtype=np.float16).reshape(5, 4, 3)


def saved(path, values):
    np.save(path, values)
    return path


def test_rows_are_those_of_the_places(tmp_path):
    found = feature_grids(saved(tmp_path / "a.npy", VALUES), (4, 1), (4, 3))
    assert len(found) == 2
    assert found.usable.all()
    assert found.notes == ()
    vectors = found.vectors(0, PictureSettings(), np.random.default_rng(1))
    assert vectors.dtype == np.float32
    assert (vectors == VALUES[4]).all()
    assert (found.select(np.array([False, True])).vectors(0, PictureSettings()) == VALUES[1]).all()


def test_the_digest_is_that_of_the_rows_in_use(tmp_path):
    path = saved(tmp_path / "a.npy", VALUES)
    digests = [feature_grids(path, places, (4, 3)).digest for places in ((0, 1), (1, 0), (0, 1))]
    changed = VALUES.copy()
    changed[1, 0, 0] = 9
    digests.append(feature_grids(saved(tmp_path / "b.npy", changed), (0, 1), (4, 3)).digest)
    assert digests[0] == digests[2]
    assert len(set(digests)) == 3


BAD = {
    "of floating-point numbers, not 5 x 4 x 3 int64": VALUES.astype(int),
    "of floating-point numbers, not 4 x 3 float16": VALUES[0],
    "are empty: 0 x 4 x 3": VALUES[:0],
    r"have vectors \(4, 2\), not \(4, 3\), which this run was made for": VALUES[..., :2],
    "have 2 rows, not one for each of the 5 pictures": VALUES[:2],
    r"have numbers that are not finite, first in row 4\.$": np.where(VALUES > 50, np.nan, VALUES),
    "cannot be read; give an array of NumPy": np.array([{}]),
}


@pytest.mark.parametrize("words", BAD)
def test_other_arrays_are_refused(tmp_path, words):
    with pytest.raises(UsageError, match=words):
        feature_grids(saved(tmp_path / "a.npy", BAD[words]), (0, 4), (4, 3))


def test_other_files_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"There is no file of features .*none\.npy"):
        map_features(tmp_path / "none.npy")
    (tmp_path / "a.npy").write_text("1 2 3")
    with pytest.raises(UsageError, match="cannot be read"):
        map_features(tmp_path / "a.npy")
    np.savez(tmp_path / "a.npz", VALUES)
    with pytest.raises(UsageError, match="has several arrays"):
        map_features(tmp_path / "a.npz")


def test_more_rows_than_pictures_are_refused_for_a_run(tmp_path):
    require_rows(tmp_path, 3, 3)
    with pytest.raises(UsageError, match="have 4 rows, not one for each of the 3 pictures"):
        require_rows(tmp_path, 4, 3)


def test_the_vectors_of_one_picture_are_read(tmp_path):
    for values in (VALUES[2], VALUES[2:3]):
        found = read_vectors(saved(tmp_path / "a.npy", values), (4, 3))
        assert found.dtype == np.float32
        assert (found == VALUES[2]).all()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (VALUES, r"are 5 x 4 x 3 float16; this run reads one picture a file, \(4, 3\)"),
        (VALUES[0].astype(int), "are 4 x 3 int64"),
        (np.full((4, 3), np.inf), "not finite"),
    ],
)
def test_other_vectors_than_those_of_one_picture_are_refused(tmp_path, values, words):
    with pytest.raises(UsageError, match=words):
        read_vectors(saved(tmp_path / "a.npy", values), (4, 3))
