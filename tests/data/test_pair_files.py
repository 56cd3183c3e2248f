"""Tokens of pairs in the cache: parts, digests, damage, full disks, and memory."""

from __future__ import annotations

import dataclasses
import os
import tracemalloc

import numpy as np
import pytest

from lstmtui.config import DataSettings, Settings
from lstmtui.data import sources, token_files
from lstmtui.data.pair_files import digest_of, tokenise_pairs
from lstmtui.data.pair_reading import joined
from lstmtui.data.pairs import Counts, Rules, clean, encode_pairs
from lstmtui.data.parallel_corpus import open_pairs
from lstmtui.errors import LstmtuiError, UsageError

ROWS = [(f"one {n % 50} three", f"eins {n % 50} drei {n}") for n in range(200)]
UNUSABLE = [("", "leer"), ("empty", " "), ("much " * 40, "viel"), ("one", "viel " * 20)]


@pytest.fixture
def settings(tmp_path):
    def make(rows=ROWS, **changes):
        path = tmp_path / "pairs.tsv"
        path.write_text("".join(f"{source}\t{target}\n" for source, target in rows))
        given = {"tokens": "words", "valid_fraction": 0.1, "test_fraction": 0.1, **changes}
        return DataSettings.of(dataclasses.replace(Settings(purpose="translation"), corpus=(str(path),), **given))

    return make


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def test_parts_hold_out_all_pairs_of_a_source(settings, cache):
    data = tokenise_pairs(settings(), Rules(), joint=False, cache=cache)
    held_out = [set(part.pairs.source) for part in (data.valid, data.test)]
    assert all(held_out)
    assert not held_out[0] & held_out[1]
    trained = {data.tokenizers.source.text(data.train.source[n]).strip() for n in range(len(data.train))}
    assert not trained & (held_out[0] | held_out[1])
    assert len(data.train) + len(data.valid.tokens) + len(data.test.tokens) == 200


@pytest.mark.parametrize("kind", ["words", "chars", "bytes", "bpe"])
@pytest.mark.parametrize("size", [1 << 20, 50])
def test_tokens_are_those_of_all_pairs_in_memory(settings, cache, monkeypatch, kind, size):
    s, rules = settings([*ROWS, *UNUSABLE], tokens=kind), Rules(max_tokens=60)
    corpus = open_pairs(s)
    pairs = joined(list(corpus.train.chunks()))
    monkeypatch.setattr(sources.Source.chunks, "__defaults__", (size, 0, None))
    monkeypatch.setattr("lstmtui.data.ranges.CHUNK", size)
    data = tokenise_pairs(s, rules, joint=kind == "bpe", cache=cache)
    train, counts = clean(encode_pairs(pairs, data.tokenizers), rules)
    assert data.counts == counts
    assert data.digest == digest_of(train, data.tokenizers) == digest_of(data.train, data.tokenizers)
    for n in range(len(train)):
        np.testing.assert_array_equal(data.train.source[n], train.source[n])
        np.testing.assert_array_equal(data.train.target[n], train.target[n])
    for part in (data.valid, data.test):
        tokens = encode_pairs(part.pairs, data.tokenizers)
        np.testing.assert_array_equal(part.tokens.target.flat, tokens.target.flat)
        np.testing.assert_array_equal(part.tokens.source.ends, tokens.source.ends)


def test_pairs_are_cleaned_and_counted(settings, cache):
    s = settings([*ROWS, *UNUSABLE], valid_fraction=0.0, test_fraction=0.0)
    data = tokenise_pairs(s, Rules(max_tokens=30), joint=False, cache=cache)
    assert data.counts == Counts(read=204, empty=2, too_long=1, ratio=1)
    assert (len(data.train), data.valid, data.test) == (200, None, None)
    with pytest.raises(UsageError, match="No pair can be used"):
        tokenise_pairs(settings(UNUSABLE), Rules(max_tokens=10), joint=False, cache=cache)


def test_the_digest_follows_from_the_pairs(settings, cache):
    def digest(**changes):
        return tokenise_pairs(settings(**changes), Rules(), joint=False, cache=cache).digest

    first = digest()
    assert len({first, digest(valid_fraction=0.3), digest(tokens="chars"), digest(rows=ROWS[:-1])}) == 4
    assert digest() == first


def test_the_second_call_reads_the_cache(settings, cache, monkeypatch):
    first = tokenise_pairs(settings(), Rules(), joint=False, cache=cache)
    monkeypatch.setattr("lstmtui.data.pair_files._fill", None)
    second = tokenise_pairs(settings(), Rules(), joint=False, cache=cache)
    assert second.valid.pairs == first.valid.pairs
    assert (second.counts, second.digest) == (first.counts, first.digest)
    with pytest.raises(TypeError):
        tokenise_pairs(settings(), Rules(max_tokens=3), joint=False, cache=cache)


@pytest.mark.parametrize("name", ["train.source.bin", "train.target.ends.bin", "valid.source.text.bin", "target.json"])
@pytest.mark.parametrize("damage", ["shorten", "flip", "remove"])
def test_damaged_files_are_built_again(settings, cache, name, damage):
    whole = tokenise_pairs(settings(), Rules(), joint=False, cache=cache)
    path, data = whole.files.folder / name, (whole.files.folder / name).read_bytes()
    del whole
    path.unlink()
    if damage != "remove":
        path.write_bytes(data[:-1] if damage == "shorten" else data[:-2] + bytes([data[-2] ^ 4]) + data[-1:])
    tokenise_pairs(settings(), Rules(), joint=False, cache=cache)
    assert path.read_bytes() == data
    assert len(os.listdir(cache / "tokens")) == 1


def test_a_full_disk_is_reported(settings, cache, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(token_files.os, "fsync", full)
    with pytest.raises(LstmtuiError, match="No space left on device"):
        tokenise_pairs(settings(), Rules(), joint=False, cache=cache)
    assert os.listdir(cache / "tokens") == []


def test_memory_does_not_grow_with_the_pairs(settings, cache, monkeypatch):
    monkeypatch.setattr(sources.Source.chunks, "__defaults__", (1 << 12, 0, None))

    def peak(repeated):
        s = settings([*ROWS, *ROWS * repeated], valid_fraction=0.0, test_fraction=0.0)
        tracemalloc.start()
        tokenise_pairs(s, Rules(), joint=False, cache=cache)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1)
    small, large = peak(2), peak(22)
    assert large - small < 16 * 20 * len(ROWS)  # bytes of each pair; its lines, as Python strings, have 150
