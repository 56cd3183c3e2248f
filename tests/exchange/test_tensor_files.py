from __future__ import annotations

import json
import os
import pickle
import sys

import numpy as np
import pytest
import safetensors.numpy

from lstmtui.errors import CorruptError, UsageError
from lstmtui.exchange.tensor_files import read_tensors


def test_tensors_are_read_by_name(tmp_path):
    path = tmp_path / "a.safetensors"
    safetensors.numpy.save_file({"a": np.arange(6, dtype=np.float32).reshape(2, 3)}, path)
    assert read_tensors(path)["a"].tolist() == [[0, 1, 2], [3, 4, 5]]


def header(about: object, data: bytes = b"\0" * 24) -> bytes:
    text = json.dumps(about).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\xff" * 8, (1 << 60).to_bytes(8, "little") + b"{}", header([]), header({"a": 1}),
        header({"a": {"dtype": "F32", "shape": [1 << 40, 1 << 40], "data_offsets": [0, 24]}}),
        header({"a": {"dtype": "F32", "shape": [6], "data_offsets": [0, 1 << 50]}}),
        header({"a": {"dtype": "F32", "shape": [-6], "data_offsets": [0, 24]}}),
        header({f"a{n}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(5000)}, b""),
    ],
    ids=range(9),
)  # fmt: skip
def test_a_damaged_file_is_one_sentence(tmp_path, content):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(CorruptError, match=r"a\.safetensors (is damaged|has 5,000)"):
        read_tensors(path)


def test_links_pipes_and_other_files_are_refused(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "link.safetensors").symlink_to(tmp_path / "a.txt")
    os.mkfifo(tmp_path / "pipe.safetensors")
    for name in ("a.txt", "link.safetensors", "pipe.safetensors", "missing.safetensors"):
        with pytest.raises(UsageError, match=name):
            read_tensors(tmp_path / name)


class Bomb:
    """A pickle that writes a file when it is loaded."""

    def __reduce__(self):
        return os.system, ("touch exploded",)


def test_a_pickle_is_never_loaded_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "torch", None)  # as where it is not installed
    path = tmp_path / "a.pt"
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(UsageError, match="only PyTorch reads"):
        read_tensors(path)
    assert not (tmp_path / "exploded").exists()
