"""Scrolling panels that leave left and right to the screen."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from lstmtui.reports.transcript_errors import blocks
from lstmtui.runs.snapshot import Sample
from lstmtui.tui import wording
from lstmtui.tui.widgets import surprise_text
from lstmtui.tui.widgets.gate_map import GateMap
from lstmtui.tui.widgets.picture_samples import PictureSamples, caption_samples
from lstmtui.tui.widgets.transcripts import LEGEND, Transcripts


class Frame(Container):
    """A frame around a widget, which can be enlarged to the whole screen."""

    ALLOW_MAXIMIZE = True


class Panel(VerticalScroll, inherit_bindings=False):
    """Scrolls up and down by key when it has the focus."""

    ALLOW_MAXIMIZE = True

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "Up", show=False),
        Binding("down,j", "scroll_down", "Down", show=False),
        Binding("pageup", "page_up", "Page up", show=False),
        Binding("pagedown", "page_down", "Page down", show=False),
        Binding("home", "scroll_home", "Top", show=False),
        Binding("end", "scroll_end", "End", show=False),
    ]


class SamplePanel(Panel):
    """Samples of the model during training: the newest, or an older one that was chosen."""

    HELP = (
        "The sample has the focus: left and right show older and newer ones, up and down scroll, z enlarges it. The "
        "stronger its ground, the more bits a token had: the less the network expected it. Underlined is the longest "
        "passage that the training text contains."
    )

    samples: reactive[tuple[Sample, ...]] = reactive(())
    """Oldest first."""
    back: reactive[int] = reactive(0)
    """How many samples before the newest one; 0 is the newest."""
    purpose: reactive[str] = reactive("text")
    """What the run is for: samples of speech are transcripts beside what was said, those of captions have pictures."""
    pictures: reactive[Any] = reactive(None, always_update=True)
    """(N, h, w, 3) of the samples of captions; None without any."""

    def compose(self) -> ComposeResult:
        self.border_title = "Sample"
        yield Static(id="sample-text")
        yield Static(id="sample-copied")
        for other in (Transcripts(), PictureSamples()):
            other.display = False
            yield other

    def watch_purpose(self) -> None:
        self._show()

    def watch_pictures(self) -> None:
        self._show()

    def watch_samples(self, old: tuple[Sample, ...], new: tuple[Sample, ...]) -> None:
        # An older sample that is being read stays when a new one arrives.
        if self.back and len(new) > len(old):
            self.set_reactive(SamplePanel.back, min(self.back + len(new) - len(old), max(0, len(new) - 1)))
        self._show()

    def validate_back(self, back: int) -> int:
        return min(max(0, back), max(0, len(self.samples) - 1))

    def watch_back(self) -> None:
        self._show()
        self.scroll_home(animate=False)

    def _show(self) -> None:
        text = self.query_one("#sample-text", Static)
        if not self.samples:
            self.border_title, self.border_subtitle = "Sample", ""
            self.query_one(Transcripts).display = self.query_one(PictureSamples).display = False
            text.display, self.query_one("#sample-copied").display = True, False
            text.update(Text("No sample yet.", style="dim"))
            return
        sample = self.samples[len(self.samples) - 1 - self.back]
        self.border_title = Content(f"Sample at step {wording.count(sample.step)}")
        place = f"← {len(self.samples) - self.back} of {len(self.samples)} →" if len(self.samples) > 1 else ""
        pairs = tuple(blocks(sample.text)) if self.purpose == "speech" else ()
        described = caption_samples(sample.text) if self.purpose == "captions" else ()
        transcripts, pictures = self.query_one(Transcripts), self.query_one(PictureSamples)
        transcripts.pairs, transcripts.display = pairs, bool(pairs)
        pictures.samples, pictures.pixels, pictures.display = described, self.pictures, bool(described)
        text.display = not pairs and not described
        copied = self.query_one("#sample-copied", Static)
        copied.update(Content.styled(surprise_text.copied_words(sample), "$foreground 70%"))
        copied.display = text.display and sample.copied is not None
        if described:
            self.border_title = Content(f"Captions at step {wording.count(sample.step)}")
            self.border_subtitle = Content(place)
            return
        if pairs:
            self.border_title = Content(f"Transcripts at step {wording.count(sample.step)}")
            legend = LEGEND if self.size.width >= 50 or not place else ""
            self.border_subtitle = Content("  ".join(filter(None, (legend, place))))
            return
        styles = surprise_text.styles(self)
        parts = [surprise_text.legend(sample, styles), Content(f"temperature {sample.temperature:g}"), Content(place)]
        parts = [part for part in parts if part]
        while len(parts) > 1 and sum(part.cell_length + 2 for part in parts) > self.size.width - 2:
            del parts[1]  # the temperature, then the place: the legend has no other
        self.border_subtitle = Content("  ").join(parts)
        text.update(surprise_text.content(sample, styles))


class GatePanel(Panel, inherit_bindings=False):
    """The panel of the gates: the arrows move a cursor over the map of the chosen gate, or else scroll."""

    HELP = (
        "The gates have the focus: the arrows move a cursor over the units of the chosen gate, enter inspects the "
        "unit, v goes to the next view, [ and ] choose the gate, z enlarges. A click on a gate chooses it, and a "
        "double click inspects a unit."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "point(0, -1)", "Up", show=False),
        Binding("down,j", "point(0, 1)", "Down", show=False),
        Binding("left", "point(-1, 0)", "Earlier", show=False),
        Binding("right", "point(1, 0)", "Later", show=False),
        Binding("pageup", "point(0, -10)", "Page up", show=False),
        Binding("pagedown", "point(0, 10)", "Page down", show=False),
        Binding("home", "scroll_home", "Top", show=False),
        Binding("end", "scroll_end", "End", show=False),
        Binding("enter", "open", "Inspect the unit", show=False),
        Binding("escape", "leave", "Leave", show=False),
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        gates = self.query_one(GateMap) if self.is_mounted else None
        if action == "leave":
            return gates is not None and gates.has_cursor()
        if action == "point" and parameters[1] == 0:  # else left and right are of the screen
            return gates is not None and gates.can_point()
        return True

    def action_point(self, columns: int, rows: int) -> None:
        gates = self.query_one(GateMap)
        if gates.can_point():
            gates.move_cursor(columns, rows)
        else:
            self.scroll_relative(y=rows, animate=False)

    def action_open(self) -> None:
        self.query_one(GateMap).open_unit()

    def action_leave(self) -> None:
        self.query_one(GateMap).leave()


class AttentionPanel(Panel):
    """The panel of the attention."""

    HELP = (
        "The attention has the focus: a row for each target token, a column for each source token; v goes to the "
        "gates, up and down scroll, z enlarges."
    )


class PosteriorPanel(Panel):
    """The panel of what is heard in a recording."""

    HELP = "The map of labels by time has the focus: v goes to the gates, z enlarges it."
