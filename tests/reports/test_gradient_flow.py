"""Gradient-flow files, and what they are said to mean."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lstmtui.reports.gradient_flow import Flow, describe_half_life, judge, judge_attended, parse_flow, read_flows
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.writer import RunWriter


def flow(step: int = 3, layers: int = 2, lags: int = 6, units: int = 4) -> Flow:
    random = np.random.default_rng(step)
    h, c, half = (random.random(shape) for shape in ((layers, lags), (layers, lags), (layers, units)))
    return Flow(step=step, cell="lstm", h=h, c=c, half_life=half)


def test_measurements_survive_writing_and_reading(tmp_path):
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    writer = RunWriter(run)
    for step in (3, 20):
        writer.gradient(**flow(step).arrays())
    writer.close()
    first, last = read_flows(run)
    assert (first.step, last.step) == (3, 20)
    assert last.cell == "lstm"
    np.testing.assert_array_equal(last.h, flow(20).h)
    np.testing.assert_array_equal(last.norms("c"), flow(20).c)
    np.testing.assert_array_equal(last.half_life, flow(20).half_life)
    assert [f.step for f in read_flows(run, newest=1)] == [20]


def test_layers_have_numbers_or_names(tmp_path):
    assert flow().name(1) == "layer 2"
    named = dataclasses.replace(flow(), layer_names=("encoder 1 forward", "decoder 1"))
    assert named.name(1) == "decoder 1"
    writer = RunWriter(RunFolder(tmp_path))
    writer.gradient(**named.arrays())
    writer.close()
    assert [found.layer_names for found in read_flows(RunFolder(tmp_path))] == [named.layer_names]
    assert parse_flow({**named.arrays(), "layer_names": ["decoder 1"]}) is None


def test_damaged_files_are_ignored(tmp_path):
    run = RunFolder(tmp_path)
    run.probes.mkdir()
    (run.probes / "gradient-00000001.npz").write_bytes(b"PK\x03\x04 no")
    np.savez(run.probes / "gradient-00000002.npz", step=2, cell="rnn", h=np.ones(3), c=np.ones(3), half_life=1)
    np.savez(run.probes / "gradient-00000003.npz", step=3, h=np.array(["a"]))
    assert read_flows(run) == []


@pytest.mark.parametrize(
    ("norms", "kind", "reach", "said"),
    [
        (0.5 ** np.arange(50.0), "vanishes", 7, "below 1 % after 7 steps, 2e-15 at lag 50"),
        (0.99 ** np.arange(50.0), "holds", 50, "61 % of lag 1 still arrives from lag 50"),
        (1.2 ** np.arange(50.0), "explodes", 50, "7,584 times lag 1 at lag 50"),
        (np.array([1.0, 2.0, np.inf]), "explodes", 3, "no longer a number at lag 3"),
        (np.zeros(4), "vanishes", 0, "nothing arrives"),
        (np.ones(1), "holds", 1, "1.0 times of lag 1"),
    ],
)
def test_norms_vanish_hold_or_explode(norms, kind, reach, said):
    found = judge(norms)
    assert (found.kind, found.reach) == (kind, reach)
    assert said in found.words
    assert found.words.startswith(kind)


def test_half_lives_are_described():
    assert describe_half_life(np.array([1.0, 2.0, 3.0, 40.0, 50_000.0])).startswith(
        "half-life 3 steps, and over 10,000"
    )
    assert "over 10,000 steps" in describe_half_life(np.full(3, 1e6))
    assert describe_half_life(np.zeros(0)) == ""


@pytest.mark.parametrize(
    ("norms", "kind", "reach", "words"),
    [
        ([0.001, 1.0, 0.5], "holds", 3, "50 % of the largest (lag 2) still arrives from lag 3"),
        ([0.001, 0.2, 0.5], "holds", 3, "the largest of all arrives from lag 3"),
        ([0.1, 1.0, 0.001], "vanishes", 2, "below 1 % of the largest (lag 2) after 2 steps"),
        ([0.0, 0.0], "vanishes", 0, "nothing arrives"),
        ([1.0, np.nan], "explodes", 2, "no longer a number at lag 2"),
    ],
)
def test_layers_that_attention_reads_are_compared_with_their_largest_gradient(norms, kind, reach, words):
    found = judge_attended(norms)
    assert (found.kind, found.reach) == (kind, reach)
    assert words in found.words


def test_the_layers_of_an_encoder_are_read_by_attention():
    h = np.array([[0.001, 1.0, 0.5]] * 2)
    made = Flow(step=1, cell="gru", h=h, c=h[:, :0], half_life=h, layer_names=("encoder 1 forward", "decoder 1"))
    assert [made.verdict(layer, "h").kind for layer in range(2)] == ["holds", "explodes"]
