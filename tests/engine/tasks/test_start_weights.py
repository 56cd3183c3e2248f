import numpy as np
import pytest
from support import tiny
from support.in_process import train

from lstmtui import config
from lstmtui.data import tokens
from lstmtui.engine import checkpoint
from lstmtui.engine.nn.params import Arena, log_frequencies, parameters
from lstmtui.engine.tasks.start_weights import take_over
from lstmtui.errors import UsageError


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    folder = tmp_path_factory.mktemp("start")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LSTMTUI_RUNS", str(folder))
        run = tiny.create(folder, "start", tokens="words", steps=10, ema=0.0)
    assert train(run) == "finished"
    return run


def weights_from(start, tokenizer, text):
    s = config.load(start.config)
    arena = Arena(parameters(s, tokenizer.size))
    arena.initialise(1)
    take_over(arena.views, tokenizer, start.path, log_frequencies(tokenizer.encode(text), tokenizer.size))
    return arena


def test_a_known_vocabulary_has_the_weights_of_the_start(start):
    before = tokens.load(start.tokenizer)
    found = weights_from(start, before, b"the cat\n")
    stored = checkpoint.best(start).tensors
    for name, view in found.views.items():
        np.testing.assert_array_equal(view, stored[f"weights.{name}"])


def test_new_words_share_the_probability_of_the_unknown_ones(start):
    before = tokens.load(start.tokenizer)
    text = b"zebra zebra zebra the yak yak unheard\n"
    after = before.extended([text])
    assert after.words[-2:] == (b"zebra", b"yak")
    found, stored = weights_from(start, after, text), checkpoint.best(start).tensors
    zebra, yak = after.size - 2, after.size - 1
    for name in ("embedding", "softmax.W"):
        np.testing.assert_array_equal(found[name][: before.size], stored[f"weights.{name}"])
        np.testing.assert_array_equal(found[name][zebra], stored[f"weights.{name}"][before.unk])
    bias, unknown = found["softmax.b"], stored["weights.softmax.b"][before.unk]
    assert np.logaddexp.reduce(bias[[after.unk, zebra, yak]]) == pytest.approx(unknown, abs=1e-5)
    assert np.exp(bias[zebra] - bias[yak]) == pytest.approx(3.1 / 2.1, rel=1e-4)  # counts, and 0.1 for each token


def test_new_characters_begin_as_in_a_new_network(tmp_path):
    run = tiny.create(tmp_path, "chars", steps=10)
    assert train(run) == "finished"
    before = tokens.load(run.tokenizer)
    after = before.extended([b"xyz"])
    found, stored = weights_from(run, after, b"xyz the"), checkpoint.best(run).tensors
    ids = tokens.carried_ids(before, after)
    np.testing.assert_array_equal(found["embedding"][ids >= 0], stored["ema.embedding"][ids[ids >= 0]])
    drawn = Arena(parameters(config.load(run.config), after.size))
    drawn.initialise(1)
    np.testing.assert_array_equal(found["embedding"][ids < 0], drawn["embedding"][ids < 0])
    frequencies = log_frequencies(after.encode(b"xyz the"), after.size)
    np.testing.assert_allclose(found["softmax.b"][ids < 0], frequencies[ids < 0], rtol=1e-6)  # float32


def test_a_run_from_another_one_is_never_worse(tmp_path, start):
    run = tiny.create(
        tmp_path, "worse", start=str(start.path), tokens="words", steps=10, lr=20.0, clip=100.0, ema=0.0, dropout=0.0
    )  # fmt: skip
    assert train(run) == "finished"
    valid = [line for line in tiny.lines(run.metrics) if line["split"] == "valid"]
    assert (valid[0]["step"], valid[0]["best"]) == (0, True)
    assert valid[-1]["nll"] > valid[0]["nll"]
    assert tiny.events(run, "finished")[0]["valid"] <= valid[0]["nll"] * 1.2
    assert checkpoint.best(run).step == 0


def test_a_start_that_is_gone_is_named(tmp_path):
    run = tiny.create(tmp_path, start=str(tmp_path / "gone"), tokens="words")
    with pytest.raises(UsageError, match="vocabulary of the run to start from is not there"):
        train(run)
