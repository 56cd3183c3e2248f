"""The chosen run of the list: its loss, its newest sample, the saturation of its gates and its figures."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content

from lstmtui.common.terminal_text import one_line
from lstmtui.runs.snapshot import RunSnapshot, Saturation
from lstmtui.tui import wording
from lstmtui.tui.widgets.figures import Figures
from lstmtui.tui.widgets.gate_map import GateMap
from lstmtui.tui.widgets.loss_chart import LossChart
from lstmtui.tui.widgets.panels import GatePanel, SamplePanel

MIN_SAMPLE_ROWS = 6
"""Rows of the panel of the sample, with its frame, that the gates leave to it."""
FRAME = 2


class RunPreview(Horizontal):
    """Panels side by side: the loss; the sample above the gates; the figures. A low one has no gates."""

    DEFAULT_CSS = """
    RunPreview {
        height: 1fr;
        & .panel { height: 1fr; }
        & > #loss, & > #model { width: 1fr; }
        & > #loss { padding: 0 1 0 0; }
        & > #numbers { width: 36; }
    }
    """

    def compose(self) -> ComposeResult:
        with Container(id="loss", classes="panel"):
            yield LossChart()
        with Vertical(id="model"):
            sample, gates = SamplePanel(id="sample", classes="panel"), GatePanel(id="gates", classes="panel")
            sample.can_focus = gates.can_focus = False  # their keys are those of the screen of a run
            yield sample
            with gates:
                yield GateMap()
        with Container(id="numbers", classes="panel") as numbers:
            numbers.border_title = "Figures"
            yield Figures()

    def on_resize(self) -> None:
        self._fit()

    def show(self, run: RunSnapshot | None, *, is_another: bool) -> None:
        """Show a run, or nothing; `is_another` says that it is not the one of the last call."""
        chart, sample = self.query_one(LossChart), self.query_one(SamplePanel)
        chart.snapshot = run
        self.query_one(Figures).snapshot = run
        if is_another:
            sample.back, sample.samples = 0, ()
            self.show_gates(())
        sample.purpose = wording.purpose(run)
        sample.samples = run.samples if run is not None else ()
        panel = self.query_one("#loss")
        panel.border_title = Content(f"Loss of {one_line(run.run.name, 40)}, {chart.unit()}" if run else "Loss")
        panel.border_subtitle = Content(chart.legend())

    def show_gates(self, probes: tuple[Saturation, ...]) -> None:
        """Show the newest of the probes of the run."""
        gates = self.query_one(GateMap)
        if gates.probes is not probes:
            gates.probes = probes[-1:]
            self._fit()

    def _fit(self) -> None:
        """Give the gates a row each where that leaves enough for the sample."""
        gates, panel = self.query_one(GateMap), self.query_one(GatePanel)
        layers_and_gates = gates.probes[-1].left.shape[:2] if gates.probes else (0, 0)
        rows = layers_and_gates[0] * layers_and_gates[1] + FRAME
        panel.display = bool(gates.probes) and self.size.height - rows >= MIN_SAMPLE_ROWS
        panel.styles.height = rows
        panel.border_title, panel.border_subtitle = Content(gates.title()), gates.legend()
