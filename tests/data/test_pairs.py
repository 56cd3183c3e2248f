"""Parallel text: cleaning with counts, tokens of both sides."""

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
    require_pairs,
    train_tokenizers,
)
from lstmtui.errors import UsageError

PAIRS = Pairs(("a dog runs", "a cat", "the dog sleeps"), ("ein hund rennt", "eine katze", "der hund schläft"))


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
        require_pairs(clean(tokens_of((0, 1)), Rules())[1], Rules())


def test_counts_of_several_parts_add_up():
    corpora = tokens_of((3, 4), (0, 4)), tokens_of((11, 10), (10, 2))
    rules = Rules(max_tokens=10, max_ratio=2)
    first, second = (clean(corpus, rules)[1] for corpus in corpora)
    assert first.plus(second) == clean(tokens_of((3, 4), (0, 4), (11, 10), (10, 2)), rules)[1] == (4, 1, 1, 1)


@pytest.mark.parametrize("kind", ["words", "chars", "bpe"])
@pytest.mark.parametrize("joint", [True, False])
def test_vocabularies_do_not_depend_on_the_pieces_of_the_text(kind, joint):
    class InPieces:
        def texts(self, side):
            for line in getattr(PAIRS, side):
                yield f"{line}\n".encode()

    whole, pieces = (train_tokenizers(pairs, kind, joint=joint) for pairs in (PAIRS, InPieces()))
    assert [tokenizer.digest() for tokenizer in whole] == [tokenizer.digest() for tokenizer in pieces]
