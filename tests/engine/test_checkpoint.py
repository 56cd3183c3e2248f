"""Checkpoints are written, verified, retained and restored."""

from __future__ import annotations

import errno
import json
import os

import numpy as np
import pytest
from safetensors.numpy import load_file

from lstmtui.common import files
from lstmtui.common.opening import read_bytes
from lstmtui.engine import checkpoint
from lstmtui.errors import CorruptError, UnreadableError
from lstmtui.runs.folder import RunFolder

TENSORS = {
    "weights.a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "state.0.h": np.full((1, 2), np.nan, np.float32),
    "weights.unit": np.zeros((0, 4), np.float32),
}


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path)


def test_a_checkpoint_loads_bit_for_bit(run):
    about = {"progress": {"best": 0.1 + 0.2, "none": None, "text": "é\n"}, "worst": float("inf")}
    found = checkpoint.load(checkpoint.save(run, 12, TENSORS, about))
    assert found.step == 12
    assert found.about["progress"] == about["progress"]
    assert found.about["worst"] is None  # JSON has no infinity; Progress knows
    assert {k: (v.dtype, v.shape, v.tobytes()) for k, v in found.tensors.items()} == {
        k: (v.dtype, v.shape, v.tobytes()) for k, v in TENSORS.items()
    }


def test_the_safetensors_library_reads_the_file(run):
    tensors = {
        **TENSORS,
        "m.wide": np.arange(3.0),
        "weights.view": np.arange(12, dtype=np.float32).reshape(3, 4)[:, 1:3],
    }
    path = checkpoint.save(run, 1, tensors, {"text": "é\n"})
    read = load_file(path)
    assert {k: (v.dtype, v.shape, v.tobytes()) for k, v in read.items()} == {
        k: (v.dtype, v.shape, v.tobytes()) for k, v in tensors.items()
    }
    size = int.from_bytes(path.read_bytes()[:8], "little")
    assert size % 8 == 0  # so that a mapped tensor is aligned


def test_flipped_bits_and_truncation_raise(run):
    path = checkpoint.save(run, 1, TENSORS, {"progress": 1})
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        try:
            found = checkpoint.load(path)
        except CorruptError:
            continue
        # An undetected flip may only affect the layout of the file, never its content.
        assert {k: v.tobytes() for k, v in found.tensors.items()} == {k: v.tobytes() for k, v in TENSORS.items()}
        assert found.about == {"format": 1, "step": 1, "progress": 1}
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(CorruptError):
            checkpoint.load(path)


def test_newest_skips_damaged_checkpoints_with_a_warning(run):
    checkpoint.save(run, 1, TENSORS, {})
    checkpoint.save(run, 2, TENSORS, {}).write_bytes(b"short")
    warnings = []
    found = checkpoint.newest(run, warnings.append)
    assert found is not None
    assert found.step == 1
    assert len(warnings) == 1
    assert "step-00000002" in warnings[0]


def test_only_damaged_checkpoints_raise_and_none_is_none(run):
    assert checkpoint.newest(run) is None
    checkpoint.save(run, 1, TENSORS, {}).write_bytes(b"")
    with pytest.raises(CorruptError, match="No checkpoint"):
        checkpoint.newest(run)


def test_the_newest_two_and_the_best_stay(run):
    for step in range(1, 6):
        checkpoint.save(run, step, TENSORS, {})
        if step == 2:
            checkpoint.mark_best(run, 2, "nll", 1.5)
    assert [p.name for p in checkpoint.list_paths(run)] == [f"step-{k:08d}.safetensors" for k in (5, 4, 2)]
    best = checkpoint.best(run)
    assert best is not None
    assert best.step == 2


def test_a_damaged_best_falls_back_to_the_newest(run):
    checkpoint.save(run, 1, TENSORS, {}).write_bytes(b"x" * 100)
    checkpoint.mark_best(run, 1, "nll", 1.0)
    checkpoint.save(run, 2, TENSORS, {})
    best = checkpoint.best(run)
    assert best is not None
    assert best.step == 2


def test_the_best_is_never_outside_the_folder(run):
    checkpoint.save(run, 1, TENSORS, {})
    (run.checkpoints / "best.json").write_text(json.dumps({"file": "../../etc/passwd"}))
    assert checkpoint.best_path(run) is None


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_a_failed_save_leaves_the_one_before_and_no_temporary_file(run, monkeypatch, fails):
    first = checkpoint.save(run, 1, TENSORS, {})

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, fails, full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(run, 2, TENSORS, {})
    assert [p.name for p in run.checkpoints.iterdir()] == [first.name]
    assert checkpoint.load(first).step == 1


def test_a_newer_format_raises_with_advice_to_update(run, monkeypatch):
    monkeypatch.setattr(checkpoint, "FORMAT", 99)
    path = checkpoint.save(run, 1, TENSORS, {})
    monkeypatch.undo()
    with pytest.raises(CorruptError, match="update lstmtui"):
        checkpoint.load(path)


def test_restore_raises_for_missing_names_shapes_and_types():
    views = {"a": np.zeros((2, 3), np.float32)}
    checkpoint.restore(views, TENSORS, "weights", "it")
    assert views["a"].tobytes() == TENSORS["weights.a"].tobytes()
    for wrong in ({}, {"weights.a": np.zeros(6, np.float32)}, {"weights.a": np.zeros((2, 3))}):
        with pytest.raises(CorruptError, match=r"weights\.a should be float32"):
            checkpoint.restore(views, wrong, "weights", "it")


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.EACCES, errno.EINTR])
def test_no_checkpoint_is_removed_while_the_best_is_unknown(run, monkeypatch, number):
    checkpoint.save(run, 1, TENSORS, {})
    checkpoint.mark_best(run, 1, "nll", 1.5)
    checkpoint.save(run, 2, TENSORS, {})

    def refuse(*args, **rest):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files, "read_bytes", refuse)
    checkpoint.save(run, 3, TENSORS, {})
    assert len(checkpoint.list_paths(run)) == 3
    monkeypatch.setattr(files, "read_bytes", read_bytes)
    monkeypatch.setattr(files.os, "listdir", refuse)
    for read in (checkpoint.list_paths, checkpoint.newest):
        with pytest.raises(CorruptError, match="cannot be read"):
            read(run)


@pytest.mark.parametrize("content", ["", "[]", "[" * 100_000, '{"file": 3}', "{}"])
def test_a_damaged_record_of_the_best_removes_nothing_and_the_newest_is_used(run, content):
    checkpoint.save(run, 1, TENSORS, {})
    (run.checkpoints / "best.json").write_text(content)
    for step in (2, 3, 4):
        checkpoint.save(run, step, TENSORS, {})
    assert len(checkpoint.list_paths(run)) == 4
    best = checkpoint.best(run)
    assert best is not None
    assert best.step == 4


def test_deeply_nested_metadata_raises(run):
    path = checkpoint.path_for(run, 1)
    run.checkpoints.mkdir()
    path.write_bytes(b"".join(checkpoint._encode(TENSORS, {"lstmtui": "[" * 100_000})))
    with pytest.raises(CorruptError, match="damaged"):
        checkpoint.load(path)


def test_an_unreadable_best_is_not_replaced_by_another(run, monkeypatch):
    checkpoint.save(run, 1, TENSORS, {})
    checkpoint.mark_best(run, 1, "nll", 1.0)
    checkpoint.save(run, 2, TENSORS, {})

    def refuse(*args, **rest):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(checkpoint.safetensors, "safe_open", refuse)
    with pytest.raises(UnreadableError, match="Too many open files"):
        checkpoint.best(run)
