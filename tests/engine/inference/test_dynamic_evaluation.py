"""Dynamic evaluation."""

import json

import numpy as np
import pytest
from support import tiny

from lstmtui.data.token_files import Split
from lstmtui.engine.inference import dynamic_evaluation
from lstmtui.engine.inference.dynamic_evaluation import WINDOW, DynamicEvaluator, Rule
from lstmtui.engine.inference.evaluate import Evaluator
from lstmtui.engine.inference.loaded_model import load
from lstmtui.engine.nn.params import Arena, parameters
from lstmtui.engine.services.serve import Service
from lstmtui.engine.training.trainer import Trainer, run_to_the_end
from lstmtui.errors import UsageError
from lstmtui.runs.writer import RunWriter

V = 9
SETTINGS = tiny.settings("unused", tied=False, hidden=16)


def weights():
    made = Arena(parameters(SETTINGS, V))
    made.initialise(2)
    return made


def moments(value=1e-4):
    made = Arena(parameters(SETTINGS, V))
    for view in made.views.values():
        view[...] = value
    return made


def split(tokens):
    return Split(tokens=np.asarray(tokens, np.uint8), bytes=len(tokens), characters=len(tokens))


def repeating(n=3000):
    return split(np.tile(np.random.default_rng(5).integers(0, V, 11), n // 11 + 1)[:n])


def evaluator(text, rule, trained=None):
    return DynamicEvaluator(SETTINGS, trained or weights(), text, rule, moments=moments(), threads=1)


@pytest.mark.parametrize("rule", [Rule("rms", 0.02, 0.01), Rule("sgd", 2.0, 0.01)], ids=lambda rule: rule.name)
def test_a_repetitive_text_is_learnt_during_evaluation(rule):
    text, trained = repeating(), weights()
    before = trained.flat.copy()
    static = Evaluator(SETTINGS, trained, text, threads=1).run()
    found = evaluator(text, rule, trained)
    learnt = found.run()
    assert learnt.tokens == static.tokens
    assert learnt.nll < 0.7 * static.nll
    np.testing.assert_array_equal(trained.flat, before)
    assert found.run() == learnt  # from the trained weights again


def test_tokens_are_predicted_before_they_are_learnt():
    text = repeating(WINDOW + 1)
    learnt = evaluator(text, Rule("sgd", 100.0, 0.0)).run()
    # Batches of one and of several sum in another order.
    assert learnt.nll == pytest.approx(Evaluator(SETTINGS, weights(), text, threads=1).run().nll, rel=1e-5)


def test_decay_pulls_the_weights_back():
    text = repeating()
    free, decayed = (evaluator(text, Rule("sgd", 0.5, decay)) for decay in (0.0, 0.5))
    free.run()
    decayed.run()
    moved = [np.abs(found._weights.flat - found._trained.flat).mean() for found in (free, decayed)]
    assert 0 < moved[1] < 0.3 * moved[0]


def test_rms_gives_weights_of_small_gradients_larger_steps():
    steps, scale = moments(1e-4), moments()
    steps["softmax.W"][...] = 1e-2
    found = DynamicEvaluator(SETTINGS, weights(), repeating(), Rule("rms", 1e-3, 0.02), moments=steps, threads=1)
    scale.flat[...] = found._scale
    rms = {name: float(np.sqrt(steps[name].max())) for name in ("softmax.W", "layers.0.W_hh")}
    mean = np.sqrt(np.concatenate([view.reshape(-1) for view in steps.views.values()])).mean()
    for name, usual in rms.items():
        np.testing.assert_allclose(scale[name], 1 / (usual + dynamic_evaluation.EPSILON * mean), rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "has_moments", "words"),
    [(("rms", None, None), False, "AdamW"), (("adam", None, None), True, "rms or sgd"), ((None, 0.0, None), True, "0")],
)
def test_impossible_rules_raise(arguments, has_moments, words):
    with pytest.raises(UsageError, match=words):
        dynamic_evaluation.choose_rule(*arguments, has_moments=has_moments)


def test_the_default_rule_depends_on_moments():
    assert dynamic_evaluation.choose_rule(None, None, None, has_moments=True).name == "rms"
    assert dynamic_evaluation.choose_rule(None, None, None, has_moments=False).name == "sgd"
    assert dynamic_evaluation.choose_rule("sgd", 0.3, 0.1, has_moments=True) == Rule("sgd", 0.3, 0.1)


def test_dynamic_figures_come_apart_and_the_run_does_not_change(tmp_path):
    run = tiny.create(tmp_path)
    writer = RunWriter(run)
    assert run_to_the_end(Trainer(run, writer, lambda: False)) == "finished"
    writer.close()
    before = {path.name: path.read_bytes() for path in run.checkpoints.iterdir()}
    other = tmp_path / "other.txt"
    other.write_text("the bird sang under the rain.\n" * 60)
    service = Service(load(run))
    static = list(service.answers({"op": "evaluate", "files": [str(other)]}))
    answers = list(service.answers({"op": "evaluate", "files": [str(other)], "dynamic": {"lr": 0.03}}))
    progress = [answer["progress"] for answer in answers[:-1]]
    assert progress == sorted(progress)
    assert progress
    learnt = answers[-1].pop("dynamic")
    assert answers[-1] == static[-1]
    assert learnt["rule"] == "rms"
    assert learnt["nll"] < 0.9 * static[-1]["nll"]
    assert json.loads(json.dumps(learnt)) == learnt
    assert {path.name: path.read_bytes() for path in run.checkpoints.iterdir()} == before
