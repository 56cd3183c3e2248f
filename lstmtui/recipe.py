"""The settings that follow from others: what `lstmtui train FILE` uses where the person said nothing.

A pure function of the settings given, the corpus's size and how it begins, so that the same command makes the same run.
"""

from __future__ import annotations

import dataclasses

from lstmtui.common.hardware import cpu_count, machine_memory_bytes, training_flops
from lstmtui.common.word_boundaries import CharKind, char_kind, unspaced_fraction, words_and_line_ends
from lstmtui.config import AUTO, RunSettings, Settings

MB = 1_000_000
PASSES = 4
"""Times that a text is to be read, by the widest network to type with that manages to."""
WORDS_PASSES = 7
"""The same for any other network of words: without its index of the text it has more to learn by itself."""
PENALTIES = {"activation_reg": 2.0, "temporal_reg": 1.0}
"""What words that are read often pay for large and for restless outputs: as in Merity et al. 2017 (arXiv:1708.02182).

Perplexity of all of the Penn Treebank's validation text, one seed each. Trained on its first third, 9 passes, 2x325:
129.7 with these, 131.1 with half as much; without, it stood at 198 where that stood at 174, and was stopped. On all of
it, 3 passes, 2x200: 110.9 with these, 110.7 with half as much, 116.0 without. More noise lost, at half the learning
rate and without these: dropout 0.65 158.2, weight drop 0.4 161.1, embedding dropout 0.15 157.6, none of them 152.7.
"""
OFTEN = 3
"""Passes from which on that pays. Everyday talk (DailyDialog), one layer of 256: one pass over all of it ends at
perplexity 69.0 with half as much and 68.4 without, three over a third of it at 97.9 with these and 102.1 without."""
LONG = 20
"""Minutes from which on a run is long."""
RISE = 0.7
"""The part of a run over which the dropout of words rises."""
MAX_WORD = 30
"""Characters of the longest word that anyone would have completed; longer ones are a script or a code of their own."""
MAX_ALPHABET = 200
"""Different characters in the beginning of a text that is written with an alphabet."""
_SEPARATORS = frozenset(" \n\r\N{NO-BREAK SPACE}")
CHARACTERS_A_MINUTE = 2_300_000
"""What two processors with 512-bit vectors train a 2x256 LSTM on, with all that goes with it."""


def complete(s: Settings, *, corpus_bytes: int, beginning: bytes = b"") -> RunSettings:
    """Return `s` with every open field chosen; `beginning` is some of the text, which decides tokens left open."""
    text = beginning.decode("utf-8", "ignore")
    if s.tokens == AUTO:
        s = dataclasses.replace(s, tokens=_tokens(s, text))
    chosen = {name: value for name, value in _choices(s, corpus_bytes, text).items() if getattr(s, name) is None}
    if not (s.minutes is s.epochs is s.steps is None):
        chosen.pop("minutes", None)
    return RunSettings.of(dataclasses.replace(s, **chosen))  # type: ignore[arg-type]  # names and types are Settings' own


def _tokens(s: Settings, text: str) -> str:
    """Return the tokens that suit the purpose and the text.

    To type with: characters where there are no words between spaces, as in Chinese or in a genome; words where the
    text is nothing but words and spaces; else pieces of them, which keep capitals, punctuation and words never seen.
    On DailyDialog in small letters, 3.7 minutes each: whole words saved 42.1 % of the keystrokes (30.6 % on phrases of
    another kind), pieces 41.5 % (28.2 %).
    """
    if s.purpose != "autocomplete":
        return "chars"
    if _without_words(text):
        return "chars"
    return "words" if text and _only_words(text) else "bpe"


def _without_words(text: str) -> bool:
    """Return whether most of `text` is not made of words between spaces."""
    lengths = [len(word.decode("utf-8", "ignore")) for word in words_and_line_ends(text.encode())]
    long = sum(length for length in lengths if length > MAX_WORD)
    return long > sum(lengths) / 2 or unspaced_fraction(text) > 0.5


def _only_words(text: str) -> bool:
    """Return whether `text` is words in small letters and single separators, with nothing between them."""
    marks = {
        char
        for char in set(text) - _SEPARATORS
        if char == "_" or char_kind(char) not in (CharKind.WORD, CharKind.EXTEND)
    }
    return not marks and text == text.lower()


def _choices(s: Settings, corpus_bytes: int, text: str) -> dict[str, object]:
    general = _general(s, corpus_bytes)
    if s.tokens == "chars" and len(set(text)) > MAX_ALPHABET:
        return {**general, **_one_wide_layer(s, corpus_bytes, len(text.encode()) / len(text))}
    if s.tokens not in ("words", "bpe"):
        return general
    if s.purpose == "autocomplete":
        return {**general, **_one_wide_layer(s, corpus_bytes, 4.5)}
    return {**general, **_words(s, corpus_bytes)}


def _words(s: Settings, corpus_bytes: int) -> dict[str, object]:
    """Return what differs for words and pieces of them, where the time decides the width, and that the dropout."""
    minutes = s.minutes or _minutes(s, corpus_bytes)
    tokens = _count(s, corpus_bytes, 5)
    vocabulary = s.vocabulary or (2_000 if s.tokens == "bpe" else max(1_000, min(50_000, tokens // 90)))
    layers = s.layers or 2

    def passes(hidden: int) -> float:
        return _passes(s, minutes, tokens, 8 * layers * hidden * hidden + vocabulary * hidden, batch=20)

    widths = [h for h in (650, 512, 400, 300, 200) if h <= _widest(tokens)]
    hidden = s.hidden or next((h for h in widths if passes(h) >= WORDS_PASSES), min(200, _widest(tokens)))
    tied = s.tied if s.tied is not None else s.embedding in (None, hidden)
    return {
        "minutes": minutes,
        "vocabulary": 2_000 if s.tokens == "bpe" else None,
        "hidden": hidden,
        "layers": 2,
        "embedding": hidden,
        "tied": tied,
        **_by_passes(passes(hidden)),
        "batch": s.batch or max(1, min(20, tokens // (4 * (s.bptt or 35)))),
        "bptt": 35,
    }


def _one_wide_layer(s: Settings, corpus_bytes: int, bytes_a_token: float) -> dict[str, object]:
    """Return what differs for a model to type with, whose vocabulary holds most words whole, and for characters of
    which there are thousands, as in Chinese.

    Chinese manual pages, 540,000 characters, 8 passes, bits a character of the validation text: 5.54 with two layers
    of 256 and the rest as for an alphabet, 5.15 with one layer of 384 and the rest as here.
    """
    minutes = s.minutes or (3.0 if corpus_bytes < MB else 8.0)
    tokens = _count(s, corpus_bytes, bytes_a_token)
    most = {"bpe": 8_000, "words": 12_000}.get(s.tokens, 4_000)
    vocabulary = s.vocabulary or max(1_000, min(most, tokens // 30))

    def passes(hidden: int) -> float:
        return _passes(s, minutes, tokens, 8 * hidden * hidden + vocabulary * hidden, batch=32)

    widths = [h for h in (512, 384, 256, 192) if h <= _widest(tokens)]
    hidden = s.hidden or next((h for h in widths if passes(h) >= PASSES), 128)
    tied = s.tied if s.tied is not None else s.embedding in (None, hidden)
    bptt = s.bptt or 35
    return {
        "minutes": minutes,
        "vocabulary": {"bpe": max(512, vocabulary), "words": vocabulary}.get(s.tokens),
        "hidden": hidden,
        "embedding": hidden,
        "tied": tied,
        "layers": 1,
        **_by_passes(passes(hidden)),
        "batch": s.batch or max(1, min(32, tokens // (4 * bptt))),
        "bptt": bptt,
    }


def _general(s: Settings, corpus_bytes: int) -> dict[str, object]:
    """Return what suits characters and bytes, and everything that tokens have no say in."""
    hidden = s.hidden or 256
    minutes = s.minutes or _minutes(s, corpus_bytes)
    # Many short windows beat few long ones. On tinyshakespeare 2.9 million characters ended at 1.524 nats a character
    # with 32 streams of 64 steps, 1.493 with 16 of 64, 1.490 with 32 of 32.
    bptt = s.bptt or 32
    tokens = _count(s, corpus_bytes, 5 if s.tokens in ("words", "bpe") else 1)
    # A short text is cut into fewer streams, so that each still has some windows to read.
    batch = s.batch or max(1, min(32, tokens // (4 * bptt)))
    windows = max(1, tokens // (batch * bptt))
    # A long run evaluates less often, on so much the more: what it tells on the way is then close to what it ends with.
    seldom = 3 if minutes >= LONG else 1
    return {
        "minutes": minutes,
        "vocabulary": None,
        "hidden": hidden,
        "layers": 2,
        "embedding": hidden if s.tied else min(hidden, 64),
        "tied": False,
        "dropout": _dropout(_epochs(s, minutes, tokens)),
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
        # h, c and up to four gates of each unit and step, in float32.
        "recompute": 24 * batch * bptt * (s.layers or 2) * hidden > machine_memory_bytes() / 4,
        "threads": min(cpu_count(), 16),
        "log_every": 10,
        # At least once an epoch, since a small text is soon memorised.
        "eval_every": max(20, min(200 * seldom, windows)),
        "eval_tokens": 32_768 * seldom,
    }


def _minutes(s: Settings, corpus_bytes: int) -> float:
    return 1.5 if s.corpus == ("default",) else 3.0 if corpus_bytes < 2 * MB else 8.0


def _count(s: Settings, corpus_bytes: int, bytes_a_token: float) -> int:
    """Return about how many tokens there are to train on."""
    return max(1, int(corpus_bytes * (1 - s.valid_fraction - s.test_fraction) / bytes_a_token))


def _widest(tokens: int) -> int:
    """Return the most units in a layer that a text of so many words has something to say to."""
    limits = ((30_000, 128), (100_000, 192), (300_000, 256))
    return next((width for below, width in limits if tokens < below), 650)


def _passes(s: Settings, minutes: float, tokens: int, parameters: int, *, batch: int) -> float:
    """Return about how often so many tokens will be read by a network of words with so many parameters."""
    if s.epochs is not None:
        return s.epochs
    if s.steps is not None:
        return s.steps * (s.batch or batch) * (s.bptt or 35) / tokens
    threads = s.threads or min(cpu_count(), 16)
    return minutes * 60 * threads * training_flops(s.precision) / (6 * parameters * tokens)


def _epochs(s: Settings, minutes: float, tokens: int) -> float:
    """Return about how often the text will be read; for minutes, at the speed of two processors."""
    if s.epochs is not None:
        return s.epochs
    if s.steps is not None:
        return s.steps * (s.batch or 32) * (s.bptt or 32) / max(1, tokens)
    return minutes * CHARACTERS_A_MINUTE / max(1, tokens)


def _by_passes(passes: float) -> dict[str, object]:
    """Return what words choose by how often they are read."""
    dropout = _dropout_of_words(passes)
    return {
        "dropout": dropout,
        "dropout_in": round(dropout / 2, 3),
        "dropout_rise": RISE,
        "lr": _lr_of_words(passes),
        **(PENALTIES if passes >= OFTEN else {}),
    }


def _dropout_of_words(passes: float) -> float:
    """Return the dropout that words end with.

    The first third of the Penn Treebank, 9 passes, 2x256 (one seed, bits a character of the validation text): 1.404
    with 0.45 from the first step on, 1.399 where it rises to 0.6 over 0.7 of the run, which is 2 % of the perplexity.
    All of it, 2.5 passes, 2x200: 1.385 with 0.2, 1.376 where it rises to that, 3 % of the perplexity.
    """
    if passes < 6:
        return 0.1 if passes < 2 else 0.2 if passes < 4 else 0.35
    return 0.5 if passes < 15 else 0.55


def _lr_of_words(passes: float) -> float:
    """Return the peak learning rate of words: the fewer steps there are, the larger they have to be.

    Perplexity of all of the Penn Treebank's validation text, one seed each. All of the text, 3 passes, 2x200: 139.4
    with 2e-3, 116.7 with 4e-3, 110.7 with 8e-3, 113.5 with 12e-3; one pass: 154.6 with 8e-3, 151.7 with 12e-3. Its
    first third, 9 passes, 2x325: 138.8 with 2e-3, 133.2 with 3e-3, 132.3 with 5e-3, 134.6 with 8e-3. Everyday talk,
    one layer of 256, one pass: 87.2 with 3e-3, 73.3 with 6e-3, 68.4 with 12e-3; three passes over a third of it: 107.1
    with 4e-3, 102.1 with 8e-3.
    """
    return 12e-3 if passes < 2 else 8e-3 if passes < 4 else 6e-3 if passes < 6 else 4e-3


def _dropout(epochs: float) -> float:
    """Return the dropout for so many passes over the text: what is read a few times only is not memorised.

    tinyshakespeare, nats a character of the validation text, one seed each: 3 passes 1.456 without, 1.468 with 0.1 and
    1.464 where it rises to that; 6.6 passes 1.460 without, 1.441 with 0.1, 1.450 with 0.2, 1.447 where it rises to that
    (and 1.451 with 0.1 at a learning rate of 0.01).
    """
    return 0.0 if epochs < 5 else 0.1 if epochs < 20 else 0.25
