"""Arrays come back as they were, and foreign bytes are refused."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from lstmtui.common.npz import pack, read_arrays, unpack


@pytest.mark.parametrize("compressed", [False, True])
def test_arrays_survive_packing(tmp_path, compressed):
    data = pack({"a": np.arange(6).reshape(2, 3), "names": ("i", "f")}, compressed=compressed)
    np.testing.assert_array_equal(unpack(data)["a"], [[0, 1, 2], [3, 4, 5]])
    (tmp_path / "x.npz").write_bytes(data)
    found = read_arrays(tmp_path / "x.npz", "names")
    assert found is not None
    assert found["names"].tolist() == ["i", "f"]
    assert read_arrays(tmp_path / "x.npz", "nothing") is None
    assert read_arrays(tmp_path / "none.npz", "a") is None


@pytest.mark.parametrize("data", [b"", b"PK", b"nonsense" * 99])
def test_other_bytes_are_refused(data):
    with pytest.raises(ValueError, match="no arrays"):
        unpack(data)


def test_compressed_bytes_that_expand_beyond_the_limit_are_refused(tmp_path):
    with (
        zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.npy", "w") as file,
    ):
        for _ in range(257):
            file.write(bytes(1 << 20))
    data = (tmp_path / "bomb.npz").read_bytes()
    assert len(data) < 1 << 20
    with pytest.raises(ValueError, match="too much"):
        unpack(data)
