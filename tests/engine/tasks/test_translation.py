"""Translation behind the protocol of tasks: it trains, is evaluated and shown, and resumes in the same bytes."""

import numpy as np
import pytest
from support import tiny

from lstmtui.client import runs
from lstmtui.engine import tasks
from lstmtui.engine.tasks.translation import TranslationTask
from lstmtui.engine.training.trainer import Trainer, run_to_the_end
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.reader import RunReader
from lstmtui.runs.writer import RunWriter


@pytest.fixture
def create(tmp_path, monkeypatch):
    monkeypatch.setitem(tasks.TASKS, "memory", TranslationTask)
    words, random = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"], np.random.default_rng(1)
    lines = [random.choice(words, random.integers(1, 6)).tolist() for _ in range(120)]
    table = "".join(f"{' '.join(line)}\t{' '.join(line[::-1]).upper()}\n" for line in lines)
    (tmp_path / "pairs.tsv").write_text(table)

    def make(name="run", **changes):
        given = {
            "corpus": (str(tmp_path / "pairs.tsv"),), "tokens": "words", "hidden": 12, "embedding": 8, "layers": 1,
            "batch": 8, "bptt": 6, "steps": 40, "eval_every": 20, "lr": 0.02, "valid_fraction": 0.1,
            "test_fraction": 0.1, **changes,
        }  # fmt: skip
        settings = tiny.run_settings(purpose="memory", schedule="constant", **given)
        return runs.write(settings, RunFolder(tmp_path / name))

    return make


def train(run, interrupted=lambda: False):
    writer = RunWriter(run, interval=60)
    try:
        state = run_to_the_end(Trainer(run, writer, interrupted))
        writer.status(state=state)
        return state
    finally:
        writer.close()


@pytest.mark.parametrize("tokens", ["words", "bytes"])
def test_it_learns_and_is_shown(create, tokens):
    run = create(tokens=tokens, bptt=40 if tokens == "bytes" else 6, cell="gru")
    assert train(run) == "finished"
    seen = RunReader(run).refresh()
    losses = [point.value for point in seen.valid]
    assert losses[-1] < losses[0]
    assert seen.samples[-1].text.count("reference") == 3
    assert seen.status["result"]["valid"]["loss"] == pytest.approx(min(losses), abs=1e-6)
    assert seen.status["result"]["test"]["perplexity"] > 1


def test_an_interrupted_run_ends_in_the_same_bytes(create):
    """An epoch has some 20 steps."""
    whole, parts = create("whole"), create("parts")
    assert train(whole) == "finished"
    steps = 0

    def interrupted():
        nonlocal steps
        steps += 1
        return steps > 33

    assert train(parts, interrupted) == "stopped"
    assert train(parts) == "finished"
    assert tiny.last_weights(parts) == tiny.last_weights(whole)
