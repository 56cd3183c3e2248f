"""The numbers of a run, one to a line, the most wanted first."""

from __future__ import annotations

import math

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from lstmtui.common.terminal_text import one_line
from lstmtui.common.units import format_duration
from lstmtui.reports import overfitting
from lstmtui.runs.snapshot import RunSnapshot
from lstmtui.tui import wording

Row = tuple[str, str, str]
"""Label, value, and a muted remark after it."""


class Figures(Widget):
    """As many figures as fit: a small screen shows the first ones."""

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
    """What to tell; frozen."""

    def render(self) -> Content:
        if self.snapshot is None:
            return Content("")
        rows = rows_of(self.snapshot)[: max(1, self.size.height)]
        lines = [
            Content.assemble(
                (f"{label:<9}", "$foreground 60%"),
                (value, "bold"),
                (f" {remark}" if value != "–" else "", "$foreground 60%"),
            )
            for label, value, remark in rows
        ]
        return Content("\n").join(lines)


def rows_of(seen: RunSnapshot) -> list[Row]:
    """Return every figure there is to tell of a run, the most wanted first."""
    unit = wording.unit(seen)
    train, valid, best = (seen.train[-1] if seen.train else None), (seen.valid[-1] if seen.valid else None), seen.best
    copied = _copied(seen)
    recites = any("recites" in remark for *_, remark in copied)  # then it is among the most wanted
    rows: list[Row] = [
        ("train", wording.figure(train.loss) if train else "–", f"nats/{unit}"),
        ("valid", wording.figure(valid.value) if valid else "–", f"nats/{unit}"),
        ("best", wording.figure(best.value) if best else "–", _quality(seen)),
        _gap(seen),
        *(copied if recites else ()),
        ("gradient", wording.figure(train.grad_norm, 2) if train else "–", _clip(train.clipped) if train else ""),
        _update(train.update_ratio if train else math.nan),
        ("lr", f"{train.lr:.2e}" if train else "–", ""),
        ("memory", f"{train.memory_mb:,.0f} MB" if train else "–", ""),
        ("speed", wording.short(wording.speed(seen)) if wording.speed(seen) else "–", f"{unit}s/s"),
        *(() if recites else copied),
    ]
    if best:
        rows.append(("best at", wording.count(best.step), "steps"))
    parameters = seen.status.get("parameters")
    if isinstance(parameters, int):
        rows.append(("model", wording.short(parameters), "parameters"))
    rows.append(("network", wording.network(seen), ""))
    epoch, tokens, seconds = (seen.status.get(k) for k in ("epoch", "tokens", "seconds"))
    if isinstance(epoch, int | float):
        rows.append(("epoch", f"{epoch + 1:.0f}" if isinstance(epoch, int) else f"{epoch:.2f}", ""))
    if isinstance(tokens, int | float):
        rows.append(("read", wording.short(tokens), f"{unit}s"))
    if train is not None or isinstance(seconds, int | float):
        spent = train.seconds if train is not None else float(str(seconds))
        rows.append(("time", format_duration(spent), "of training"))
    if seen.settings is not None:
        s = seen.settings
        live = seen.status.get("live")
        window = live.get("bptt") if isinstance(live, dict) else s.length.bptt
        rows.append(("batch", f"{s.length.batch or '?'}×{window if isinstance(window, int) else '?'}", "streams×steps"))
        rows.append(("corpus", one_line(wording.corpus(seen), 24), s.data.tokens))
        rows.append(("seed", str(s.run.seed), ""))
    return rows


def _gap(seen: RunSnapshot) -> Row:
    found = overfitting.generalisation_gap(seen)
    return ("gap", f"{found[0]:+.3f}", found[1]) if found else ("gap", "–", "valid - train")


def _copied(seen: RunSnapshot) -> list[Row]:
    """Return the longest stretch of the training text that the newest sample repeats, where it was measured."""
    found = overfitting.copied_text(seen)
    if found is None:
        return []
    usual = "" if found.usual is None else f", usual {found.usual:.0f}"
    return [("copied", str(found.characters), f"chars{usual}{': recites' if found.recites else ''}")]


def _update(ratio: float) -> Row:
    """Return the length of a step beside that of the weights."""
    return ("update", f"{ratio:.1e}", "of weights") if math.isfinite(ratio) else ("update", "–", "")


def _quality(seen: RunSnapshot) -> str:
    """Return the best evaluation as people compare it."""
    best = seen.best
    if best is None:
        return ""
    if not best.is_language:
        return f"at {best.step:,}"
    if best.bits_per_char is None or (seen.settings is not None and seen.settings.data.tokens == "words"):
        return f"ppl {best.perplexity:,.1f}"
    return f"{best.bits_per_char:.3f} bits"


def _clip(share: float) -> str:
    return f"{100 * share:.0f}% clipped"
