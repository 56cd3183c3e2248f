"""Probes, read from files that anyone may have edited."""

from __future__ import annotations

import numpy as np
import pytest

from lstmtui.runs import probes
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.writer import RunWriter


def test_probes_are_read_as_they_were_written(run, writer):
    assert probes.read_saturation(run) == []
    assert probes.read_window(run) is None
    left = np.random.default_rng(0).random((2, 4, 8), dtype=np.float32)
    for step in (1, 2, 3):
        writer.saturation(step, ("i", "f", "g", "o"), left * step / 3, left)
    writer.window(3, ("i", "f", "g", "o"), left[:, :, None].astype(np.float16), np.arange(1, dtype=np.int32))
    (run.probes / "saturation-00000002.npz").write_bytes(b"damaged")
    found = probes.read_saturation(run)
    assert [probe.step for probe in found] == [1, 3]
    assert found[-1].gates == ("i", "f", "g", "o")
    np.testing.assert_array_equal(found[-1].right, left)
    window = probes.read_window(run)
    assert window is not None
    assert window["values"].shape == (2, 4, 1, 8)


def test_attention_is_read_as_it_was_written(run, writer):
    assert probes.read_attention(run) == []
    weights = np.array([[0.25, 0.75], [1, 0], [0.5, 0.5]], np.float16)
    for step in (1, 2, 3):
        writer.attention(step, source=["a", "</s>"], target=["x", "y", "</s>"], weights=weights, part="validation")
    (run.probes / "attention-00000002.npz").write_bytes(b"damaged")
    found = probes.read_attention(run)
    assert [probe.step for probe in found] == [1, 3]
    assert (found[0].source, found[0].target, found[0].part) == (("a", "</s>"), ("x", "y", "</s>"), "validation")
    np.testing.assert_array_equal(found[0].weights, weights)


def test_pictures_are_read_as_they_were_first_written(run, writer):
    assert probes.read_pictures(run) is None
    pixels = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    writer.pictures(pixels)
    writer.pictures(pixels[:1])
    np.testing.assert_array_equal(probes.read_pictures(run), pixels)


@pytest.mark.parametrize("pixels", [np.zeros((2, 4, 4)), np.zeros((2, 4, 5, 3), np.uint8), np.zeros(3, np.uint8)])
def test_what_is_no_picture_is_ignored(run, writer, pixels):
    writer.pictures(pixels)
    assert probes.read_pictures(run) is None


def test_layers_keep_their_names(run, writer):
    names, half = ["encoder 1 forward", "decoder 1"], np.full((2, 1, 4), 0.5, np.float32)
    writer.saturation(1, ("h",), half, half)
    writer.saturation(2, ("h",), half, half, layer_names=names)
    (found,) = probes.read_saturation(run)  # those of the newest network
    assert found.layer_names == tuple(names)
    pieces = [["a", "b", "</s>"], ["</s>", "x", ""]]
    writer.window(2, ("h",), np.zeros((2, 1, 3, 4), np.float16), layer_names=names, pieces=pieces)
    window = probes.read_window(run)
    assert window is not None
    assert window["layer_names"] == tuple(names)
    assert window["pieces"] == (("a", "b", "</s>"), ("</s>", "x"))
    writer.window(2, ("h",), np.zeros((2, 1, 3, 4), np.float16), layer_names=names[:1])
    assert probes.read_window(run) is None


def test_attention_of_other_shapes_is_ignored(run, writer):
    fields = {"source": ["a"], "target": ["x"], "weights": np.ones((1, 1), np.float16), "part": "validation"}
    wrong = {"weights": np.ones((1, 2), np.float16)}, {"weights": np.full((1, 1), np.nan)}, {"weights": ["a"]}, {
        "weights": np.ones((0, 0)), "source": [], "target": []
    }, {"part": ["a", "b"]}  # fmt: skip
    for step, change in enumerate(wrong):
        writer.attention(step, **{**fields, **change})
    assert probes.read_attention(run) == []


def test_damaged_probes_are_ignored(tmp_path):
    run = RunFolder(tmp_path)
    writer = RunWriter(run, interval=60)
    for step in (1, 2, 3):
        writer.saturation(step, ("i",), np.zeros((1, 1, 4), np.float32), np.ones((1, 1, 4), np.float32))
    writer.close()
    whole = (run.probes / "saturation-00000002.npz").read_bytes()
    for content in (b"", b"PK nonsense", whole[:-30], whole[:100] + b"\xff" * 40 + whole[140:]):
        (run.probes / "saturation-00000002.npz").write_bytes(content)
        assert {probe.step for probe in probes.read_saturation(run)} >= {1, 3}
    (run.probes / "window.npz").write_bytes(whole[:50])
    assert probes.read_window(run) is None


def test_whole_posteriors_are_read(run, writer):
    assert probes.read_posteriors(run) == []
    values = np.random.default_rng(1).random((5, 3)).astype(np.float16)
    for step in (1, 2, 3):
        writer.posteriors(step, values * (step == 3), ["", "a", "\u00e9"], "aba", "ab")
    *_, found = probes.read_posteriors(run)
    assert (found.step, found.labels, found.reference, found.transcript) == (3, ("", "a", "\u00e9"), "aba", "ab")
    np.testing.assert_array_equal(found.values, values)
    (run.probes / "posteriors-00000003.npz").write_bytes(b"damaged")
    assert [probe.step for probe in probes.read_posteriors(run)] == [1, 2]
    writer.posteriors(4, values, ["a"], "", "")
    writer.posteriors(5, values * np.float16("nan"), ["", "a", "b"], "", "")
    assert [probe.step for probe in probes.read_posteriors(run)] == [1, 2]


def test_the_quantiles_of_gates_are_kept_and_those_that_are_no_numbers_ignored(run, writer):
    half = np.full((2, 1, 4), 0.5, np.float32)
    quantiles = np.linspace(-1, 1, 18, dtype=np.float32).reshape(2, 1, 9)
    writer.saturation(1, ("h",), half, half, quantiles=quantiles)
    writer.saturation(2, ("h",), half, half, quantiles=quantiles * np.nan)
    writer.saturation(3, ("h",), half, half, quantiles=quantiles[:, :, 1:])
    first, *others = probes.read_saturation(run)
    np.testing.assert_array_equal(first.quantiles, quantiles)
    assert [probe.quantiles for probe in others] == [None, None]


def test_too_many_probes_become_sparser_from_the_first_to_the_last(run, writer, monkeypatch):
    monkeypatch.setattr("lstmtui.runs.writer.MAX_PROBES", 6)
    half = np.full((1, 1, 2), 0.5, np.float32)
    for step in range(1, 41):
        writer.saturation(step, ("h",), half, half)
    steps = [probe.step for probe in probes.read_saturation(run)]
    assert (len(steps), steps[0], steps[-1]) == (6, 1, 40)
    assert max(np.diff(steps)) <= 16


def test_probes_of_steps_that_were_taken_back_are_removed(run, writer):
    half = np.full((1, 1, 2), 0.5, np.float32)
    for step in (10, 20, 30, 15):
        writer.saturation(step, ("h",), half, half)
    assert [probe.step for probe in probes.read_saturation(run)] == [10, 15]
