"""Default settings of translation, speech and captions, which follow from the size of the corpus and the time."""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

from lstmtui.common.hardware import cpu_count, training_flops
from lstmtui.config import AUTO, RunSettings, Settings
from lstmtui.errors import UsageError
from lstmtui.recipe.text import MB, completed, for_characters

MIN_SAMPLE_RATE = 4_000
"""Samples a second below which speech cannot be understood."""
MAX_COMMANDS, MIN_USES_OF_A_COMMAND = 100, 15
"""Distinct words of recordings that are learnt as whole words, and how often each is said on average."""


class PictureSize(NamedTuple):
    """The size of the pictures and captions that a run is trained on."""

    pictures: int
    captions: int
    characters: int
    """Of all captions."""
    longest: int
    """Characters of the longest caption."""
    longest_words: int
    """Words of the longest caption."""


class AudioSize(NamedTuple):
    """The size of the recordings that a run is trained on."""

    recordings: int
    seconds: float
    """Of all together."""
    longest: float
    """Seconds of the longest."""
    characters: int
    """Of all transcripts."""
    rate: int
    """Samples a second of most of them."""
    words: int = 0
    """Of all transcripts."""
    distinct_words: int = 0

    @property
    def has_commands(self) -> bool:
        """Whether recordings have a word or two each, of a few that are said again and again."""
        often = self.words >= MIN_USES_OF_A_COMMAND * self.distinct_words
        return often and 0 < self.distinct_words <= MAX_COMMANDS and self.words <= 2 * self.recordings


def resolve_translation(s: Settings, *, pairs: int, corpus_bytes: int) -> RunSettings:
    """Return `s` with every open field chosen for so many pairs, of so many bytes on both sides together."""
    if s.tokens == AUTO:
        s = dataclasses.replace(s, tokens="bpe")
    minutes = s.minutes or (3.0 if corpus_bytes < MB else 10.0 if corpus_bytes < 10 * MB else 30.0)
    target_tokens = max(1, int(corpus_bytes / 2 / {"words": 5.5, "bpe": 4.5}.get(s.tokens, 1)))
    batch, bptt = s.batch or max(1, min(64, pairs // 4)), s.bptt or 16
    steps = max(1, target_tokens // (batch * bptt))
    vocabulary = {"bpe": max(500, min(8_000, corpus_bytes // 300)), "words": 12_000}.get(s.tokens)
    hidden = s.hidden or (256 if corpus_bytes > MB else 128)
    embedding = s.embedding or hidden // 2
    parameters = 16 * hidden * hidden + (s.vocabulary or vocabulary or 200) * embedding
    passes = _passes_of_sequences(s, minutes, target_tokens, parameters, steps)
    choices = {
        **for_characters(s, corpus_bytes),
        "minutes": minutes,
        "vocabulary": vocabulary,
        "hidden": hidden,
        "embedding": embedding,
        "layers": 1,
        "tied": False,
        "dropout": 0.1 if passes < 4 else 0.2 if passes < 12 else 0.3,
        "dropout_in": 0.1 if passes < 4 else 0.2,
        "lr": 2e-3,
        "ema": 0.999 if passes * steps > 5_000 else 0.0,
        "batch": batch,
        "bptt": bptt,
        "recompute": False,
        "eval_every": max(20, steps),
        "eval_tokens": 0,
    }
    return completed(s, choices)


def resolve_speech(s: Settings, audio: AudioSize) -> RunSettings:
    """Return `s` with every open field chosen for recordings of this size.

    Word error rate on the test part of yesno (3 minutes of audio), some 150 steps, one seed each, 2x64, batch 4: 5.6 %
    with averaged weights (0.998) and 3.0 % without; 38 steps of 2x128, batch 7, in the same time had learnt no word.
    """
    if s.tokens == AUTO:
        s = dataclasses.replace(s, tokens="words" if audio.has_commands else "chars")
    if 0 < s.sample_rate < MIN_SAMPLE_RATE:
        raise UsageError(
            f"A --sample-rate of {s.sample_rate:,} is too low for speech; give {MIN_SAMPLE_RATE:,} or more."
        )
    s = dataclasses.replace(s, sample_rate=s.sample_rate or (8_000 if audio.rate <= 8_000 else 16_000))
    hours = audio.seconds / 3600
    minutes = s.minutes or (3.0 if hours < 0.25 else 10.0 if hours < 0.75 else 30.0)
    per_second = 100 / s.stack
    batch = s.batch or max(1, min(16, audio.recordings // 7))
    # A batch holds the longest utterance, also where augmentation slows it down.
    longest = math.ceil(audio.longest / (1 - s.speed) * per_second) + 1
    bptt = s.bptt or max(math.ceil(audio.seconds / audio.recordings * per_second), math.ceil(longest / batch))
    steps = max(1, round(audio.seconds * per_second / (batch * bptt)))
    hidden, layers = s.hidden or (64 if hours < 0.1 else 128 if hours < 0.75 else 256), s.layers or 2
    ways = 2 if s.directions == "both" else 1
    parameters = layers * ways * 4 * hidden * (ways + 1) * hidden
    passes = _passes_of_sequences(s, minutes, audio.seconds * per_second, parameters, steps)
    choices = {
        **for_characters(s, audio.characters),
        "minutes": minutes,
        "vocabulary": {"bpe": max(100, min(1_000, audio.characters // 100)), "words": 5_000}.get(s.tokens),
        "hidden": hidden,
        "embedding": hidden,
        "layers": layers,
        "tied": False,
        "dropout": 0.1 if passes < 5 else 0.2 if passes < 20 else 0.3,
        "dropout_in": 0.0,
        "lr": 3e-3 if hidden >= 256 else 6e-3,
        "warmup": 50,
        "batch": batch,
        "bptt": bptt,
        "recompute": False,
        "eval_every": max(50, steps),
        "eval_tokens": 0,
    }
    return completed(s, choices)


SLOWER_PICTURES = 3
"""Layers of 64 units, the decoder and the reading of pictures take three times as long as the encoder's products would
at the speed of wide ones: icons were read 27 times where 81 had been expected, and had too much dropout."""


def resolve_captions(s: Settings, about: PictureSize) -> RunSettings:
    """Return `s` with every open field chosen for pictures and captions of this size.

    `s.vectors` and `s.vector_size` are known. The encoder computes several times as much as the decoder, so its
    vectors are what the passes follow from.
    """
    if s.tokens == AUTO:
        s = dataclasses.replace(s, tokens="words")
    minutes = s.minutes or (3.0 if about.captions < 1_000 else 10.0)
    batch = s.batch or max(1, min(32, about.captions // 8))
    longest = {"words": about.longest_words, "bpe": about.longest // 2}.get(s.tokens, about.longest) + 1
    bptt = s.bptt or max(math.ceil(longest / batch), min(64, longest))
    steps = max(1, about.captions // batch)
    # Emoji, nine minutes of a busy core: word F1 0.42 and 10 % exact with 64 units, 0.38 and 5 % with 128 (validation).
    hidden = s.hidden or (64 if minutes <= 15 else 128)
    embedding = s.embedding or hidden
    parameters = 6 * hidden * (embedding + 4 * hidden)
    passes = _passes_of_sequences(s, minutes, SLOWER_PICTURES * about.captions * s.vectors, parameters, steps)
    choices = {
        **for_characters(s, about.characters),
        "minutes": minutes,
        "vocabulary": {"bpe": max(200, min(4_000, about.characters // 100)), "words": 10_000}.get(s.tokens),
        "hidden": hidden,
        "embedding": embedding,
        "layers": 1,
        "tied": False,
        "dropout": 0.1 if passes < 30 else 0.2 if passes < 60 else 0.3,
        "dropout_in": 0.0,
        "lr": 4e-3 if hidden <= 64 else 3e-3,
        "ema": 0.998 if passes * steps > 2_000 else 0.0,
        "batch": batch,
        "bptt": bptt,
        "recompute": False,
        "eval_every": max(50, steps),
        "eval_tokens": 0,
        # What no training caption names gets ever less probable, and the loss rises with it; captions still get better.
        "patience": 0,
    }
    return completed(s, choices)


def _passes_of_sequences(s: Settings, minutes: float, tokens: float, parameters: int, steps: int) -> float:
    """Return about how often pairs or recordings are read; `tokens`, or frames, and `steps` are those of one pass."""
    if s.epochs is not None:
        return s.epochs
    if s.steps is not None:
        return s.steps / steps
    return minutes * 60 * (s.threads or min(cpu_count(), 16)) * training_flops(s.precision) / (6 * parameters * tokens)
