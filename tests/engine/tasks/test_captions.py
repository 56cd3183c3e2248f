"""Captions behind the protocol of tasks: they train, are evaluated and shown, and resume in the same bytes."""

import numpy as np
from support.caption_run import create
from support.in_process import assert_resumes_in_the_same_bytes, train

from lstmtui.reports.gradient_flow import read_flows
from lstmtui.runs import probes
from lstmtui.runs.reader import RunReader


def test_it_learns_and_is_shown(tmp_path):
    run = create(tmp_path)
    assert train(run) == "finished"
    seen = RunReader(run).refresh()
    losses = [point.loss for point in seen.valid]
    assert losses[-1] < losses[0]
    assert {point.decides for point in seen.valid} == {"f1"}
    scores = [point.value for point in seen.valid]
    assert seen.best.step == seen.status["result"]["best_step"] == seen.valid[scores.index(max(scores))].step
    assert all(0 <= point.figures[name] <= 1 for point in seen.valid for name in ("exact", "f1", "concept_f1"))
    assert seen.samples[-1].text.count("reference") == 2  # of two validation pictures
    assert seen.status["result"]["valid"]["nll"] == seen.best.loss
    assert 0 <= seen.status["result"]["test"]["f1"] <= 1
    *_, attention = probes.read_attention(run)
    assert attention.source == ("1,1", "1,2", "2,1", "2,2")
    assert attention.target[-1] == "</s>"
    np.testing.assert_allclose(attention.weights.sum(axis=1), 1, atol=0.01)
    assert probes.read_pictures(run).shape == (2, 16, 16, 3)
    (saturation, *_) = probes.read_saturation(run)
    directions = [f"{along} 1 {way}" for along in ("rows", "columns") for way in ("forward", "backward")]
    assert saturation.layer_names == (*directions, "decoder 1", "decoder 2")
    *_, flow = read_flows(run)
    assert flow.layer_names == saturation.layer_names
    assert flow.step == 40
    window = probes.read_window(run)
    assert window["layer_names"] == saturation.layer_names
    assert [list(read[:2]) for read in window["pieces"][:3:2]] == [["2,1", "2,2"], ["1,2", "2,2"]]


def test_an_interrupted_run_ends_in_the_same_bytes(tmp_path):
    """The interruption falls into a pass, between pictures that are moved."""
    assert_resumes_in_the_same_bytes(create(tmp_path, "whole"), create(tmp_path, "parts"), 33)


def test_another_networks_vectors_take_the_place_of_pictures(tmp_path):
    vectors = np.random.default_rng(1).standard_normal((16, 6, 5)).astype(np.float32)
    np.save(tmp_path / "vectors.npy", vectors)
    run = create(tmp_path, features=str(tmp_path / "vectors.npy"), vectors=6, vector_size=5, steps=4, eval_every=2)
    assert train(run) == "finished"
    *_, attention = probes.read_attention(run)
    assert attention.source[-1] == "1,6"
    assert probes.read_pictures(run) is None
