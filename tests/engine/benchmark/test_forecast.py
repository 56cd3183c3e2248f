"""The cost of a run is predicted before it starts."""

from __future__ import annotations

import json

import pytest
from support import tiny
from support.corpora import prepare

from lstmtui import recipe
from lstmtui.client.forecast import Forecaster
from lstmtui.engine.answering import answer_request, dispatch
from lstmtui.engine.benchmark.forecast import Forecast, operations
from lstmtui.engine.nn.params import Arena, parameters
from lstmtui.errors import UsageError


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("tokens", ["chars", "bytes"])
def test_the_figures_are_those_of_the_run(tmp_path, cell, tokens):
    s = tiny.settings(tiny.corpus(tmp_path), cell=cell, tokens=tokens)
    figures = Forecast().measure(s)
    data = prepare(train=s.data.corpus, tokens=tokens, valid_fraction=s.data.valid_fraction)
    assert figures["vocabulary"] == data.tokenizer.size
    assert figures["tokens"] == pytest.approx(len(data.train.tokens), rel=0.02)
    assert figures["parameters"] == sum(
        p.shape[0] * (p.shape[1] if len(p.shape) > 1 else 1) for p in parameters(s, data.tokenizer.size)
    )
    assert figures["parameters"] <= Arena(parameters(s, data.tokenizer.size)).count
    assert figures["memory_mb"] > 4e-6 * 4 * figures["parameters"]
    assert figures["tokens_per_second"] > 0
    assert Arena(parameters(s, 3)).count > 0


def test_operations_are_six_for_each_weight_that_is_multiplied(tmp_path):
    s = tiny.settings(tiny.corpus(tmp_path), layers=1, hidden=8, embedding=6)
    figures = Forecast().ask(s)
    V = figures["vocabulary"]
    assert figures["flop_per_token"] == 6 * (4 * 8 * 6 + 4 * 8 * 8 + V * 8)
    tied = tiny.settings(tiny.corpus(tmp_path), layers=1, hidden=8, embedding=8, tied=True)
    assert Forecast().ask(tied)["flop_per_token"] == 6 * (4 * 8 * 8 + 4 * 8 * 8 + V * 8)


def test_memory_has_its_parts_and_recomputation_saves_activations(tmp_path):
    s = tiny.settings(tiny.corpus(tmp_path), hidden=64, batch=16, bptt=512, recompute=False)
    figures, less = Forecast().ask(s), Forecast().ask(s.changed(recompute=True))
    assert figures["memory_mb"] == pytest.approx(sum(figures["memory_parts"].values()))
    saved = [name for name in figures["memory_parts"] if less["memory_parts"][name] < figures["memory_parts"][name]]
    assert saved == ["activations"]
    assert less["memory_parts"]["activations"] < 0.5 * figures["memory_parts"]["activations"]


def test_with_a_validation_text_all_of_the_corpus_trains(tmp_path):
    path = tiny.corpus(tmp_path)
    s = tiny.settings(path, valid_fraction=0.25)
    apart = Forecast().ask(s.changed(valid=(str(path),)))
    split = Forecast().ask(s)
    assert apart["tokens"] == apart["valid_tokens"] == path.stat().st_size
    assert split["tokens"] + split["valid_tokens"] == pytest.approx(path.stat().st_size, abs=2)


def test_speed_is_measured_again_for_other_regularisers(tmp_path):
    forecast = Forecast()
    s = tiny.settings(tiny.corpus(tmp_path), dropout_in=0.0)
    forecast.measure(s)
    forecast.measure(s.changed(seed=5, steps=7))  # cached
    forecast.measure(s.changed(embedding_dropout=0.3))
    assert len(forecast._speeds) == 2


def test_a_network_too_large_is_refused_before_it_is_made(tmp_path):
    s = tiny.settings(tiny.corpus(tmp_path), hidden=65536, layers=64, embedding=64)
    with pytest.raises(UsageError, match="does not fit this machine"):
        Forecast().measure(s)


@pytest.mark.parametrize(
    "line", ["", "[]", "{}", '{"settings": 3}', '{"settings": {"hidden": "x"}}', '{"settings": {"nope": 1}}']
)
def test_a_malformed_question_is_answered_with_an_error(line):
    known = operations(Forecast())
    [answer] = answer_request(lambda request: dispatch(known, request, "ask"), line.encode())
    assert "error" in answer


def test_the_vocabulary_of_words_and_bpe_is_estimated(tmp_path):
    path = tiny.corpus(tmp_path)
    s = recipe.resolve(tiny.open_settings(path, tokens="words", vocabulary=None), corpus_bytes=path.stat().st_size)
    assert 12 <= Forecast().ask(s)["vocabulary"] <= 40
    s = recipe.resolve(tiny.open_settings(path, tokens="bpe", vocabulary=300), corpus_bytes=path.stat().st_size)
    assert Forecast().ask(s)["vocabulary"] == 300


def test_a_process_answers_and_goes_on_after_an_error(tmp_path):
    forecaster = Forecaster()
    try:
        s = tiny.settings(tiny.corpus(tmp_path))
        assert forecaster.ask(s)["parameters"] == Forecast().ask(s)["parameters"]
        with pytest.raises(UsageError, match="no file"):
            forecaster.ask(tiny.settings(tmp_path / "nowhere.txt"))
        assert json.dumps(forecaster.ask(s))  # and goes on answering
    finally:
        forecaster.close()
