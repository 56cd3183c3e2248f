"""Beam search: scores, greedy and exhaustive search as its extremes, stopping, prefixes."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from support import tiny
from support.translation_cases import batch, model

from lstmtui.engine.inference.beam_search import Hypothesis, Prefix, SearchOptions, length_penalty, search
from lstmtui.engine.nn.incremental_decoder import Following
from lstmtui.engine.nn.incremental_translation import IncrementalTranslation
from lstmtui.engine.nn.optimizer import Optimizer
from lstmtui.engine.nn.training_step import Update, take_step

END, V = 0, 4
SOURCES = ([3, 4, 1, END], [5, END], [2, 2, END])
BATCH = batch([(source, [END]) for source in SOURCES])


def step_model(width=5, *, sentences=3, **changes):
    """Return a model that writes, and one with the same weights that scores."""
    trained = model((4, 6, 64), target_vocabulary=V, **changes)
    shape = (4, sentences, width)
    return IncrementalTranslation(trained.sizes, trained.weights, shape, compute=trained.compute), trained


def searched(writes, prefixes=None, **options):
    options = SearchOptions(**{"max_length": 6, **options})
    return search(writes, BATCH.source, BATCH.source_lengths, end=END, options=options, prefixes=prefixes)


def log_probabilities(trained, source, targets):
    return -trained.evaluate(batch([(source, list(target)) for target in targets])).sum(axis=0)


@pytest.mark.parametrize("cell", ["gru", "lstm", "slstm"])
def test_a_score_is_that_of_the_model_that_trains(cell):
    writes, trained = step_model(cell=cell)
    for source, found in zip(SOURCES, searched(writes, nbest=3, alpha=0.7), strict=True):
        expected = log_probabilities(trained, source, [hypothesis.tokens for hypothesis in found])
        for hypothesis, log_p in zip(found, expected, strict=True):
            assert hypothesis.log_probability == pytest.approx(log_p, rel=1e-10)
            assert hypothesis.score == pytest.approx(log_p / length_penalty(len(hypothesis.tokens), 0.7), rel=1e-10)


def test_alignments_are_those_of_the_model_that_trains():
    writes, trained = step_model()
    for source, (best,) in zip(SOURCES, searched(writes), strict=True):
        trained.evaluate(batch([(source, list(best.tokens))]))
        expected = trained.alignment()[: len(best.tokens), 0, : len(source)]
        np.testing.assert_allclose(best.alignment, expected, rtol=1e-10)


def test_a_beam_of_1_is_greedy_search():
    writes, _ = step_model(1)
    found = searched(writes, beam=1)
    writes.begin(BATCH.source, BATCH.source_lengths)
    tokens, written = np.full(3, END, np.int32), [[] for _ in SOURCES]
    for t in range(6):
        following = writes.step(tokens)
        tokens = (np.full(3, END) if t == 5 else following.tokens[:, 0]).astype(np.int32)
        for sentence, token in zip(written, tokens, strict=True):
            if not sentence or sentence[-1] != END:
                sentence.append(int(token))
    assert [list(best.tokens) for (best,) in found] == written


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.5])
def test_a_beam_as_wide_as_everything_is_exhaustive_search(alpha):
    writes, trained = step_model(40)
    everything = [(*written, END) for n in range(4) for written in product(range(1, V), repeat=n)]
    found = searched(writes, beam=40, nbest=5, alpha=alpha, max_length=4)
    for source, best in zip(SOURCES, found, strict=True):
        penalties = [length_penalty(len(target), alpha) for target in everything]
        scores = log_probabilities(trained, source, everything) / penalties
        order = np.argsort(-scores)[:5]
        assert [hypothesis.tokens for hypothesis in best] == [everything[n] for n in order]
        np.testing.assert_allclose([hypothesis.score for hypothesis in best], scores[order], rtol=1e-10)


def test_sources_do_not_depend_on_each_other():
    together = searched(step_model()[0], nbest=2)
    for n, source in enumerate(SOURCES):
        options = SearchOptions(nbest=2, max_length=6)
        writes, _ = step_model(sentences=1)
        (alone,) = search(
            writes, np.array(source, np.int32)[:, None], np.array([len(source)], np.int32), end=END, options=options
        )
        assert [(found.tokens, found.score) for found in alone] == [(f.tokens, f.score) for f in together[n]]


@pytest.mark.parametrize("width", [1, 3])
def test_what_is_given_stands_and_counts(width):
    writes, trained = step_model(width)
    prefixes = ([2, 3], [], [1])
    found = searched(writes, [Prefix(prefix) for prefix in prefixes], beam=width)
    for source, prefix, (best,) in zip(SOURCES, prefixes, found, strict=True):
        assert list(best.tokens[: len(prefix)]) == prefix
        assert best.log_probability == pytest.approx(float(log_probabilities(trained, source, [best.tokens])[0]))
    long = [1, 2, 3, 1, 2, 3, 1, 2]
    assert searched(writes, [Prefix(long), Prefix(), Prefix()], beam=width)[0][0].tokens == (*long, END)


def test_a_prefix_has_the_mean_probability_of_its_tokens():
    table = {(): [0.3, 0.1, 0.6], (2,): [0.8, 0.15, 0.05], (1,): [0.1, 0.1, 0.8]}
    one = np.zeros((1, 1), np.int32), np.ones(1, np.int32)
    for prefix, mean in ((Prefix(), None), (Prefix((2,)), 0.6), (Prefix((2, 1)), (0.6 * 0.15) ** 0.5)):
        options = SearchOptions(max_length=9, beam=3)
        ((best,),) = search(Scripted(table), *one, end=END, options=options, prefixes=[prefix])
        assert best.prefix_probability == (mean if mean is None else pytest.approx(mean))
    texts = Texts()
    texts.pieces = Texts.pieces[:3]
    rest = Prefix((), b"ab")  # written by token 2 alone
    ((best,),) = search(Scripted(table), *one, end=END, options=options, prefixes=[rest], texts=texts)
    assert best.prefix_probability == pytest.approx(0.6)


class Texts:
    """Tokens of these texts."""

    pieces = (b"\n", b"a", b"ab", b"bc")

    def covering(self, text):
        return np.array([n for n, piece in enumerate(self.pieces) if piece.startswith(text)], int)

    def proper_prefixes(self, text):
        return [n for n, piece in enumerate(self.pieces) if text.startswith(piece) and piece != text]


@pytest.mark.parametrize(("tokens", "rest"), [((), b"ab"), ((3,), b"a"), ((2, 1), b"abb")])
def test_a_word_that_has_begun_is_written_in_every_way(tokens, rest):
    """As exhaustive search among the translations whose text goes on like it."""
    writes, trained = step_model(64, sentences=1)
    begins = b"".join(Texts.pieces[token] for token in tokens) + rest
    room = max(5, len(tokens) + len(rest) + 1) - len(tokens)
    everything = [(*tokens, *written, END) for n in range(room) for written in product((1, 2, 3), repeat=n)]
    fitting = [y for y in everything if b"".join(Texts.pieces[token] for token in y).startswith(begins)]
    options = SearchOptions(beam=64, nbest=len(fitting), alpha=0.0, max_length=5)
    source, length = np.array(SOURCES[0], np.int32)[:, None], np.array([len(SOURCES[0])], np.int32)
    prefixes = [Prefix(tokens, rest)]
    (found,) = search(writes, source, length, end=END, options=options, prefixes=prefixes, texts=Texts())
    order = np.argsort(-log_probabilities(trained, SOURCES[0], fitting))
    assert [hypothesis.tokens for hypothesis in found] == [fitting[n] for n in order]


class Scripted:
    """Probabilities of what follows each hypothesis, from a table; all else is improbable."""

    sentences, width = 1, 3

    def __init__(self, table):
        self.table = {key: np.log(np.array(p)) for key, p in table.items()}

    def begin(self, source, lengths):
        self.written, self.steps = [()], 0

    def step(self, tokens):
        self.steps += 1
        if self.steps > 1:
            self.written = [(*w, int(token)) for w, token in zip(self.written, tokens, strict=True)]
        default = np.log([0.97, 0.01, 0.02])
        log_p = np.array([self.table.get(w, default) for w in self.written])
        order = np.argsort(-log_p, axis=1, kind="stable")
        return Following(order, np.take_along_axis(log_p, order, 1), np.ones((len(tokens), 1)))

    def log_p(self, row, tokens):
        return np.asarray(self.table.get(self.written[row], np.log([0.97, 0.01, 0.02])))[tokens]

    def reorder(self, rows):
        self.written = [self.written[n] for n in rows]


def scripted(table, **options) -> tuple[Hypothesis, int]:
    writes = Scripted(table)
    one = np.zeros((1, 1), np.int32), np.ones(1, np.int32)
    ((best,),) = search(writes, *one, end=END, options=SearchOptions(**{"max_length": 9, **options}))
    return best, writes.steps


def test_a_later_end_that_is_better_wins():
    """The first to end, at once, has less than what ends next."""
    best, _ = scripted({(): [0.3, 0.1, 0.6], (2,): [0.98, 0.01, 0.01]}, beam=3, alpha=0.0)
    assert best.tokens == (2, END)


def test_an_earlier_end_that_is_better_stays():
    best, steps = scripted({(): [0.5, 0.1, 0.4], (2,): [0.9, 0.05, 0.05]}, beam=3, alpha=0.0)
    assert (best.tokens, steps) == ((END,), 1)  # at 0.4 nothing live can win


def test_with_a_length_penalty_the_search_goes_on_while_something_can_win():
    """log 0.5 / 1 is less than log 0.36 / (7 / 6) ^ 2."""
    table = {(): [0.5, 0.1, 0.4], (2,): [0.9, 0.05, 0.05]}
    assert scripted(table, beam=3, alpha=0.0)[0].tokens == (END,)
    best, steps = scripted(table, beam=3, alpha=3.0)
    assert (best.tokens[0], steps > 1) == (2, True)


@pytest.mark.parametrize(
    ("options", "prefixes"),
    [
        ({"beam": 9}, None),
        ({"nbest": 4, "beam": 3}, None),
        ({"alpha": -1}, None),
        ({}, [Prefix([1, END]), Prefix(), Prefix()]),
    ],
    ids=["beam", "nbest", "alpha", "prefix"],
)
def test_options_that_contradict_raise(options, prefixes):
    with pytest.raises(ValueError, match=r"beam|penalty|prefix"):
        searched(step_model()[0], prefixes, **options)


def test_more_sources_than_the_buffers_hold_raise():
    with pytest.raises(ValueError, match="buffers"):
        searched(step_model(sentences=2)[0])


def reversed_pairs(random, count):
    """Return sequences of 2 to 8 symbols, and what they are from the end."""
    drawn = [random.integers(1, 9, n).tolist() for n in random.integers(2, 9, count)]
    return [([*symbols, END], [*symbols[::-1], END]) for symbols in drawn]


def test_learns_to_reverse_sequences_reading_them_from_the_end():
    """The toy of Joey NMT. 200 steps are enough; an anti-diagonal is what attention has learnt."""
    made = {"source_vocabulary": 9, "target_vocabulary": 9, "joint": True, "embedding": 16, "hidden": 32}
    learns = model((9, 9, 32), np.float32, **made, attention=16)
    learns.weights.initialise(1)
    optimizer, random = Optimizer(tiny.run_settings(ema=0.0), learns.weights, 1), np.random.default_rng(2)
    for step in range(1, 301):
        given = batch(reversed_pairs(random, 32))
        rate = 0.01 * min(1, step / 50) * (1 - 0.9 * step / 300)
        take_step(optimizer, learns.gradients, lambda: learns.gradient(given), Update(step, rate, 1.0, 0.0))  # noqa: B023

    unseen = reversed_pairs(np.random.default_rng(3), 100)
    sources = batch(unseen)
    writes = IncrementalTranslation(learns.sizes, learns.weights, (9, 100, 1), compute=learns.compute)
    found = search(writes, sources.source, sources.source_lengths, end=END, options=SearchOptions(beam=1))
    right = [list(best.tokens) == target for (best,), (_, target) in zip(found, unseen, strict=True)]
    assert np.mean(right) > 0.95
    read = [best.alignment[:-1].argmax(axis=1) for (best,) in found]
    along = [np.abs(positions[::-1] - np.arange(len(positions))) <= 1 for positions in read]
    assert np.concatenate(along).mean() > 0.9
