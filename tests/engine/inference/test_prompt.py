"""How a prompt is read."""

import pytest
from support import tiny

from lstmtui.data import tokens
from lstmtui.engine.inference.prompt import prompt_tokens, unfinished_word
from lstmtui.engine.inference.token_index import TokenIndex


@pytest.mark.parametrize("kind", tokens.KINDS)
def test_every_prompt_has_tokens(kind):
    tokenizer = tokens.train(kind, [tiny.text().encode()])
    for prompt in ("", "the cat", "\u00fc\ud800", "\x00"):
        assert len(prompt_tokens(tokenizer, prompt)) >= 1


@pytest.mark.parametrize(
    ("kind", "prompt", "word"),
    [
        ("chars", "the bi", ""),
        ("words", "the bi", "bi"),
        ("words", "the bird", ""),
        ("words", "the xq", ""),
        ("words", "the ", ""),
        ("bpe", "the bi", " bi"),
        ("bpe", "the bi ", ""),
    ],
)
def test_the_unfinished_word_of_a_prompt_is_spelt_again(kind, prompt, word):
    tokenizer = tokens.train(kind, [tiny.text().encode()], 330 if kind == "bpe" else None)
    assert unfinished_word(tokenizer, TokenIndex(tokenizer), prompt.encode()) == word.encode()
