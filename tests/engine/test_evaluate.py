import math

import numpy as np
import pytest
import tiny

from lstmtui.data.corpus import Split
from lstmtui.engine.evaluate import Evaluator, result
from lstmtui.engine.params import Arena, parameters


def split(n=500, characters=1000):
    tokens = np.random.default_rng(3).integers(0, 9, n).astype(np.uint8)
    return Split(tokens=tokens, bytes=characters, characters=characters)


def weights(scale=1.0):
    made = Arena(parameters(tiny.settings("unused", tied=False), 9))
    made.initialise(2)
    made.flat *= scale
    return made


def test_knowing_nothing_costs_the_logarithm_of_the_vocabulary():
    s = tiny.settings("unused", tied=False)
    found = Evaluator(s, weights(0.0), split(), threads=1).run()
    assert found.nll == pytest.approx(math.log(9), rel=1e-6)
    assert found.perplexity == pytest.approx(9, rel=1e-5)
    assert found.tokens == 499
    assert found.bits_per_char == pytest.approx(math.log2(9) / 2, rel=1e-6)  # two characters a token


def test_a_part_reads_only_so_many_tokens():
    s = tiny.settings("unused", tied=False)
    assert Evaluator(s, weights(), split(), most=100, threads=1).run().tokens == 100
    assert Evaluator(s, weights(), split(50), most=100, threads=1).run().tokens == 49


def test_evaluating_again_gives_the_same():
    s = tiny.settings("unused", tied=False)
    evaluator = Evaluator(s, weights(), split(), threads=1)
    assert evaluator.run() == evaluator.run()


def test_without_characters_there_are_no_bits_per_character():
    assert result(1.0, 10, split(characters=None)).bits_per_char is None


def test_a_hopeless_model_has_a_finite_perplexity():
    assert math.isfinite(result(1e6, 10, split()).perplexity)


def test_a_request_gets_through_between_windows():
    calls = []
    Evaluator(tiny.settings("unused", tied=False), weights(), split(), threads=1).run(between=lambda: calls.append(1))
    assert len(calls) > 1
