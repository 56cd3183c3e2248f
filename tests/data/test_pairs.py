"""Parallel text: reading from a table and from two files, cleaning with counts, tokens of both sides."""

from __future__ import annotations

import numpy as np
import pytest

from lstmtui.data.pairs import (
    Pairs,
    PairTokens,
    Rules,
    Sentences,
    clean,
    encode_pairs,
    line_end,
    read_pairs,
    train_tokenizers,
)
from lstmtui.errors import UsageError


def write(tmp_path, **files):
    """Write files by name, and return their paths."""
    paths = []
    for name, data in files.items():
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        paths.append(str(path))
    return paths


def read(tmp_path, *, encoding="", **files):
    return read_pairs(write(tmp_path, **files), encoding=encoding, cache=tmp_path / "cache")


PAIRS = Pairs(("a dog runs", "a cat", "the dog sleeps"), ("ein hund rennt", "eine katze", "der hund schläft"))


def test_two_files_are_read_line_by_line(tmp_path):
    pairs = read(tmp_path, en="one\n\ntwo\n", de="eins\nnull\nzwei")
    assert pairs == Pairs(("one", "", "two"), ("eins", "null", "zwei"))


def test_a_table_is_read_by_columns_and_a_missing_side_is_empty(tmp_path):
    pairs = read(tmp_path, pairs="Go.\tVa !\tCC-BY\nRun!\n\tSeul\n")
    assert pairs == Pairs(("Go.", "Run!", ""), ("Va !", "", "Seul"))


def test_text_is_in_normal_form_c_without_byte_order_marks_or_carriage_returns(tmp_path):
    pairs = read(tmp_path, en=b"\xef\xbb\xbfcafe\r\n", fr="cafe\u0301\r\n")
    assert pairs == Pairs(("cafe",), ("café",))


def test_another_encoding_is_read_where_it_is_named(tmp_path):
    assert read(tmp_path, encoding="latin-1", en=b"coffee\n", fr=b"caf\xe9\n").target == ("café",)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"en": "a\nb\n", "de": "a\n"}, "have 2 and 1 lines"),
        ({"pairs": "a b\nc d\n"}, "no tab in any line"),
        ({"a": "1\n", "b": "2\n", "c": "3\n"}, "not 3; give one or two files"),
        ({"en": b"a\0b\n", "de": "a\n"}, "is no text"),
        ({"en": b"caf\xe9 noir et th\xe9\n", "de": "a\n"}, "no valid UTF-8"),
        ({"en": "a\n", "de": ""}, "is empty"),
    ],
    ids=["unlike lines", "no tab", "three files", "NUL", "encoding", "empty"],
)
def test_files_that_are_no_pairs_are_refused_in_one_sentence(tmp_path, files, message):
    with pytest.raises(UsageError, match=message) as raised:
        read(tmp_path, **files)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("kind", ["words", "chars", "bytes", "bpe"])
@pytest.mark.parametrize("joint", [True, False])
def test_every_line_becomes_its_tokens_and_a_line_end(kind, joint):
    tokenizers = train_tokenizers(PAIRS, kind, joint=joint)
    if joint:
        source, target = tokenizers
        assert all(source.token_bytes(i) == target.token_bytes(i) for i in range(target.size))
    corpus = encode_pairs(PAIRS, tokenizers)
    sides = (corpus.source, PAIRS.source), (corpus.target, PAIRS.target)
    for tokenizer, (side, lines) in zip(tokenizers, sides, strict=True):
        end = line_end(tokenizer)
        for n, line in enumerate(lines):
            *ids, last = side[n]
            assert last == end
            assert end not in ids
            if kind != "words":  # of which those seen once are unknown
                assert tokenizer.text(ids) == line


def test_a_joint_vocabulary_knows_the_characters_of_both_sides():
    both = train_tokenizers(PAIRS, "chars", joint=True).source
    assert both.unk not in both.encode("schläft".encode())
    assert both.unk in train_tokenizers(PAIRS, "chars").source.encode("schläft".encode())


def test_the_tokens_of_targets_come_first_in_a_joint_vocabulary_of_pieces():
    pairs = Pairs(("the dog sleeps there", "the other dog sleeps") * 3, ("der Hund", "der Hund da") * 3)
    source, target = train_tokenizers(pairs, "bpe", 300, joint=True)
    merged = [{tokenizer.token_bytes(i) for i in range(256, tokenizer.size)} for tokenizer in (source, target)]
    assert b" Hund" in merged[1]
    assert b" dog" in merged[0] - merged[1]
    assert {source.token_bytes(i) for i in range(256)} == {bytes([byte]) for byte in range(256)}
    # What the target has no token for is written in bytes.
    ids = target.encode(b"der dog")
    assert target.decode(ids) == b"der dog"
    assert ids.max() < target.size < source.size


def test_a_vocabulary_without_the_line_end_is_refused():
    with pytest.raises(UsageError, match="end of a line"):
        encode_pairs(PAIRS, train_tokenizers(PAIRS, "chars", 3))


def tokens_of(*lengths):
    """Return pairs of these lengths of source and target, line ends not counted."""
    sides = (Sentences.of([np.arange(n + 1, dtype=np.int32) for n in side]) for side in zip(*lengths, strict=True))
    return PairTokens(*sides)


def test_each_rule_leaves_out_its_pairs_and_counts_them():
    corpus = tokens_of((3, 4), (0, 4), (2, 0), (11, 10), (10, 2), (10, 5), (0, 99))
    rules = Rules(max_tokens=10, max_ratio=2)
    kept, counts = clean(corpus, rules)
    assert counts == (7, 3, 1, 1)
    assert counts.left == len(kept) == 2
    np.testing.assert_array_equal(kept.source.lengths, [4, 11])
    np.testing.assert_array_equal(kept.target[1], np.arange(6))
    assert counts.describe(rules) == (
        "2 of 7 pairs; left out: 3 with an empty side, 1 with a side of more than 10 tokens, "
        "1 with one side more than 2 times as long as the other"
    )
    assert clean(kept, rules)[1].describe(rules) == "2 of 2 pairs"


def test_no_pair_left_is_one_sentence():
    with pytest.raises(UsageError, match="No pair can be used: 0 of 1 pairs; left out: 1 with an empty side"):
        clean(tokens_of((0, 1)), Rules())
