from __future__ import annotations

import json

import pytest
from support import exported_models
from tokenizers import Tokenizer as Engine

from lstmtui.data.tokens import Chars, Words
from lstmtui.errors import CorruptError
from lstmtui.exchange.tokenizer_json import from_huggingface, to_huggingface

TEXT = "the cat sat on the mat.\na dog ran\n\nunder a tree."


@pytest.mark.parametrize("kind", ["bytes", "chars", "words", "bpe"])
def test_the_library_gives_the_same_ids_and_the_same_text(kind):
    tokenizer = exported_models.tokenizer(kind)
    engine = Engine.from_str(json.dumps(to_huggingface(tokenizer)))
    ids = engine.encode(TEXT).ids
    assert ids == tokenizer.encode(TEXT.encode()).tolist()
    known = [i for i in ids if i != tokenizer.unk]
    assert engine.decode(known, skip_special_tokens=False) == tokenizer.text(known)


@pytest.mark.parametrize("kind", ["bytes", "chars", "words", "bpe"])
def test_a_tokenizer_comes_back_with_the_same_digest(kind):
    tokenizer = exported_models.tokenizer(kind)
    body = json.loads(json.dumps(to_huggingface(tokenizer)))
    assert from_huggingface(body, "it", scripts=True).digest() == tokenizer.digest()


def test_characters_beyond_ascii_and_words_at_spaces_alone():
    chars, words = Chars("\n äé漢😀"), Words(["grün".encode(), "漢字".encode()], only_spaces=True)
    for tokenizer, text, scripts in ((chars, "é漢 😀\nä", True), (words, "漢字 grün\ngrün", False)):
        body = to_huggingface(tokenizer)
        assert Engine.from_str(json.dumps(body)).encode(text).ids == tokenizer.encode(text.encode()).tolist()
        assert from_huggingface(body, "it", scripts=scripts).digest() == tokenizer.digest()


def test_marks_behind_words_are_tokens_and_stand_without_a_space():
    words = Words([piece.encode() for piece in ("a", "cat", ":", ",", "!", ".5")], marks=True)
    body = to_huggingface(words)
    engine = Engine.from_str(json.dumps(body))
    for text in ("a cat: a, cat!", "cat!! .5 a", "a , cat", ":, cat\na!"):
        ids = engine.encode(text).ids
        assert ids == words.encode(text.encode()).tolist()
        assert engine.decode(ids) == words.text(ids)
    assert from_huggingface(body, "it").digest() == words.digest()


@pytest.mark.parametrize(
    "change",
    [
        {"model": None}, {"model": {"type": "Unigram", "vocab": {"<unk>": 0}}},
        {"model": {"type": "WordLevel", "vocab": {"<unk>": 0, "a": 2}}},
        {"model": {"type": "WordLevel", "vocab": {"<unk>": 0, "b": 1, "a": 2}}},
        {"model": {"type": "WordLevel", "vocab": ["<unk>"]}}, {"model": {"type": "WordLevel", "vocab": {}}},
        {"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}, "pre_tokenizer": None},
        {"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}, "pre_tokenizer": {"type": "ByteLevel"}},
    ],
)  # fmt: skip
def test_what_has_no_equal_here_is_one_sentence(change):
    body = {**to_huggingface(exported_models.tokenizer("chars")), **change}
    with pytest.raises(CorruptError, match="The tokenizer it cannot be used") as raised:
        from_huggingface(body, "it")
    assert "\n" not in str(raised.value)
