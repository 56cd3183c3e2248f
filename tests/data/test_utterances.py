"""Utterances: labels of transcripts, and what cannot be learnt from is counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lstmtui.data import tokens
from lstmtui.data.audio import AudioFacts
from lstmtui.data.feature_file import Features, Peculiar
from lstmtui.data.pairs import Sentences
from lstmtui.data.recordings import Recordings
from lstmtui.data.utterances import decode_labels, encode_texts, needed_steps, notes, usable
from lstmtui.errors import UsageError


def recordings(texts):
    count = len(texts)
    files = tuple(Path(f"{n}.wav") for n in range(count))
    return Recordings(files, tuple(texts), ("",) * count, (AudioFacts(8000, 1, 8000, 0),) * count)


def features(lengths, **peculiar):
    lengths = np.array(lengths)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    return Features(np.zeros((int(lengths.sum()), 8), np.float16), starts, lengths, "digest", Peculiar(**peculiar))


@pytest.mark.parametrize("kind", ["chars", "words", "bpe"])
def test_labels_are_read_back_as_the_text(kind):
    texts = ["one two two", "seven", "two one"]
    tokenizer = tokens.train(kind, [f"{text}\n".encode() for text in texts] * 5, 300 if kind == "bpe" else None)
    labels, unknown = encode_texts(texts, tokenizer)
    assert unknown.tolist() == [0, 0, 0]
    assert labels.flat.min() >= 1
    assert labels.flat.max() <= tokenizer.size
    assert [decode_labels(labels[n], tokenizer) for n in range(3)] == texts
    blanks = np.insert(labels[0], [0, 1, len(labels[0])], 0)
    assert decode_labels(blanks, tokenizer) == texts[0]


def test_unknown_tokens_have_no_label():
    labels, unknown = encode_texts(["abz", "zz"], tokens.train("chars", [b"abc"]))
    assert [labels[n].tolist() for n in range(2)] == [[2, 3], []]
    assert unknown.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("sentences", "needed"),
    [
        ([[1, 2, 3]], [3]),
        ([[1, 1, 1]], [5]),
        ([[1, 2, 2], [2, 2], [], [2], [], []], [4, 3, 0, 1, 0, 0]),
        ([[], []], [0, 0]),
        ([], []),
    ],
)
def test_equal_neighbours_need_a_step_between_them(sentences, needed):
    assert needed_steps(Sentences.of([np.array(one, np.int32) for one in sentences])).tolist() == needed


def test_what_cannot_be_learnt_from_is_counted_and_left_out():
    texts = ["ab", "ab", "ab", "zz", "aab", "aab", "bz"]
    found, counts = usable(
        recordings(texts), features([8, 0, 8, 8, 7, 6, 4], silent=(2,)), tokens.train("chars", [b"ab"]), 2
    )
    assert found.recordings.texts == ("ab", "aab", "bz")
    assert found.features.lengths.tolist() == [8, 7, 4]
    assert [found.labels[n].tolist() for n in range(3)] == [[2, 3], [2, 2, 3], [3]]
    assert counts == (7, 1, 1, 1, 1, 1)
    assert counts.describe() == (
        "3 of 7 recordings; left out: 1 damaged, 1 silent, 1 without a known token, "
        "1 with a text longer than its audio allows; 1 unknown tokens are skipped"
    )


def test_a_person_is_told_of_what_was_heard():
    texts, damaged = ["ab", "b", "a"], ("The recording 2.wav is empty.",)
    heard = features([8, 8, 0], clipped=(1,), damaged=damaged)
    _, counts = usable(recordings(texts), heard, tokens.train("chars", [b"ab"]), 2)
    assert notes(recordings(texts), heard, counts) == [
        "2 of 3 recordings; left out: 1 damaged.",
        "1 of 3 recordings is overdriven (clipped); the first of these: 1.wav.",
        *damaged,
    ]


def test_nothing_left_is_refused():
    with pytest.raises(UsageError, match="No recording can be used: 0 of 1 recordings; left out: 1 with a text longer"):
        usable(recordings(["ab"]), features([2]), tokens.train("chars", [b"ab"]), 2)
