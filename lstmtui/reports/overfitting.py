"""Overfitting: whether a run memorises its text, and what to change.

generalisation_gap    validation minus training loss, with a verdict
copied_text           the longest passage that samples share with the training text
advice                sentences for a person
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from lstmtui.common.terminal_text import one_line
from lstmtui.config import CORPUS_NOUNS, RunSettings
from lstmtui.recipe import PENALTIES
from lstmtui.runs.next_step import longer_option, round_to_two_digits
from lstmtui.runs.snapshot import RunSnapshot

GAP_POINTS = 5
"""Training points whose mean is the training loss of the gap."""
MIN_EVALUATIONS_PAST_BEST = 3
"""Evaluations since the best one after which a run no longer improves."""
MAX_HEALTHY_GAP, MIN_WIDE_GAP = 0.1, 0.3
"""Gaps in nats per token: below the first a run generalises, above the second it memorises."""
RECITING_FACTOR = 2.0
"""The multiple of the usual length from which a copied passage counts as recited."""
MIN_RECITED_CHARACTERS = 40
"""Characters of the shortest recited passage."""
MIN_VALIDATION_TOKENS = 500
"""Validation tokens below which figures are chance."""
MAX_PARAMETERS_PER_TOKEN = 5
"""Parameters per training token above which a larger network is not proposed."""


def generalisation_gap(snapshot: RunSnapshot) -> tuple[float, str] | None:
    """Return validation minus training loss, in nats per token, and the verdict on it; None before both are known.

    The training loss is the mean of the last points up to the evaluation, with dropout, so the gap may be negative.
    That of a translation has label smoothing in it, and is not compared.
    """
    if not snapshot.valid or not snapshot.valid[-1].is_language or snapshot.valid[-1].bleu is not None:
        return None
    last = snapshot.valid[-1]
    losses = [p.loss for p in snapshot.train if p.step <= last.step and math.isfinite(p.loss)][-GAP_POINTS:]
    if not losses or not math.isfinite(last.loss):
        return None
    size = last.loss - sum(losses) / len(losses)
    return size, gap_verdict(snapshot, size)


def gap_verdict(snapshot: RunSnapshot, size: float) -> str:
    """Return the verdict on overfitting by the gap and the evaluations since the best one."""
    best, since = snapshot.best, evaluations_since_best(snapshot)
    if since >= MIN_EVALUATIONS_PAST_BEST and size > 0.02:
        return f"overfits at {_short(best.step) if best else 0}"
    if since >= MIN_EVALUATIONS_PAST_BEST:
        return "no better lately"
    if size > MIN_WIDE_GAP:  # of a text whose end is of another kind, the gap is wide from the beginning
        return "memorised" if since else "wide"
    if size > MAX_HEALTHY_GAP:
        return "growing" if len(snapshot.valid) > 1 else "wide"
    return "healthy" if size > -MAX_HEALTHY_GAP else "valid is ahead"


def evaluations_since_best(snapshot: RunSnapshot) -> int:
    """Return the number of evaluations after the best one."""
    best = snapshot.best
    return sum(1 for p in snapshot.valid if p.step > best.step) if best is not None else 0


# --- copied text ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CopiedText:
    """The longest passage that a sample shares with the training text."""

    characters: int
    text: str
    """The passage; untrusted."""
    usual: float | None
    """Characters that unseen text of the same length shares; None without unseen text."""
    of: int
    """Characters of the sample."""

    @property
    def recites(self) -> bool:
        """Whether the passage is far longer than unseen text shares."""
        return self.characters >= max(MIN_RECITED_CHARACTERS, RECITING_FACTOR * (self.usual or 0))

    @property
    def words(self) -> str:
        """The length as text: 34 characters (unseen text shares 21)."""
        usual = "" if self.usual is None else f" (unseen text shares {self.usual:.0f})"
        return f"{self.characters} characters{usual}"


def copied_text(snapshot: RunSnapshot) -> CopiedText | None:
    """Return the copied text of the newest sample, or of the final one once the run has finished; None without one."""
    result = snapshot.status.get("result")
    record: Any = result.get("copied") if isinstance(result, dict) else None
    record = record if isinstance(record, dict) else snapshot.status.get("copied")
    if not isinstance(record, dict):
        return None
    characters, text, usual, of = (record.get(name) for name in ("characters", "text", "usual", "of"))
    if not (isinstance(characters, int) and isinstance(text, str) and isinstance(of, int)):
        return None
    return CopiedText(characters, text, float(usual) if isinstance(usual, int | float) else None, of)


def overfitting_record(snapshot: RunSnapshot) -> dict[str, Any]:
    """Return gap, copied text and advice as a JSON object."""
    gap, copied = generalisation_gap(snapshot), copied_text(snapshot)
    return {
        "gap": gap[0] if gap else None,
        "word": gap[1] if gap else None,
        "copied": dataclasses.asdict(copied) if copied else None,
        "advice": advice(snapshot),
    }


# --- advice -----------------------------------------------------------------------------------------------------------


def advice(snapshot: RunSnapshot) -> list[str]:
    """Return sentences on what the run has learnt; the last one proposes a change. Empty while too little is known."""
    found, s = generalisation_gap(snapshot), snapshot.settings
    if found is None or s is None:
        return []
    if few := small_validation_warning(snapshot.status.get("valid_tokens")):
        return [*_early(snapshot), few]
    size, _ = found
    sentences = [*_early(snapshot), *_judgement(snapshot, size)]
    copied = copied_text(snapshot)
    if copied is not None and copied.recites:
        sentences.append(
            f"Its samples recite: {copied.characters} characters in a row stand in the training text "
            f"(“{one_line(copied.text.strip(), 60)}”), where unseen text of that length shares "
            f"{'few' if copied.usual is None else format(copied.usual, '.0f')}."
        )
    memorises = size > MIN_WIDE_GAP or (evaluations_since_best(snapshot) >= MIN_EVALUATIONS_PAST_BEST and size > 0.02)
    if memorises or (copied is not None and copied.recites):
        sentences.append(f"To change: {_against_overfitting(snapshot, s)}.")
    elif change := _for_more(snapshot, s, size):
        sentences.append(f"To change: {change}.")
    return sentences


def small_validation_warning(tokens: object) -> str:
    """Return a warning where a validation text of `tokens` tokens is too short for its figures; else empty."""
    if not isinstance(tokens, int) or not 0 < tokens < MIN_VALIDATION_TOKENS:
        return ""
    return (
        f"The validation text has only {tokens} token{'s' * (tokens != 1)}: its figures are chance, and so is which "
        "weights are called the best. Give a few thousand (--valid, --valid-fraction)."
    )


def _early(snapshot: RunSnapshot) -> list[str]:
    if snapshot.state != "finished" or not 0 < snapshot.step < snapshot.steps:
        return []
    return [
        f"Stopped early, at step {snapshot.step:,} of {snapshot.steps:,}: {evaluations_since_best(snapshot)} "
        "evaluations brought no improvement (--patience)."
    ]


def _judgement(snapshot: RunSnapshot, size: float) -> list[str]:
    best, since = snapshot.best, evaluations_since_best(snapshot)
    if best is None:
        return []
    if since >= MIN_EVALUATIONS_PAST_BEST and size > 0.02:
        return [
            f"It memorises its {_corpus(snapshot)}: validation was best at step {best.step:,}, and training loss is "
            f"{size:.2f} nats per token lower now. The weights of that best step are the ones that are used."
        ]
    if since >= MIN_EVALUATIONS_PAST_BEST:
        return [f"Validation was best at step {best.step:,}; since then neither it nor the gap has moved much."]
    if size > MIN_WIDE_GAP:
        return [f"Training is {size:.2f} nats per token ahead of validation, which still improves: the gap is wide."]
    if size > MAX_HEALTHY_GAP:
        return [f"Training is {size:.2f} nats per token ahead of validation, which still improves."]
    return []


def _corpus(snapshot: RunSnapshot) -> str:
    return CORPUS_NOUNS.get(snapshot.settings.data.purpose if snapshot.settings is not None else "", "text")


def _against_overfitting(snapshot: RunSnapshot, s: RunSettings) -> str:
    """Return the measures against memorising that are not in use yet, the strongest first.

    50 kB of a novel by one layer of 192 LSTM units ended at 1.791 nats a character without any of them, 1.658 with
    weight drop of 0.3, 1.734 with dropout of 0.2, 1.771 with a schedule that ends at the best step, 1.787 by half the
    units. Words whose validation loss still falls become worse with more noise, at any gap: see `recipe.PENALTIES`.
    """
    best = snapshot.best
    ways = []
    dropout, words = s.regularisation.dropout, s.data.tokens in ("words", "bpe")
    if words and not s.regularisation.activation_reg:
        ways.append(" ".join(f"--{name.replace('_', '-')} {value:g}" for name, value in PENALTIES.items()))
    if not words or evaluations_since_best(snapshot) >= MIN_EVALUATIONS_PAST_BEST:
        if not s.regularisation.weight_drop:
            ways.append("--weight-drop 0.3")
        if dropout < 0.5:
            ways.append(f"more dropout (--dropout {0.2 if dropout < 0.1 else 0.35 if dropout < 0.3 else 0.5:g})")
        if words and not s.regularisation.embedding_dropout:
            ways.append("--embedding-dropout 0.1")
    if best is not None and snapshot.ended and best.step < 0.8 * snapshot.step:
        # The learning rate has then decayed at the best step.
        ways.append(f"a schedule that ends there (--steps {round_to_two_digits(1.2 * best.step)})")
    if s.network.hidden >= 64 and len(ways) < 4:
        ways.append(f"a smaller network (--hidden {s.network.hidden // 2})")
    ways.append(f"more {_corpus(snapshot)}")
    return f"{', '.join(ways[:-1])}, or {ways[-1]}" if len(ways) > 1 else ways[0]


def _for_more(snapshot: RunSnapshot, s: RunSettings, size: float) -> str:
    """Return what could improve a run that finished without memorising; empty for others."""
    if snapshot.state != "finished" or snapshot.step < snapshot.steps or evaluations_since_best(snapshot) > 0:
        return ""
    length = f"resume it with {longer_option(snapshot)}"
    if size > MAX_HEALTHY_GAP:
        return f"it was still improving, so more time ({length}) helps, for as long as validation follows"
    if _parameters_per_token(snapshot) > MAX_PARAMETERS_PER_TOKEN:
        return f"it was still improving, so more time ({length}) helps"
    wider = f"a larger network (--hidden {2 * s.network.hidden})" if s.network.hidden <= 512 else "another layer"
    less = (
        f", or less dropout (now {s.regularisation.dropout:g})"
        if size < -MAX_HEALTHY_GAP and s.regularisation.dropout
        else ""
    )
    return f"it was still improving, so more time ({length}) helps, then {wider}{less}"


def _parameters_per_token(snapshot: RunSnapshot) -> float:
    """Return the approximate number of parameters per training token; 0 where it is unknown."""
    parameters, tokens, passes = (snapshot.status.get(name) for name in ("parameters", "tokens", "epoch"))
    if not (isinstance(parameters, int) and isinstance(tokens, int) and isinstance(passes, int) and tokens and passes):
        return 0.0
    return parameters * passes / tokens


def _short(step: int) -> str:
    """Return a step in at most five characters."""
    return f"{step}" if step < 1000 else f"{step / 1000:.{2 if step < 10_000 else 1}f}k"
