"""A sample coloured by surprise: how many bits each token would have cost, and what is copied from the training text.

A token that the network held for likely has few bits, -log2 of its probability; one that it drew against its own
expectation has many. Backgrounds grow stronger with the bits; without colours, tokens are dim, plain, bold or reversed.
"""

from __future__ import annotations

from collections.abc import Iterator

from textual.content import Content
from textual.widget import Widget

from lstmtui.common.terminal_text import safe
from lstmtui.reports.surprise import NAMES, WITHOUT_COLOURS, level
from lstmtui.runs.snapshot import Sample
from lstmtui.tui.widgets import ramps

SHARES = (0.0, 0.18, 0.4, 0.85)
"""Place of each level in the ramp; the last is so strong that its text has the colour of the ground."""
COPIED = "underline"

Styles = tuple[str, ...]
"""One for each level."""


def styles(widget: Widget) -> Styles:
    """Return the style of each level in the theme of a widget's application."""
    app = widget.app
    if app.no_color or app.current_theme.ansi:
        return WITHOUT_COLOURS
    return coloured(dark=app.current_theme.dark)


def coloured(*, dark: bool) -> Styles:
    """Return the style of each level on a terminal with colours."""
    grounds = [ramps.surprise(share, dark=dark) for share in SHARES]
    strong = len(SHARES) - 1
    return (
        "",
        *("on rgb({},{},{})".format(*ground) for ground in grounds[1:strong]),
        "$background on rgb({},{},{})".format(*grounds[strong]),
    )


def content(sample: Sample, found: Styles) -> Content:
    """Return the prompt and the text; without surprise, as that of older samples, the text is plain."""
    prompt = Content.styled(safe(sample.prompt), "bold")
    return Content("").join([prompt, *(Content.styled(safe(text), style) for text, style in _parts(sample, found))])


def _parts(sample: Sample, found: Styles) -> Iterator[tuple[str, str]]:
    """Yield texts of one style."""
    text, (first, count) = sample.text, sample.copied or (0, 0)
    tokens = sample.surprise or ((len(text), -1.0),)
    start, before, at = 0, "", 0
    for characters, bits in tokens:
        for position in range(at, at + characters):
            marks = (found[level(bits)] if bits >= 0 else "", COPIED if first <= position < first + count else "")
            style = " ".join(filter(None, marks))
            if style != before:
                if position > start:
                    yield text[start:position], before
                start, before = position, style
        at += characters
    yield text[start:], before


def legend(sample: Sample, found: Styles) -> Content:
    """Return the meaning of the colours; empty for a sample without them."""
    if not sample.surprise:
        return Content("")
    # A border dims its text, which is not to be read on a coloured ground.
    inks = [style if "$" in style else f"$foreground {style}".strip() for style in found]
    parts = [Content.styled(f" {name} ", style) for name, style in zip(NAMES, inks, strict=True)]
    return Content.assemble(*parts, " bits")


def copied_words(sample: Sample) -> str:
    """Return in a sentence what is underlined; empty for an older sample."""
    if sample.copied is None:
        return ""
    usual = "" if sample.usual is None else f"; unseen text of this length shares {sample.usual:.0f}"
    return f"Underlined: the longest passage of the training text, {sample.copied[1]} characters{usual}."
