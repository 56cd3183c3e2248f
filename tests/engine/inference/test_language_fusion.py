"""A language model in fusion: what a search adds up is the log probability of the text, whatever its tokens."""

from __future__ import annotations

import numpy as np
import pytest
from support import tiny

from lstmtui.data.tokens.bpe import Bpe
from lstmtui.data.tokens.bytes import Bytes
from lstmtui.data.tokens.chars import Chars
from lstmtui.data.tokens.words import Words
from lstmtui.engine.inference.ctc_search import SearchOptions, search
from lstmtui.engine.inference.language_fusion import TokenFusion, WordFusion, load_fusion
from lstmtui.engine.inference.loaded_model import LoadedModel
from lstmtui.engine.nn.incremental import IncrementalModel
from lstmtui.engine.nn.params import Arena, parameters

TEXT = b"no yes no\nyes no\nno no yes\nyes yes\n" * 4
LABELS = {"chars": Chars(" enosy"), "words": Words([b"no", b"yes"]), "bpe": Bpe.train([TEXT], 270)}
MODELS = {
    "chars": Chars("\n enosy"), "bytes": Bytes(), "words": Words([b"yes", b"no"]), "bpe": Bpe.train([TEXT], 259),
    "chars without line ends": Chars(" enosy"),
}  # fmt: skip


def loaded(tokenizer):
    s = tiny.run_settings(hidden=6, embedding=5, layers=2, tokens=tokenizer.kind)
    weights = Arena(parameters(s, tokenizer.size))
    weights.initialise(1)
    weights.flat[...] += 0.5 * np.random.default_rng(2).standard_normal(weights.flat.shape).astype(np.float32)
    return LoadedModel(s, tokenizer, weights, 1)


def log_probability(model, text, ends):
    """Return that of a line with this text, by reading it token after token."""
    network = IncrementalModel(model.settings, model.weights)
    line_end = model.tokenizer.encode(b"\n").tolist() if ends else []
    logits, total = model.weights["softmax.b"], 0.0
    for n, token in enumerate([*line_end, *model.tokenizer.encode(text).tolist(), *line_end]):
        log_p = logits.astype(float) - np.log(np.exp(logits.astype(float)).sum())
        total += log_p[token] if n or not ends else 0
        logits = network.read(np.array([[token]], np.int32))[0]
    return total


def added(fusion, labels):
    """Return all that a search adds for these labels."""
    row, total = fusion.begin(), 0.0
    for n, label in enumerate(labels):
        total += row[label]
        own, rows = fusion.extend([n], [label], [n + 1])
        total, row = total + own[0], rows[0]
    return total + fusion.end([len(labels)])[0]


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("text", [b"", b"no", b"yes no no", b"no yes"])
def test_a_search_adds_the_log_probability_of_the_text(kind, labels, text):
    model, tokenizer = loaded(MODELS[kind]), LABELS[labels]
    fusion = load_fusion(model, tokenizer)
    expected = log_probability(model, text, ends="without" not in kind)
    assert added(fusion, [int(n) + 1 for n in tokenizer.encode(text)]) == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert fusion.begin().shape == (tokenizer.size + 1,)


def test_labels_count_at_once_where_they_can():
    for kind, labels, wanted in (
        ("chars", "chars", TokenFusion), ("bytes", "bpe", TokenFusion), ("chars", "words", TokenFusion),
        ("words", "chars", WordFusion), ("bpe", "chars", WordFusion), ("bpe", "bpe", WordFusion),
    ):  # fmt: skip
        assert isinstance(load_fusion(loaded(MODELS[kind]), LABELS[labels]), wanted)
    same = LABELS["bpe"]
    assert isinstance(load_fusion(loaded(same), same), TokenFusion)


@pytest.mark.parametrize("kind", ["chars", "words"])
def test_a_search_scores_its_hypotheses_with_the_text(kind):
    model, tokenizer = loaded(MODELS[kind]), LABELS["chars"]
    logits = 2 * np.random.default_rng(3).normal(size=(12, tokenizer.size + 1))
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    log_p[:, 1] = -100  # the unknown character
    found = search(log_p, SearchOptions(beam=8, nbest=4, weight=0.7, bonus=0.2), load_fusion(model, tokenizer))
    for best in found:
        text = tokenizer.decode([label - 1 for label in best.labels])
        expected = (
            0.7 * log_probability(model, text.strip(b" "), ends=True)
            if kind == "words"
            else 0.7 * (log_probability(model, text, ends=True))
        )
        assert best.score == pytest.approx(best.log_probability + expected + 0.2 * len(best.labels), abs=1e-3)
