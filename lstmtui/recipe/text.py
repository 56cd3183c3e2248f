"""Default settings of language models, which follow from the text, the time and other settings.

`resolve` is a pure function of the given settings, the size of the corpus and its beginning, so that the same command
makes the same run.
"""

from __future__ import annotations

import dataclasses

from lstmtui.common.hardware import cpu_count, machine_memory_bytes, training_flops
from lstmtui.common.word_boundaries import CharKind, char_kind, unspaced_fraction, words_and_line_ends
from lstmtui.config import AUTO, TEXT_PURPOSES, RunSettings, Settings
from lstmtui.errors import UsageError

MB = 1_000_000
TARGET_PASSES = 4
"""Passes over the text that the width of an autocomplete network is chosen for."""
TARGET_PASSES_OF_WORDS = 7
"""The same for other networks of words, which learn more themselves: they have no index of the text."""
PENALTIES = {"activation_reg": 2.0, "temporal_reg": 1.0}
"""Penalties on large and on changing outputs, for words that are read often: Merity et al. 2017, arXiv:1708.02182.

Perplexity of all of the Penn Treebank's validation text, one seed each. Trained on its first third, 9 passes, 2x325:
129.7 with these, 131.1 with half as much; without, 198 where these had 174, and the run was stopped. On all of it, 3
passes, 2x200: 110.9 with these, 110.7 with half as much, 116.0 without. More noise was worse, at half the learning rate
and without penalties: dropout 0.65 158.2, weight drop 0.4 161.1, embedding dropout 0.15 157.6, none of them 152.7.
"""
MIN_PASSES_FOR_PENALTIES = 3
"""Passes from which on penalties help.

Perplexity on everyday talk (DailyDialog), one layer of 256: one pass over all of it 69.0 with half of them and 68.4
without, three passes over a third of it 97.9 with them and 102.1 without.
"""
MIN_MINUTES_OF_A_LONG_RUN = 20
"""Minutes from which on a run evaluates less often, on more tokens."""
DROPOUT_RISE = 0.7
"""The fraction of a run over which the dropout of words rises."""
MAX_WORD_CHARACTERS = 30
"""Characters of the longest word worth completing; longer ones belong to scripts without spaces, or to codes."""
MAX_ALPHABET = 200
"""Distinct characters in the beginning of a text that is written with an alphabet."""
_SEPARATORS = frozenset(" \n\r\N{NO-BREAK SPACE}")
MINUTES_FROM_START = 2.0
LR_FROM_START = 0.3
"""The fraction of the peak learning rate for weights that are trained already."""
CHARACTERS_PER_MINUTE = 2_300_000
"""Characters that two processors with 512-bit vectors train a 2x256 LSTM on, evaluations included."""


def resolve(s: Settings, *, corpus_bytes: int, beginning: bytes = b"") -> RunSettings:
    """Return `s` with every open field chosen; the beginning of the text decides the kind of tokens."""
    if s.purpose not in TEXT_PURPOSES:
        command = f"train --for {s.purpose}" if s.purpose in ("translation", "speech", "captions") else s.purpose
        raise UsageError(f"This is not for the purpose {s.purpose}; 'lstmtui {command}' makes such runs.")
    text = beginning.decode("utf-8", "ignore")
    if s.tokens == AUTO:
        s = dataclasses.replace(s, tokens=_choose_tokens(s, text))
    if s.start:
        return completed(s, _choices_from_start(s, corpus_bytes, text))
    return completed(s, _choices(s, corpus_bytes, text))


def completed(s: Settings, choices: dict[str, object]) -> RunSettings:
    """Return `s` with `choices` for its open fields; a length in another unit takes the place of the minutes."""
    chosen = {name: value for name, value in choices.items() if getattr(s, name) is None}
    if not (s.minutes is s.epochs is s.steps is None):
        chosen.pop("minutes", None)
    return RunSettings.of(dataclasses.replace(s, **chosen))  # type: ignore[arg-type]  # names and types are Settings' own


def _choose_tokens(s: Settings, text: str) -> str:
    """Return the kind of tokens for the purpose and the text.

    For autocomplete: characters where no words stand between spaces, as in Chinese or in a genome; words where the text
    is words and spaces alone; else byte pairs, which keep capitals, punctuation and unknown words. Keystrokes saved on
    lower-case DailyDialog, 3.7 minutes each: words 42.1 % (30.6 % on phrases of another kind), byte pairs 41.5 %
    (28.2 %).
    """
    if s.purpose != "autocomplete":
        return "chars"
    if _has_no_words(text):
        return "chars"
    return "words" if text and _is_plain_words(text) else "bpe"


def _has_no_words(text: str) -> bool:
    """Return whether most of `text` is not words between spaces."""
    lengths = [len(word.decode("utf-8", "ignore")) for word in words_and_line_ends(text.encode())]
    long = sum(length for length in lengths if length > MAX_WORD_CHARACTERS)
    return long > sum(lengths) / 2 or unspaced_fraction(text) > 0.5


def _is_plain_words(text: str) -> bool:
    """Return whether `text` is lower-case words and separators alone."""
    marks = {
        char
        for char in set(text) - _SEPARATORS
        if char == "_" or char_kind(char) not in (CharKind.WORD, CharKind.EXTEND)
    }
    return not marks and text == text.lower()


def _choices_from_start(s: Settings, corpus_bytes: int, text: str) -> dict[str, object]:
    """Return the settings of a run that begins with trained weights: short, and in smaller steps.

    No limit of the vocabulary is chosen: what the text says twice is added to it.
    """
    if s.minutes is s.epochs is s.steps is None:
        s = dataclasses.replace(s, minutes=MINUTES_FROM_START)
    choices = _choices(s, corpus_bytes, text)
    return {**choices, "vocabulary": None, "lr": LR_FROM_START * float(str(choices["lr"]))}


def _choices(s: Settings, corpus_bytes: int, text: str) -> dict[str, object]:
    general = for_characters(s, corpus_bytes)
    if s.tokens == "chars" and len(set(text)) > MAX_ALPHABET:
        return {**general, **_for_one_wide_layer(s, corpus_bytes, len(text.encode()) / len(text))}
    if s.tokens not in ("words", "bpe"):
        return general
    if s.purpose == "autocomplete":
        return {**general, **_for_one_wide_layer(s, corpus_bytes, 4.5)}
    return {**general, **_for_words(s, corpus_bytes)}


def _for_words(s: Settings, corpus_bytes: int) -> dict[str, object]:
    """Return the settings that differ for words and byte pairs: the time decides the width, that the dropout."""
    minutes = s.minutes or _minutes(s, corpus_bytes)
    tokens = _training_tokens(s, corpus_bytes, 5)
    vocabulary = s.vocabulary or (2_000 if s.tokens == "bpe" else max(1_000, min(50_000, tokens // 90)))
    layers = s.layers or 2

    def passes(hidden: int) -> float:
        return _passes_of_words(s, minutes, tokens, 8 * layers * hidden * hidden + vocabulary * hidden, batch=20)

    widths = [h for h in (650, 512, 400, 300, 200) if h <= _max_width(tokens)]
    hidden = s.hidden or next((h for h in widths if passes(h) >= TARGET_PASSES_OF_WORDS), min(200, _max_width(tokens)))
    tied = s.tied if s.tied is not None else s.embedding in (None, hidden)
    return {
        "minutes": minutes,
        "vocabulary": 2_000 if s.tokens == "bpe" else None,
        "hidden": hidden,
        "layers": 2,
        "embedding": hidden,
        "tied": tied,
        **_regularisation_of_words(passes(hidden)),
        "batch": s.batch or max(1, min(20, tokens // (4 * (s.bptt or 35)))),
        "bptt": 35,
    }


def _for_one_wide_layer(s: Settings, corpus_bytes: int, bytes_per_token: float) -> dict[str, object]:
    """Return the settings that differ for autocomplete, and for large alphabets such as Chinese.

    Bits per character on validation text, Chinese manual pages, 540,000 characters, 8 passes: 5.54 with two layers of
    256 and the settings of a small alphabet, 5.15 with one layer of 384 and these.
    """
    minutes = s.minutes or (3.0 if corpus_bytes < MB else 8.0)
    tokens = _training_tokens(s, corpus_bytes, bytes_per_token)
    max_vocabulary = {"bpe": 8_000, "words": 12_000}.get(s.tokens, 4_000)
    vocabulary = s.vocabulary or max(1_000, min(max_vocabulary, tokens // 30))

    def passes(hidden: int) -> float:
        return _passes_of_words(s, minutes, tokens, 8 * hidden * hidden + vocabulary * hidden, batch=32)

    widths = [h for h in (512, 384, 256, 192) if h <= _max_width(tokens)]
    hidden = s.hidden or next((h for h in widths if passes(h) >= TARGET_PASSES), 128)
    tied = s.tied if s.tied is not None else s.embedding in (None, hidden)
    bptt = s.bptt or 35
    return {
        "minutes": minutes,
        "vocabulary": {"bpe": max(512, vocabulary), "words": vocabulary}.get(s.tokens),
        "hidden": hidden,
        "embedding": hidden,
        "tied": tied,
        "layers": 1,
        **_regularisation_of_words(passes(hidden)),
        "batch": s.batch or max(1, min(32, tokens // (4 * bptt))),
        "bptt": bptt,
    }


def for_characters(s: Settings, corpus_bytes: int) -> dict[str, object]:
    """Return the settings for characters and bytes, and those that do not depend on the tokens."""
    hidden = s.hidden or 256
    minutes = s.minutes or _minutes(s, corpus_bytes)
    # Many short windows are better than few long ones: on tinyshakespeare, 2.9 million characters end at 1.524 nats per
    # character with 32 streams of 64 steps, 1.493 with 16 of 64, 1.490 with 32 of 32.
    bptt = s.bptt or 32
    tokens = _training_tokens(s, corpus_bytes, 5 if s.tokens in ("words", "bpe") else 1)
    # A short text has fewer streams, so that each still has a few windows.
    batch = s.batch or max(1, min(32, tokens // (4 * bptt)))
    windows = max(1, tokens // (batch * bptt))
    # A long run evaluates less often and on more tokens, so that its figures are close to the final ones.
    factor = 3 if minutes >= MIN_MINUTES_OF_A_LONG_RUN else 1
    return {
        "minutes": minutes,
        "vocabulary": None,
        "hidden": hidden,
        "layers": 2,
        "embedding": hidden if s.tied else min(hidden, 64),
        "tied": False,
        "dropout": _dropout(_passes_of_characters(s, minutes, tokens)),
        "dropout_in": 0.0,
        "dropout_rise": 0.0,
        "activation_reg": 0.0,
        "temporal_reg": 0.0,
        "lr": 6e-3,
        "warmup": 100,
        "ema": 0.0,
        "batch": batch,
        "bptt": bptt,
        "patience": 10,
        # h, c and up to four gates per unit and step, in float32.
        "recompute": 24 * batch * bptt * (s.layers or 2) * hidden > machine_memory_bytes() / 4,
        "threads": min(cpu_count(), 16),
        "log_every": 10,
        # At least once an epoch, since a small text is memorised soon.
        "eval_every": max(20, min(200 * factor, windows)),
        "eval_tokens": 32_768 * factor,
    }


def _minutes(s: Settings, corpus_bytes: int) -> float:
    return 1.5 if s.corpus == ("default",) else 3.0 if corpus_bytes < 2 * MB else 8.0


def _training_tokens(s: Settings, corpus_bytes: int, bytes_per_token: float) -> int:
    """Return the approximate number of training tokens."""
    return max(1, int(corpus_bytes * (1 - s.valid_fraction - s.test_fraction) / bytes_per_token))


def _max_width(tokens: int) -> int:
    """Return the largest useful width of a layer for a text of `tokens` words."""
    limits = ((30_000, 128), (100_000, 192), (300_000, 256))
    return next((width for below, width in limits if tokens < below), 650)


def _passes_of_words(s: Settings, minutes: float, tokens: int, parameters: int, *, batch: int) -> float:
    """Return about how often a network of words with `parameters` parameters reads the text."""
    if s.epochs is not None:
        return s.epochs
    if s.steps is not None:
        return s.steps * (s.batch or batch) * (s.bptt or 35) / tokens
    threads = s.threads or min(cpu_count(), 16)
    return minutes * 60 * threads * training_flops(s.precision) / (6 * parameters * tokens)


def _passes_of_characters(s: Settings, minutes: float, tokens: int) -> float:
    """Return about how often the text is read; for minutes, at the speed of two processors."""
    if s.epochs is not None:
        return s.epochs
    if s.steps is not None:
        return s.steps * (s.batch or 32) * (s.bptt or 32) / max(1, tokens)
    return minutes * CHARACTERS_PER_MINUTE / max(1, tokens)


def _regularisation_of_words(passes: float) -> dict[str, object]:
    """Return the settings of words that follow from the number of passes."""
    dropout = _dropout_of_words(passes)
    return {
        "dropout": dropout,
        "dropout_in": round(dropout / 2, 3),
        "dropout_rise": DROPOUT_RISE,
        "lr": _lr_of_words(passes),
        **(PENALTIES if passes >= MIN_PASSES_FOR_PENALTIES else {}),
    }


def _dropout_of_words(passes: float) -> float:
    """Return the final dropout of words.

    Bits per character on validation text, one seed each. The first third of the Penn Treebank, 9 passes, 2x256: 1.404
    with 0.45 from the first step on, 1.399 where it rises to 0.6 over 0.7 of the run, 2 % of the perplexity. All of it,
    2.5 passes, 2x200: 1.385 with 0.2, 1.376 where it rises to that, 3 % of the perplexity.
    """
    if passes < 6:
        return 0.1 if passes < 2 else 0.2 if passes < 4 else 0.35
    return 0.5 if passes < 15 else 0.55


def _lr_of_words(passes: float) -> float:
    """Return the peak learning rate of words, which is higher for fewer passes.

    Perplexity of all of the Penn Treebank's validation text, one seed each. All of the text, 3 passes, 2x200: 139.4
    with 2e-3, 116.7 with 4e-3, 110.7 with 8e-3, 113.5 with 12e-3; one pass: 154.6 with 8e-3, 151.7 with 12e-3. Its
    first third, 9 passes, 2x325: 138.8 with 2e-3, 133.2 with 3e-3, 132.3 with 5e-3, 134.6 with 8e-3. Everyday talk,
    one layer of 256, one pass: 87.2 with 3e-3, 73.3 with 6e-3, 68.4 with 12e-3; three passes over a third of it: 107.1
    with 4e-3, 102.1 with 8e-3.
    """
    return 12e-3 if passes < 2 else 8e-3 if passes < 4 else 6e-3 if passes < 6 else 4e-3


def _dropout(epochs: float) -> float:
    """Return the dropout for `epochs` passes over the text; a text that is read a few times is not memorised.

    Nats per character on validation text, tinyshakespeare, one seed each: 3 passes 1.456 without, 1.468 with 0.1 and
    1.464 where it rises to that; 6.6 passes 1.460 without, 1.441 with 0.1, 1.450 with 0.2, 1.447 where it rises to that
    (and 1.451 with 0.1 at a learning rate of 0.01).
    """
    return 0.0 if epochs < 5 else 0.1 if epochs < 20 else 0.25
