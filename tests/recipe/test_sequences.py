"""Default settings of translation, speech and captions."""

from __future__ import annotations

import pytest

from lstmtui import recipe
from lstmtui.config import AUTO, Settings
from lstmtui.errors import UsageError
from lstmtui.recipe import AudioSize, PictureSize

EMOJI = PictureSize(pictures=2986, captions=2986, characters=90_000, longest=80, longest_words=14)


def captions(about=EMOJI, **given):
    chosen = {"tokens": AUTO, "vectors": 64, "vector_size": 192, **given}
    return recipe.resolve_captions(Settings(purpose="captions", **chosen), about)


def test_captions_are_words_that_a_batch_has_room_for():
    s = captions()
    assert (s.data.tokens, s.data.vocabulary, s.length.minutes) == ("words", 10_000, 10)
    assert s.length.batch * s.length.bptt >= 15
    assert (s.pictures.vectors, s.pictures.vector_size, s.pictures.grid) == (64, 192, (8, 8))
    assert captions(tokens="bpe").data.vocabulary == 900
    assert (s.length.patience, captions(patience=3).length.patience) == (0, 3)
    assert captions(tokens="chars").length.bptt == 64


def test_few_captions_have_small_batches_and_less_time():
    few = captions(PictureSize(pictures=10, captions=10, characters=200, longest=30, longest_words=20))
    assert (few.length.batch, few.length.minutes) == (1, 3)
    assert few.length.bptt >= 21


def test_captions_that_are_read_often_have_more_dropout():
    rates = [captions(epochs=epochs).regularisation.dropout for epochs in (10, 50, 100)]
    assert rates == sorted(set(rates))


def test_many_captions_in_little_time_have_little_dropout(monkeypatch):
    monkeypatch.setattr("lstmtui.recipe.sequences.training_flops", lambda precision: 65e9)
    icons = PictureSize(pictures=5363, captions=10_297, characters=200_000, longest=60, longest_words=8)
    rates = [captions(about, threads=1, minutes=10).regularisation.dropout for about in (icons, EMOJI)]
    assert rates == [0.1, 0.3]  # 27 and 92 passes


def test_a_longer_run_of_captions_has_a_wider_network():
    short, long = captions(), captions(minutes=60)
    assert short.network.hidden < long.network.hidden
    assert short.optimisation.lr > long.optimisation.lr


def test_given_settings_are_kept():
    s = captions(hidden=7, batch=3, bptt=9, steps=5, dropout=0.0)
    assert (s.network.hidden, s.network.embedding, s.length.batch, s.length.bptt) == (7, 7, 3, 9)
    assert (s.length.steps, s.regularisation.dropout) == (5, 0.0)


def test_a_batch_of_speech_holds_the_longest_recording():
    audio = AudioSize(recordings=60, seconds=300.0, longest=20.0, characters=900, rate=8000)
    s = recipe.resolve_speech(Settings(purpose="speech", tokens=AUTO), audio)
    assert s.length.batch * s.length.bptt >= 20 / 0.9 * 100 / s.speech.stack
    with pytest.raises(UsageError, match=r"A --sample-rate of 3,000 is too low for speech"):
        recipe.resolve_speech(Settings(purpose="speech", sample_rate=3000), audio)


def test_a_large_translation_has_a_wider_network_and_more_tokens():
    small, large = (
        recipe.resolve_translation(Settings(purpose="translation", tokens=AUTO), pairs=size // 80, corpus_bytes=size)
        for size in (100_000, 4_000_000)
    )
    assert (small.network.hidden, large.network.hidden) == (128, 256)
    assert small.data.vocabulary < large.data.vocabulary
    assert small.data.tokens == "bpe"
