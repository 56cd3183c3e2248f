"""The figures of a run, one a line, the most important first."""

from __future__ import annotations

import math

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from lstmtui.common.terminal_text import one_line
from lstmtui.common.units import format_duration
from lstmtui.reports import health, overfitting
from lstmtui.runs.snapshot import RunSnapshot, TrainPoint, ValidPoint
from lstmtui.tui import health_words, wording
from lstmtui.tui.workers.pending_requests import live_values

Row = tuple[str, str, str]
"""Label, value and remark."""
PART, WHOLE = "nats, on a part", "nats, all of it"
"""What a validation loss is of, where evaluations during training read a part of the text."""
LABEL = 10
"""Columns of a label."""


class Figures(Widget):
    """As many figures as fit."""

    DEFAULT_CSS = """
    Figures {
        height: 1fr;
        width: 1fr;
        color: $foreground;
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    """

    snapshot: reactive[RunSnapshot | None] = reactive(None, always_update=True)
    """The run; frozen."""

    def render(self) -> Content:
        if self.snapshot is None:
            return Content("")
        judged = health.judge(self.snapshot)
        rows, colour = rows_of(self.snapshot, judged)[: max(1, self.size.height)], health_words.COLOURS[judged.level]
        lines = [
            Content.assemble(
                (f"{label:<{LABEL}}", "$foreground 60%"),
                (value, f"bold {colour}" if label == "health" else "bold"),
                (f" {remark}" if value != "–" else "", "$foreground 60%"),
            )
            for label, value, remark in rows
        ]
        return Content("\n").join(lines)


def rows_of(run: RunSnapshot, judged: health.Health | None = None) -> list[Row]:
    """Return every known figure of a run, the most important first; `judged` is its health where that is known."""
    judged = health.judge(run) if judged is None else judged
    unit = wording.unit(run)
    loss_unit = "" if wording.is_memory_task(run) else f"nats/{unit}"
    train, valid, best = (run.train[-1] if run.train else None), (run.valid[-1] if run.valid else None), run.best
    copied, is_part = _copied(run), run.evaluated_part is not None
    recites = any("recites" in remark for *_, remark in copied)  # then it is among the first
    rows: list[Row] = [
        ("train", wording.figure(train.loss) if train else "–", loss_unit),
        ("valid", wording.figure(valid.loss) if valid else "–", PART if is_part and valid else loss_unit),
        *_error_rates(valid),
        *([("health", health_words.label(judged), "")] if judged.word else []),
        *([("final", wording.figure(run.final.loss), WHOLE)] if run.final is not None and is_part else []),
        ("best", wording.figure(best.loss) if best else "–", _quality(run)),
        _gap(run, judged),
        *(copied if recites else ()),
        *_saturated(run),
        ("gradient", wording.figure(train.grad_norm, 2) if train else "–", _clip(run, train) if train else ""),
        _update(train.update_ratio if train else math.nan),
        ("lr", f"{train.lr:.2e}" if train else "–", "learning rate"),
        ("memory", f"{train.memory_mb:,.0f} MB" if train else "–", ""),
        *_processors(run, train),
        ("speed", wording.short(wording.speed(run)) if wording.speed(run) else "–", f"{unit}s/s"),
        *(() if recites else copied),
    ]
    if best:
        rows.append(("best at", wording.count(best.step), "steps"))
    parameters = run.status.get("parameters")
    if isinstance(parameters, int):
        rows.append(("model", wording.short(parameters), "parameters"))
    rows.append(("network", wording.network(run), ""))
    epoch, tokens, seconds = (run.status.get(k) for k in ("epoch", "tokens", "seconds"))
    if isinstance(epoch, int | float):
        rows.append(("epoch", f"{epoch + 1:.0f}" if isinstance(epoch, int) else f"{epoch:.2f}", ""))
    if isinstance(tokens, int | float):
        rows.append(("read", wording.short(tokens), f"{unit}s"))
    if train is not None or isinstance(seconds, int | float):
        spent = train.seconds if train is not None else float(str(seconds))
        rows.append(("time", format_duration(spent), "of training"))
    if run.settings is not None:
        s = run.settings
        window = live_values(run)["bptt"]
        rows.append(("batch", *wording.batch(s, window if isinstance(window, int) else None)))
        if wording.is_memory_task(run):
            rows.append(("task", one_line(wording.corpus(run), 24), f"length {s.memory.memory_length}"))
        else:
            rows.append(("corpus", one_line(wording.corpus(run), 24), s.data.tokens))
        rows.append(("seed", str(s.run.seed), ""))
    return rows


def _gap(run: RunSnapshot, judged: health.Health) -> Row:
    """Return the gap with the verdict on it, which a run that does not learn has not."""
    found, meaning = overfitting.generalisation_gap(run), "valid - train"
    if found is None:
        return "gap", "–", meaning
    return "gap", f"{found[0]:+.3f}", meaning if judged.level == health.SICK else found[1]


def _saturated(run: RunSnapshot) -> list[Row]:
    """Return the saturated fraction of all gate values, where it was measured."""
    fraction = health.saturation(run)
    return [] if fraction is None else [("saturated", f"{100 * fraction:.0f}%", health.usual_saturation())]


def _processors(run: RunSnapshot, train: TrainPoint | None) -> list[Row]:
    """Return how many processors are busy with the run, where it was measured."""
    if train is None or math.isnan(train.processors) or run.settings is None:
        return []
    threads = run.settings.run.threads
    return [("processor", f"{train.processors:.1f}", f"busy, of {threads} thread{'s' * (threads != 1)}")]


def _error_rates(valid: ValidPoint | None) -> list[Row]:
    """Return the error rates of transcripts or the scores of captions, where an evaluation has them."""
    if valid is not None and valid.f1 is not None:
        exact = valid.figures.get("exact")
        return [("word F1", wording.percent(valid.f1), "" if exact is None else f"exact {wording.percent(exact)}")]
    if valid is None or valid.wer is None:
        return []
    return [("WER", wording.percent(valid.wer), "" if valid.cer is None else f"CER {wording.percent(valid.cer)}")]


def _copied(run: RunSnapshot) -> list[Row]:
    """Return the longest part of the newest sample that the training text contains, where it was measured."""
    found = overfitting.copied_text(run)
    if found is None:
        return []
    usual = "" if found.usual is None else f", usual {found.usual:.0f}"
    return [("copied", str(found.characters), f"chars{usual}{': recites' if found.recites else ''}")]


def _update(ratio: float) -> Row:
    """Return the size of an update relative to the weights."""
    return ("update", f"{ratio:.1e}", "of weights") if math.isfinite(ratio) else ("update", "–", "")


def _quality(run: RunSnapshot) -> str:
    """Return the best evaluation as BLEU, error rate, perplexity or bits per character."""
    best = run.best
    if best is None:
        return ""
    if not best.is_language:
        return f"at {best.step:,}"
    if best.bleu is not None:
        return f"BLEU {best.bleu:.1f}"
    if best.wer is not None:
        return f"WER {wording.percent(best.wer)}"
    if best.f1 is not None:
        return f"F1 {wording.percent(best.f1)}"
    if best.bits_per_char is None or (run.settings is not None and run.settings.data.tokens == "words"):
        return f"ppl {best.perplexity:,.1f}"
    return f"{best.bits_per_char:.3f} bits"


def _clip(run: RunSnapshot, point: TrainPoint) -> str:
    """Return how many steps were clipped, and to what norm: none are at 1e9, however large their gradients."""
    limit = live_values(run)["clip"]
    return f"{100 * point.clipped:.0f}% clipped" + (f" to {limit:g}" if isinstance(limit, int | float) else "")
