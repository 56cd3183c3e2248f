"""Translation behind the protocol of tasks: it trains, is evaluated and shown, and resumes in the same bytes."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import tiny
from support.in_process import assert_resumes_in_the_same_bytes, train
from support.stepwise_trainer import StepwiseTrainer
from support.translation_run import create

from lstmtui.reports.alignment import tokens_read
from lstmtui.runs.probes import read_attention
from lstmtui.runs.reader import RunReader


@pytest.mark.parametrize("tokens", ["words", "bytes"])
def test_it_learns_and_is_shown(tmp_path, tokens):
    run = create(tmp_path, tokens=tokens, bptt=40 if tokens == "bytes" else 6, cell="gru")
    assert train(run) == "finished"
    seen = RunReader(run).refresh()
    losses = [point.value for point in seen.valid]
    assert losses[-1] < losses[0]
    assert seen.samples[-1].text.count("reference") == 3
    assert seen.status["result"]["valid"]["nll"] == pytest.approx(min(losses), abs=1e-6)
    assert 0 <= seen.valid[-1].bleu <= 100
    assert seen.status["result"]["test"]["perplexity"] > 1
    assert 0 <= seen.status["result"]["test"]["bleu"] <= 100


def test_the_attention_over_one_pair_is_stored_while_it_learns(tmp_path):
    run = create(tmp_path, steps=600, eval_every=150, bptt=24, cell="gru", hidden=24, lr=0.01)
    assert train(run) == "finished"
    found = read_attention(run)
    assert len(found) == 4
    source, target = found[0].source, found[0].target
    assert (source[-1], target[-1]) == ("</s>", "</s>")
    assert [word.upper() for word in source[-2::-1]] == list(target[:-1])
    for probe in found:
        assert (probe.source, probe.target, probe.part) == (source, target, "validation")
        np.testing.assert_allclose(probe.weights.sum(axis=1), 1, atol=0.01)
    reads = [tokens_read(probe.weights) for probe in found]
    assert reads[-1] < reads[0]


def test_an_interrupted_run_ends_in_the_same_bytes(tmp_path):
    assert_resumes_in_the_same_bytes(create(tmp_path, "whole"), create(tmp_path, "parts"), 33)


def test_a_sentence_is_translated_on_request(tmp_path):
    made = StepwiseTrainer(create(tmp_path))
    made.steps(2)
    assert made.ask("sample", prompt="alpha \n beta")[0]
    assert made.ask("sample", prompt="")[0]
    made.writer.close()
    of_request, of_pairs = RunReader(made.run).refresh().samples[-2:]
    assert of_request.text.startswith("source       alpha beta\ntranslation  ")
    assert of_pairs.text.count("reference") == 3


def test_killed_processes_end_in_the_same_bytes(tmp_path):
    settings = {"steps": 30, "eval_every": 8, "log_every": 3, "save_every": 0.01, "batch": 10, "bptt": 10}
    whole, killed = (create(tmp_path, name, **settings) for name in ("whole", "killed"))
    steps = [0, 1, 2, 5, 7, 8, 12, 15, 16, 17, 20, 23, 29]  # an epoch has six
    tests = Path(__file__).parents[2]
    command = [sys.executable, "-m", "support.killed_run", str(whole.path), str(killed.path), *map(str, steps)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(tests)}, timeout=300)
    assert tiny.last_weights(killed) == tiny.last_weights(whole)
    lives = 1 + len(steps)
    assert len(tiny.events(killed, "prepared")) == lives
    assert [line["step"] for line in tiny.lines(killed.metrics) if line["split"] == "train"] == list(range(3, 31, 3))
