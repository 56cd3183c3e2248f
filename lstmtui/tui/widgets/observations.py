"""What a run shows of its model beside the figures: samples, a heat map where it has one, and gates."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.content import Content

from lstmtui.tui import wording
from lstmtui.tui.messages import RunView
from lstmtui.tui.widgets.attention_map import AttentionMap
from lstmtui.tui.widgets.gate_history import Place
from lstmtui.tui.widgets.gate_map import VIEWS, GateMap
from lstmtui.tui.widgets.loss_chart import LossChart
from lstmtui.tui.widgets.panels import AttentionPanel, GatePanel, Panel, PosteriorPanel, SamplePanel
from lstmtui.tui.widgets.posterior_map import PosteriorMap
from lstmtui.tui.widgets.split import Split

HAVE_A_HEAT_MAP = ("translation", "speech")
"""Purposes of runs."""


class Observations(Split):
    """Panels side by side; where not all of them fit, the heat map and the gates take turns.

    The heat map of a translation is its attention, that of speech what is heard by time.
    """

    DEFAULT_CSS = """
    Observations {
        layout: horizontal;
        height: 1fr;
        & > SamplePanel, & > GatePanel, & > .heat { width: 1fr; height: 1fr; }
        & > .heat { display: none; }
        &.-heat > GatePanel { display: none; }
        &.-translation > AttentionPanel, &.-speech > PosteriorPanel { display: block; }
        &.-heat.-gates > .heat { display: none; }
        &.-heat.-gates > GatePanel { display: block; }
    }
    """

    def compose(self) -> ComposeResult:
        yield SamplePanel(id="sample", classes="panel")
        with AttentionPanel(id="attention", classes="panel heat"):
            yield AttentionMap()
        with PosteriorPanel(id="posteriors", classes="panel heat"):
            yield PosteriorMap()
        with GatePanel(id="gates", classes="panel"):
            yield GateMap()

    def on_mount(self) -> None:
        watched = {
            self.query_one(GateMap): ("view", "chosen", "pointed"),
            **dict.fromkeys(self._heat(), ("at", "probes")),
        }
        for widget, names in watched.items():
            for name in names:
                self.watch(widget, name, self.update_titles, init=False)
        for name in ("back", "samples"):
            self.watch(self.query_one(SamplePanel), name, self._follow_sample, init=False)
        for chart in self.screen.query(LossChart):
            for name in ("cursor", "pointer"):
                self.watch(chart, name, self._mark_step, init=False)
            self.watch(self.query_one(GateMap), "pointed", self._point_chart, init=False)
        self.update_titles()

    def _mark_step(self) -> None:
        """Mark the step of the cursor of the loss chart on the axis of the gates."""
        self.query_one(GateMap).marked = self.screen.query_one(LossChart).step_at()

    def _point_chart(self, place: Place | None) -> None:
        """Let the cursor of the loss chart follow that of the gates."""
        gates = self.query_one(GateMap)
        if place is not None and gates.has_cursor():
            self.screen.query_one(LossChart).show_step(place.probe.step)

    def _heat(self) -> tuple[AttentionMap, PosteriorMap]:
        return self.query_one(AttentionMap), self.query_one(PosteriorMap)

    def show(self, old: RunView | None, view: RunView) -> None:
        """Show what was read."""
        purpose, settings, (attention, posteriors) = (
            wording.purpose(view.snapshot),
            view.snapshot.settings,
            self._heat(),
        )
        for name in HAVE_A_HEAT_MAP:
            self.set_class(purpose == name, f"-{name}")
        self.set_class(purpose in HAVE_A_HEAT_MAP, "-heat")
        samples = self.query_one(SamplePanel)
        samples.purpose, samples.samples = purpose, view.snapshot.samples
        if old is None or old.pictures is not view.pictures:
            samples.pictures = view.pictures
        if purpose == "speech" and settings is not None:
            from lstmtui.data.log_mel import SHIFT_MS

            posteriors.step_seconds = settings.speech.stack * SHIFT_MS / 1000
        gates = self.query_one(GateMap)
        gates.planned = 0 if view.snapshot.ended else int(view.snapshot.steps or 0)
        if old is None or old.probes is not view.probes:
            gates.probes = view.probes
        if old is None or old.window is not view.window:
            gates.window = view.window
        if old is None or old.attention is not view.attention:
            attention.probes = view.attention
        if old is None or old.posteriors is not view.posteriors:
            posteriors.probes = view.posteriors
        self.update_titles()

    def update_titles(self) -> None:
        """Title the panels with what they show."""
        for shown in (self.query_one(GateMap), *self._heat()):
            frame = shown.parent
            assert isinstance(frame, Panel)
            frame.border_title = Content(shown.title())
            frame.border_subtitle = shown.legend()

    def _follow_sample(self) -> None:
        """Show the heat map of the step of the sample that is read."""
        panel = self.query_one(SamplePanel)
        step = panel.samples[len(panel.samples) - 1 - panel.back].step if panel.back else None
        for shown in self._heat():
            shown.at = step

    def next_view(self) -> None:
        """Show the next view of the gates; the heat map is one of them where it has no panel of its own."""
        gates = self.query_one(GateMap)
        takes_turns = self.has_class("-heat") and not self.screen.has_class("-wide")
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
