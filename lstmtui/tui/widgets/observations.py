"""What a run shows of its model beside the figures: samples, attention where there is one, and gates."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content

from lstmtui.tui import wording
from lstmtui.tui.messages import RunView
from lstmtui.tui.widgets.attention_map import AttentionMap
from lstmtui.tui.widgets.gate_map import VIEWS, GateMap
from lstmtui.tui.widgets.panels import AttentionPanel, GatePanel, SamplePanel


class Observations(Horizontal):
    """Panels side by side; where not all of them fit, attention and gates take turns."""

    DEFAULT_CSS = """
    Observations {
        height: 1fr;
        & > SamplePanel, & > GatePanel, & > AttentionPanel { width: 1fr; height: 1fr; }
        & > AttentionPanel { display: none; }
        &.-attention > AttentionPanel { display: block; }
        &.-attention > GatePanel { display: none; }
        &.-attention.-gates > AttentionPanel { display: none; }
        &.-attention.-gates > GatePanel { display: block; }
    }
    .-wide Observations.-attention > GatePanel, .-wide Observations.-attention > AttentionPanel { display: block; }
    """

    def compose(self) -> ComposeResult:
        yield SamplePanel(id="sample", classes="panel")
        with AttentionPanel(id="attention", classes="panel"):
            yield AttentionMap()
        with GatePanel(id="gates", classes="panel"):
            yield GateMap()

    def on_mount(self) -> None:
        for widget, names in ((self.query_one(GateMap), ("view", "chosen")), (self._attention, ("at", "probes"))):
            for name in names:
                self.watch(widget, name, self.update_titles, init=False)
        for name in ("back", "samples"):
            self.watch(self.query_one(SamplePanel), name, self._follow_sample, init=False)
        self.update_titles()

    @property
    def _attention(self) -> AttentionMap:
        return self.query_one(AttentionMap)

    def show(self, old: RunView | None, view: RunView) -> None:
        """Show what was read."""
        self.query_one(SamplePanel).samples = view.snapshot.samples
        self.set_class(wording.purpose(view.snapshot) == "translation", "-attention")
        gates = self.query_one(GateMap)
        if old is None or old.probes is not view.probes:
            gates.probes = view.probes
        if old is None or old.window is not view.window:
            gates.window = view.window
        if old is None or old.attention is not view.attention:
            self._attention.probes = view.attention
        self.update_titles()

    def update_titles(self) -> None:
        """Title the panels with what they show."""
        for panel, shown in (("#gates", self.query_one(GateMap)), ("#attention", self._attention)):
            frame = self.query_one(panel)
            frame.border_title = Content(shown.title())
            frame.border_subtitle = shown.legend()

    def _follow_sample(self) -> None:
        """Show the attention of the step of the sample that is read."""
        panel = self.query_one(SamplePanel)
        self._attention.at = panel.samples[len(panel.samples) - 1 - panel.back].step if panel.back else None

    def next_view(self) -> None:
        """Show the next view of the gates; the attention is one of them where it has no panel of its own."""
        gates = self.query_one(GateMap)
        takes_turns = self.has_class("-attention") and not self.screen.has_class("-wide")
        if takes_turns and self.screen.maximized is None:
            if not self.has_class("-gates"):
                self.add_class("-gates")
                gates.view = VIEWS[0]
                return
            if gates.view == VIEWS[-1]:
                self.remove_class("-gates")
                return
        gates.view = VIEWS[(VIEWS.index(gates.view) + 1) % len(VIEWS)]

    def choose_gate(self, by: int) -> None:
        """Choose another layer and gate; they come into view."""
        self.add_class("-gates")
        self.query_one(GateMap).chosen += by
