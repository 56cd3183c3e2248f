"""Utterances: features of recordings with the labels of their transcripts, and which of them can be learnt from.

Label 0 is the blank of connectionist temporal classification, label k + 1 the token k. What the vocabulary lacks has no
label. An utterance needs a step for each label, and one more between two equal ones, which only a blank separates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstmtui.data.augmentation import steps
from lstmtui.data.feature_file import Features
from lstmtui.data.pairs import Sentences
from lstmtui.data.recordings import Recordings
from lstmtui.data.tokens import Tokenizer
from lstmtui.errors import UsageError

BLANK = 0


class UtteranceCounts(NamedTuple):
    """How many recordings there were, and why some are left out; each counts for the first reason that applies."""

    read: int
    damaged: int
    silent: int
    unlabelled: int
    """Without a token of the vocabulary."""
    too_short: int
    """With more labels than steps."""
    unknown: int = 0
    """Tokens that the vocabulary lacks, of those that are left."""

    @property
    def left(self) -> int:
        """How many are left."""
        return self.read - self.damaged - self.silent - self.unlabelled - self.too_short

    def describe(self) -> str:
        """Return the counts in a sentence without its full stop."""
        reasons = {
            "damaged": self.damaged,
            "silent": self.silent,
            "without a known token": self.unlabelled,
            "with a text longer than its audio allows": self.too_short,
        }
        parts = [f"{count:,} {reason}" for reason, count in reasons.items() if count]
        unknown = f"; {self.unknown:,} unknown tokens are skipped" if self.unknown else ""
        left_out = f"; left out: {', '.join(parts)}" if parts else ""
        return f"{self.left:,} of {self.read:,} recordings{left_out}{unknown}"


@dataclass(frozen=True, slots=True)
class Utterances:
    """Recordings that can be learnt from: position n of each field is the same one."""

    features: Features
    labels: Sentences
    """From 1 on; without blanks."""
    recordings: Recordings

    def __len__(self) -> int:
        return len(self.labels)


def notes(recordings: Recordings, features: Features, counts: UtteranceCounts) -> list[str]:
    """Return what a person should know of the recordings as they were heard, a sentence each."""
    found = [f"{counts.describe()}."]
    if clipped := features.peculiar.clipped:
        verb = "is" if len(clipped) == 1 else "are"
        found.append(
            f"{len(clipped):,} of {len(recordings):,} recordings {verb} overdriven (clipped); the first of these: "
            f"{recordings.files[clipped[0]]}."
        )
    return [*found, *features.peculiar.damaged[:1]]


def encode_texts(texts: Sequence[str], tokenizer: Tokenizer) -> tuple[Sentences, NDArray[np.int64]]:
    """Return the labels of each transcript, and how many of its tokens (N,) the vocabulary lacks."""
    found, unknown = [], np.zeros(len(texts), np.int64)
    for n, text in enumerate(texts):
        ids = tokenizer.encode(text.encode())
        known = ids if tokenizer.unk is None else ids[ids != tokenizer.unk]
        unknown[n] = len(ids) - len(known)
        found.append((known + 1).astype(np.int32))
    return Sentences.of(found), unknown


def decode_labels(labels: Sequence[int] | NDArray[np.integer], tokenizer: Tokenizer) -> str:
    """Return the text of labels; blanks are left out."""
    pieces = [int(label) - 1 for label in labels if label != BLANK]
    if not tokenizer.joiner:
        return tokenizer.text(pieces)
    return tokenizer.joiner.join(tokenizer.token_bytes(piece) for piece in pieces).decode("utf-8", "replace")


def needed_steps(labels: Sentences) -> NDArray[np.int64]:
    """Return the steps (N,) that each sequence of labels needs at least."""
    equal = np.zeros(len(labels.flat) + 1, np.int64)
    if len(labels.flat) > 1:
        equal[1:-1] = labels.flat[1:] == labels.flat[:-1]
        starts = labels.ends[:-1][labels.lengths > 0]
        equal[starts[starts > 0]] = 0  # the last label of one utterance and the first of the next
    before = np.concatenate([[0], np.cumsum(equal)])
    repeats = before[labels.ends[1:]] - before[labels.ends[:-1]]
    found: NDArray[np.int64] = labels.lengths + repeats
    return found


def usable(
    recordings: Recordings, features: Features, tokenizer: Tokenizer, stack: int
) -> tuple[Utterances, UtteranceCounts]:
    """Return the utterances that can be learnt from, and the counts. Raises UsageError where none is left."""
    labels, unknown = encode_texts(recordings.texts, tokenizer)
    damaged = features.lengths == 0
    silent = np.zeros(len(features), np.bool_)
    silent[list(features.peculiar.silent)] = True
    silent &= ~damaged
    unlabelled = ~damaged & ~silent & (labels.lengths == 0)
    available = np.asarray(steps(features.lengths, stack))
    too_short = ~damaged & ~silent & ~unlabelled & (needed_steps(labels) > available)
    keep = ~(damaged | silent | unlabelled | too_short)
    counts = UtteranceCounts(
        read=len(recordings),
        damaged=int(damaged.sum()),
        silent=int(silent.sum()),
        unlabelled=int(unlabelled.sum()),
        too_short=int(too_short.sum()),
        unknown=int(unknown[keep].sum()),
    )
    if not counts.left:
        raise UsageError(f"No recording can be used: {counts.describe()}; give others, or fewer frames to a --stack.")
    return Utterances(features.select(keep), labels.select(keep), recordings.select(keep)), counts


def banned_labels(tokenizer: Tokenizer) -> list[int]:
    """Return the labels that no transcript has: unknown tokens and line ends."""
    tokens = (n for n in range(tokenizer.size) if n == tokenizer.unk or b"\n" in tokenizer.token_bytes(n))
    return [n + 1 for n in tokens]
