"""States and figures in words, the same on every screen: glyphs, short numbers and sentences."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from typing import Any

from lstmtui.common.terminal_text import one_line
from lstmtui.common.units import format_age, format_duration
from lstmtui.common.units import percent as percent
from lstmtui.config import RunSettings
from lstmtui.runs.snapshot import RunSnapshot, ValidPoint
from lstmtui.tui import health_words

GLYPHS = {
    "new": "○",
    "starting": "◌",
    "preparing": "◌",
    "compiling": "◌",
    "measuring": "◌",
    "training": "▶",
    "evaluating": "◆",
    "paused": "‖",
    "finished": "✓",
    "stopped": "■",
    "failed": "✗",
    "diverged": "✗",
    "crashed": "✗",
}
"""One glyph a state, so that no state is shown by colour alone."""

STATE_COLOURS = {
    "training": "success",
    "evaluating": "success",
    "finished": "primary",
    "paused": "warning",
    "stopped": "warning",
    "failed": "error",
    "diverged": "error",
    "crashed": "error",
}
"""Theme colours by state; other states are muted."""

MAX_SILENCE_SECONDS = 15.0
"""Seconds without a heartbeat after which a running engine is reported as silent."""

_UNITS = {"chars": "char", "bytes": "byte", "words": "word", "bpe": "token"}


def unit(snapshot: RunSnapshot) -> str:
    """Return the name of what is learnt from one at a time: char, byte, word or token, or a sequence."""
    if is_memory_task(snapshot):
        return "sequence"
    return _UNITS.get(snapshot.settings.data.tokens, "token") if snapshot.settings else "token"


def purpose(snapshot: RunSnapshot | None) -> str:
    """Return what a run is trained for; "text" where its settings are not known."""
    return snapshot.settings.data.purpose if snapshot is not None and snapshot.settings is not None else "text"


def is_memory_task(snapshot: RunSnapshot | None) -> bool:
    """Return whether the run is a trial of a memory task."""
    return purpose(snapshot) == "memory"


def loss_unit(snapshot: RunSnapshot) -> str:
    """Return what the loss is measured in."""
    return "mean per answer" if is_memory_task(snapshot) else f"nats per {unit(snapshot)}"


def state_colour(state: str) -> str:
    """Return the theme variable of the colour of a state."""
    return STATE_COLOURS.get(state, "foreground-muted")


def count(value: float) -> str:
    """Return a whole number with separated thousands: 12,400."""
    return f"{value:,.0f}"


def short(value: float) -> str:
    """Return a number in at most five characters: 950, 48.2k, 1.25M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            scaled = value / size
            return f"{scaled:.{2 if scaled < 10 else 1 if scaled < 100 else 0}f}{letter}"
    return f"{value:.0f}"


def figure(value: float, digits: int = 3) -> str:
    """Return a loss or norm; a dash for infinity and NaN."""
    if not math.isfinite(value):
        return "–"
    return f"{value:.{digits}f}" if abs(value) < 1000 else f"{value:.3g}"


def network(snapshot: RunSnapshot) -> str:
    """Return cell and size: lstm 2×256."""
    settings = snapshot.settings
    if settings is None:
        return "unknown"
    return f"{one_line(settings.network.cell, 12)} {settings.network.layers}×{settings.network.hidden}"


def corpus_name(name: str) -> str:
    """Return a short name of a text: the last component of its path."""
    return "Python's own prose" if name == "default" else name.rstrip("/").rpartition("/")[2] or name


def corpus(snapshot: RunSnapshot) -> str:
    """Return the corpus by its last path components."""
    if snapshot.settings is None:
        return "unknown"
    names = [name.rstrip("/").rpartition("/")[2] or name for name in snapshot.settings.data.corpus]
    return names[0] if len(names) == 1 else f"{names[0]} +{len(names) - 1}"


def batch(settings: RunSettings, window: int | None = None) -> tuple[str, str]:
    """Return the size of a batch and what it counts; `window` is the one in force, where it differs."""
    length, purpose = settings.length, settings.data.purpose
    steps = length.bptt if window is None else window
    if purpose == "translation":
        return f"{length.batch * steps:,}", "tokens per side"
    if purpose == "speech":
        return f"{length.batch}", "recordings at most"
    if purpose == "captions":
        return f"{length.batch}", "captions of pictures"
    return f"{length.batch}×{steps}", "sequences×steps" if purpose == "memory" else "streams×steps"


def parameters(snapshot: RunSnapshot) -> int:
    """Return the number of parameters; 0 while it is unknown."""
    count = snapshot.status.get("parameters")
    return count if isinstance(count, int) else 0


def searchable_text(snapshot: RunSnapshot) -> str:
    """Return the text that a filter searches: name, state, cell and size, tokens, corpus."""
    tokens = snapshot.settings.data.tokens if snapshot.settings else ""
    return " ".join((snapshot.run.name, snapshot.state, network(snapshot), tokens, corpus(snapshot)))


def quality(snapshot: RunSnapshot, point: ValidPoint | None) -> str:
    """Return an evaluation in its usual unit: BLEU, error rate of words, word F1, perplexity, or bits per character.

    One of a part of the validation text has a ~ before it, unlike that of all of it when the run has finished.
    """
    text = _quality(snapshot, point) if point is not None else "–"
    is_part = point is not None and snapshot.evaluated_part is not None and point != snapshot.final
    return f"~{text}" if is_part else text


def _quality(snapshot: RunSnapshot, point: ValidPoint) -> str:
    if not point.is_language:
        return f"{point.decides} {figure(point.value)}"
    if point.bleu is not None:
        return f"BLEU {point.bleu:.1f}"
    if point.wer is not None:
        return f"WER {percent(point.wer)}"
    if point.f1 is not None:
        return f"F1 {percent(point.f1)}"
    if snapshot.settings is not None and snapshot.settings.data.tokens == "words":
        return f"ppl {point.perplexity:.1f}" if point.perplexity < 1e5 else f"ppl {point.perplexity:.1e}"
    if point.bits_per_char is not None:
        return f"{point.bits_per_char:.3f} bpc"
    return f"{point.loss:.3f} nats"


SPEED_POINTS = 9
"""Points whose median is the speed."""


def speed(snapshot: RunSnapshot) -> float:
    """Return tokens per second, the median of the last points; 0 while it is unknown."""
    known = [point.tokens_per_second for point in snapshot.train[-SPEED_POINTS:]]
    if known:
        return statistics.median(known)
    speed = snapshot.status.get("tokens_per_second")
    return float(speed) if isinstance(speed, int | float) else 0.0


def progress(snapshot: RunSnapshot) -> float:
    """Return the completed part of the schedule, 0 to 1; 0 while its length is unknown."""
    return min(1.0, snapshot.step / snapshot.steps) if snapshot.steps else 0.0


def last_heartbeat(snapshot: RunSnapshot, now: float | None = None) -> str:
    """Return the age of the engine's last report."""
    beat = snapshot.status.get("heartbeat")
    return format_age(float(beat), now) if isinstance(beat, int | float) else "–"


def silent_for(snapshot: RunSnapshot, now: float | None = None) -> float:
    """Return the seconds since the last heartbeat of a running engine; 0 while it reports regularly."""
    beat = snapshot.status.get("heartbeat")
    if snapshot.ended or not isinstance(beat, int | float):
        return 0.0
    silence = (time.time() if now is None else now) - float(beat)
    return silence if silence > MAX_SILENCE_SECONDS else 0.0


def kernels(snapshot: RunSnapshot) -> tuple[int, int] | None:
    """Return how many kernels are compiled, of how many; None unless the run is compiling."""
    total, done = snapshot.status.get("compiling_kernels"), snapshot.status.get("compiling_done")
    if snapshot.state != "compiling" or not isinstance(total, int) or not isinstance(done, int | float):
        return None
    return (round(total * done), total) if total > 0 and 0 <= done <= 1 else None


def compiling(snapshot: RunSnapshot) -> str:
    """Return the progress of the compiler in a sentence."""
    progress = kernels(snapshot)
    done = f": {progress[0]} of {progress[1]} kernels are done" if progress else ""
    return f"Compiling the network for this processor{done}."


def waiting(snapshot: RunSnapshot) -> str:
    """Return the text in the place of a chart without points."""
    settings = snapshot.settings
    return {
        "new": "Not started yet.\nPress r to start it.",
        "starting": "The engine is starting …",
        "preparing": "Reading the corpus and\nturning it into tokens …",
        "compiling": compiling(snapshot).replace(": ", ":\n") + "\nThe result is cached for the next run.",
        "measuring": "Timing a few steps to turn\nminutes into steps …",
        "training": "Training. The first point comes\n"
        + (f"after {settings.run.log_every} steps." if settings and settings.run.log_every else "in a moment."),
        "evaluating": "Reading the validation text …",
        "paused": "Paused before the first point.\nPress space to continue.",
    }.get(snapshot.state, "No point was recorded.")


def notice(snapshot: RunSnapshot, *, gone: bool = False, now: float | None = None) -> str:
    """Return the sentence about a state above the charts: its meaning and the key that continues; empty for none."""
    state, at = snapshot.state, f"step {count(snapshot.step)}"
    if gone:
        return "This run's folder is gone; what was read of it stays here until you leave (escape)."
    if silence := silent_for(snapshot, now):
        return f"The engine has not reported for {format_duration(silence)}; it may be busy, or this machine is."
    if state == "new":
        return "This run was never started; r starts it."
    if state == "compiling" and snapshot.train:  # before the first point, the chart shows it
        return f"{compiling(snapshot)} The result is cached for the next run."
    if state == "paused":
        return f"Paused at {at}; space continues."
    if state == "finished":
        if snapshot.message:
            return snapshot.message
        if sick := health_words.sentences(snapshot):
            return f"Finished. {sick}"
        return f"Finished{_result(snapshot)}.{f' {_use(snapshot)}.' if _use(snapshot) else ''}"
    if state == "stopped":
        return f"Stopped at {at}, saved. r resumes exactly there{f'; {_use(snapshot)}' if _use(snapshot) else ''}."
    if state == "crashed":
        return f"{snapshot.message} {_how_to_resume(snapshot)}"
    if state == "diverged":
        return f"The loss became infinite or not a number. {snapshot.message or 'Try a lower learning rate (lr).'}"
    if state == "failed":
        return f"{snapshot.message or 'The engine failed; engine.log in the run folder says why.'} r tries again."
    return snapshot.message or health_words.sentences(snapshot)


def _use(snapshot: RunSnapshot) -> str:
    """Return what the key t does with the run; nothing for a memory task."""
    uses = {
        "memory": "", "translation": "t translates with it", "speech": "t transcribes with it",
        "captions": "t describes pictures with it",
    }  # fmt: skip
    return uses.get(purpose(snapshot), "t types with it")


def _how_to_resume(snapshot: RunSnapshot) -> str:
    saved = max((_step(event) for event in snapshot.events if event.get("event") == "saved"), default=None)
    return (
        f"r resumes from step {count(saved)}, the last checkpoint."
        if saved is not None
        else "r starts it again from the beginning."
    )


def _step(event: dict[str, Any]) -> int:
    step = event.get("step")
    return step if isinstance(step, int) else 0


def _result(snapshot: RunSnapshot) -> str:
    """Return the final figure of a finished run, over the whole validation text where the engine reported it."""
    result = snapshot.status.get("result")
    valid = result.get("valid") if isinstance(result, dict) else None
    if isinstance(verdict := (result or {}).get("verdict"), str):
        return f": {verdict}"
    if isinstance(valid, dict) and isinstance(wer := valid.get("wer"), int | float):
        return f": {percent(wer)} of the words in validation recordings are wrong"
    if isinstance(valid, dict) and isinstance(f1 := valid.get("f1"), int | float):
        return f": word F1 of validation pictures {percent(f1)}"
    nll = valid.get("nll") if isinstance(valid, dict) else snapshot.best.loss if snapshot.best else None
    of = " on all of its text" if snapshot.evaluated_part is not None and isinstance(valid, dict) else ""
    return f": validation {nll:.3f} nats per {unit(snapshot)}{of}" if isinstance(nll, int | float) else ""


SHORT_WORDS = {"encoder": "enc", "decoder": "dec", "forward": "fwd", "backward": "bwd"}
"""Of the names of layers."""


def short_layer(names: Sequence[str], layer: int) -> str:
    """Return a layer in few characters: its name with shorter words, or its number where layers have no names."""
    if layer >= len(names):
        return str(layer + 1)
    return " ".join(SHORT_WORDS.get(word, word) for word in one_line(names[layer], 24).split())


OPENED_BY_T = {"translation": "translate", "speech": "transcribe", "captions": "caption"}
"""The action of the key t, by the purpose of the run; "type" for any other."""
NOT_OFFERED = {
    "speech": {
        "inspect": "A model of speech reads recordings, no text; its gates are on the screen of the run.",
        "gradients": "The gradient flow of a model of speech is not measured.",
    },
    "memory": {
        "type": "A model of a memory task cannot be typed with; its samples are on the screen of the run.",
        "inspect": "A model of a memory task reads no text of yours; its gates are on the screen of the run.",
        "gradients": "The gradient flow of a memory task is not measured.",
    },
}
"""Why a screen is not offered, by the purpose of the run and the action that opens the screen."""


def why_not(snapshot: RunSnapshot | None, action: str) -> str:
    """Return why an action does not apply to what a run is trained for; empty where it applies."""
    return NOT_OFFERED.get(purpose(snapshot), {}).get(action, "")


def why_not_resumed(snapshot: RunSnapshot) -> str:
    """Return why a run cannot be resumed now; empty where it can."""
    name = one_line(snapshot.run.name, 40)
    if not snapshot.ended:
        return f"'{name}' is being trained already."
    if snapshot.state == "finished":
        return f"'{name}' has finished; 'lstmtui resume {name} --steps NUMBER' trains it further."
    return ""


def has_action(snapshot: RunSnapshot | None, action: str) -> bool:
    """Return whether an action is one of this run: what t does with it depends on its purpose."""
    opened = OPENED_BY_T.get(purpose(snapshot), "type")
    return action == opened or action not in ("type", *OPENED_BY_T.values())
