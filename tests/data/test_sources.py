"""Input that cannot be used: one clear sentence each."""

from __future__ import annotations

import pytest
from support.corpora import prepare, refusal, write_file

from lstmtui.data.reading import resolve_names
from lstmtui.errors import UsageError

TEXT = ("Plain text that anyone can read.\n" * 40).encode()


@pytest.mark.parametrize("tokens", ["bytes", "chars", "words", "bpe"])
def test_one_byte_is_too_little_to_train_on(tokens, tmp_path):
    assert "only 1 byte long" in refusal(tmp_path, write_file(tmp_path, b"x"), tokens=tokens)


def test_one_byte_is_too_little_to_validate_on(tmp_path):
    train, valid = write_file(tmp_path, TEXT), write_file(tmp_path, b"x", "valid.txt")
    assert f"{valid} is only 1 byte long" in refusal(tmp_path, train, valid=[str(valid)])


@pytest.mark.parametrize(("tokens", "data"), [("chars", b"a" * 500), ("bytes", b"\0" * 500), ("words", b"ha " * 500)])
def test_a_vocabulary_of_one_token_is_refused(tokens, data, tmp_path):
    assert "nothing to learn" in refusal(tmp_path, write_file(tmp_path, data), tokens=tokens)


def test_a_byte_order_mark_is_dropped_from_text_and_kept_in_bytes(tmp_path):
    path = write_file(tmp_path, b"\xef\xbb\xbf" + TEXT)
    cache = tmp_path / "cache"
    chars = prepare(train=[str(path)], cache=cache)
    raw = prepare(train=[str(path)], tokens="bytes", cache=cache)
    assert chars.tokenizer.decode(chars.train.tokens[:5]) == b"Plain"
    assert bytes(raw.train.tokens[:3]) == b"\xef\xbb\xbf"


def test_crlf_is_kept_by_bytes_and_exact_chars_and_is_a_line_end_to_words(tmp_path):
    path = write_file(tmp_path, TEXT.replace(b"\n", b"\r\n"))
    made = {
        tokens: prepare(train=[str(path)], tokens=tokens, valid_fraction=0, exact=True, cache=tmp_path / "cache")
        for tokens in ("bytes", "chars", "words")
    }
    for tokens in ("bytes", "chars"):
        assert made[tokens].tokenizer.decode(made[tokens].train.tokens) == path.read_bytes()
    assert made["words"].tokenizer.decode(made["words"].train.tokens) == TEXT


def test_only_text_tokens_check_the_format(tmp_path):
    source = resolve_names([str(write_file(tmp_path, b"\0\xff" * 100))])
    source.check("bytes")
    with pytest.raises(UsageError):
        source.check("chars")
