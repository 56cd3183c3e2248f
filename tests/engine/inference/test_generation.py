import math

import numpy as np
import pytest
from support import tiny

from lstmtui.data import tokens
from lstmtui.engine.inference.generation import READ_TOKENS, Generations
from lstmtui.engine.inference.loaded_model import LoadedModel
from lstmtui.engine.inference.sampler import Sampler, SamplingOptions
from lstmtui.engine.nn.params import Arena, parameters
from lstmtui.errors import LstmtuiError, UsageError

KINDS = ("bytes", "chars", "words", "bpe")
GREEDY, FREE = SamplingOptions(0), SamplingOptions(1.0)


def model_of(kind: str) -> LoadedModel:
    tokenizer = tokens.train(kind, [tiny.text().encode()], 300 if kind == "bpe" else None)
    settings = tiny.settings("unused", tokens=kind, tied=False)
    weights = Arena(parameters(settings, tokenizer.size))
    weights.initialise(1)
    return LoadedModel(settings, tokenizer, weights, 1)


def random(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


def written(streams: Generations, number: int, count: int) -> list[str]:
    """Return the pieces of the next `count` tokens of a text, however many turns they take."""
    pieces: list[str] = []
    while len(pieces) < count:
        pieces += [piece.text for piece in streams.turn(number, min(3, count - len(pieces)))]
    return pieces


@pytest.mark.parametrize("kind", KINDS)
def test_texts_in_turn_are_those_that_a_sampler_writes_alone(kind):
    model, prompts = model_of(kind), ["the cat s", "a dog ran under the mat.\n" * 3, ""]
    streams = Generations(model)
    numbers = [streams.start(prompt, FREE, random(k)) for k, prompt in enumerate(prompts)]
    texts = ["", "", ""]
    for _ in range(8):
        for k, number in enumerate(numbers):
            texts[k] += "".join(written(streams, number, 4))
    for k, prompt in enumerate(prompts):
        alone = Sampler(model.settings, model.weights, model.tokenizer).text(prompt, 200, FREE, random(k))
        assert alone.startswith(texts[k].rstrip("\ufffd"))
        assert len(texts[k]) > 10


@pytest.mark.parametrize("kind", KINDS)
def test_log_probabilities_are_those_of_the_softmax_and_change_no_text(kind):
    model = model_of(kind)
    streams = Generations(model)
    plain = written(streams, streams.start("the cat sat ", FREE, random()), 12)
    number, pieces = streams.start("the cat sat ", FREE, random(), logprobs=model.tokenizer.size and 20), []
    while len(pieces) < 12:
        pieces += streams.turn(number, 12 - len(pieces))
    assert [piece.text for piece in pieces] == plain
    for piece in pieces:
        logs = [log for _, log in piece.top]
        assert logs == sorted(logs, reverse=True)
        assert piece.log_probability is not None
        assert piece.log_probability <= logs[0] + 1e-9
        assert 0 < math.fsum(map(math.exp, logs)) <= 1 + 1e-6


def test_the_prompt_is_scored_before_it_is_continued():
    model, prompt = model_of("chars"), "the bird sang in a tree.\n" * 3
    streams, scored = Generations(model), []
    number = streams.start(prompt, GREEDY, random(), logprobs=2, score=True)
    while len(scored) < len(prompt) + 5:
        scored += streams.turn(number, 8)
    head, tail = scored[: len(prompt)], scored[len(prompt) :]
    assert "".join(piece.text for piece in head) == prompt
    assert all(piece.in_prompt for piece in head)
    assert not any(piece.in_prompt for piece in tail)
    assert head[0].log_probability is None
    assert all(piece.log_probability is not None for piece in head[1:])
    reader = Sampler(model.settings, model.weights, model.tokenizer)._reader
    ids = model.tokenizer.encode(prompt.encode())
    logits = reader.read(ids[:40].reshape(-1, 1))[0].astype(np.float64)
    assert head[40].log_probability == pytest.approx(logits[ids[40]] - np.logaddexp.reduce(logits), abs=1e-6)
    plain = streams.start(prompt, GREEDY, random())
    assert written(streams, plain, 5) == [piece.text for piece in tail[:5]]


def test_a_word_that_the_prompt_begins_is_not_written_again():
    streams = Generations(model_of("words"))
    number, pieces = streams.start("the ca", GREEDY, random(), logprobs=0), []
    while not pieces:
        pieces = streams.turn(number, 1)
    assert pieces[0].text.startswith("t")
    assert not pieces[0].in_prompt


def test_a_long_prompt_is_read_in_several_turns():
    streams = Generations(model_of("chars"))
    number = streams.start("the cat sat. " * 20, GREEDY, random())
    silent = 0
    while not streams.turn(number, 8):
        silent += 1
    assert silent == math.ceil(260 / READ_TOKENS) - 1


def test_a_text_that_has_ended_cannot_be_continued():
    streams = Generations(model_of("chars"))
    number = streams.start("a", GREEDY, random())
    streams.end(number)
    streams.end(number)
    with pytest.raises(UsageError, match="no text"):
        streams.turn(number, 1)


def test_what_is_out_of_range_raises(monkeypatch):
    streams = Generations(model_of("chars"))
    for options, logprobs in ((SamplingOptions(-1), None), (GREEDY, 21), (GREEDY, -1)):
        with pytest.raises(UsageError):
            streams.start("a", options, random(), logprobs=logprobs)
    with pytest.raises(UsageError):
        streams.turn(streams.start("a", GREEDY, random()), 0)
    monkeypatch.setattr("lstmtui.engine.inference.generation.MAX_STREAMS", 1)
    with pytest.raises(LstmtuiError, match="end one first"):
        streams.start("a", GREEDY, random())
