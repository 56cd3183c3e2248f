"""The gradient flow of one run: how far back gradients reach, and the half-lives of its units."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from lstmtui.common.terminal_text import one_line
from lstmtui.reports.gradient_flow import Flow, describe_half_life, measurement_files, parse_flow, read_flow
from lstmtui.runs.folder import RunFolder
from lstmtui.tui import wording
from lstmtui.tui.keys import bind
from lstmtui.tui.messages import PollResult
from lstmtui.tui.screens.polling import PollingScreen
from lstmtui.tui.services import Services
from lstmtui.tui.widgets.bars import TitleBar
from lstmtui.tui.widgets.half_lives import HalfLives
from lstmtui.tui.widgets.key_bar import KeyBar
from lstmtui.tui.widgets.line_chart import COLOUR_NAMES, LineChart
from lstmtui.tui.widgets.lines import Curve
from lstmtui.tui.widgets.panels import Panel
from lstmtui.tui.widgets.status_line import StatusLine
from lstmtui.tui.workers.inspection import InspectedModel, InspectionAnswered, InspectionThread
from lstmtui.tui.workers.model_thread import ModelFailed

if TYPE_CHECKING:
    from lstmtui.tui.app import LstmtuiApp

INTERVAL = 2.0
"""Seconds between two reads of the probes."""
FLOOR = 1e-9
"""The smallest norm that is drawn, relative to the largest."""
NO_MEASUREMENT = """\
No measurement yet: one follows with
the next evaluation.

Press m to measure the best checkpoint now."""


class Measured(PollResult):
    """The measurements of the run, oldest first."""

    def __init__(self, flows: tuple[Flow, ...]) -> None:
        super().__init__()
        self.flows = flows


class GradientsScreen(PollingScreen[None]):
    """Gradients that vanish, explode or persist, and how that changes during training."""

    HELP: ClassVar[str] = """\
The norm, by lag k, of the gradient of the loss of one prediction with respect to the state that a layer carried into \
the last k steps. A straight line downwards is a gradient that shrinks by the same factor at each step, and vanishes; \
a rising line is a gradient that explodes.

h is the output of a layer, c the cell state of an LSTM, along which gradients flow through forget gates alone. The \
digit on a line is the layer.

Half-life: the steps after which a unit has forgotten half of its memory, from the gate that forgets (f, 1 - i, or the \
z of a GRU).

Of a translation, the prediction is one target token. Lag k of a layer of the decoder is k target tokens before it; of \
the encoder, the state that is carried into the last k source tokens, of the backward direction into the first k. \
Attention brings gradients to every source token, and so those of an encoder need not go through time.
"""
    CSS_PATH = "gradients.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("left", "move(-1)", "Earlier", "gradients.earlier", "The measurement before this one"),
        bind("right", "move(1)", "Later", "gradients.later", "The measurement after this one"),
        bind("first", "move(-1000)", "First", "gradients.first", "The first measurement"),
        bind("last", "move(1000)", "Last", "gradients.last", "The newest measurement, also of those to come"),
        bind("view", "state", "h or c", "gradients.state", "Show the other state: h, or the cell state c"),
        bind("gradients", "measure", "Measure", "gradients.measure", "Measure the run's best checkpoint now"),
        bind("back", "back", "Back", "gradients.back", "Leave this screen"),
        bind("quit", "app.quit", "Quit", "gradients.quit", ""),
        bind("help", "app.help", "Help", "gradients.help", ""),
    ]

    flows: var[tuple[Flow, ...]] = var((), always_update=True)
    """Every measurement, oldest first; frozen."""
    at: var[int | None] = var(None)
    """The index of the shown measurement; None for the newest."""
    state: var[str] = var("h")
    """The state that is shown where only one fits."""

    def __init__(self, path: Path, services: Services | None = None) -> None:
        super().__init__()
        self._folder = RunFolder(path)
        self._services = services
        self._known: dict[Path, Flow | None] = {}
        self._measured_here: Flow | None = None
        """The measurement made from this screen, shown after those of the run."""
        self._inspection: InspectionThread | None = None
        self._was_read = False

    def compose(self) -> ComposeResult:
        yield TitleBar()
        yield Static(id="brief")
        with Horizontal(id="body"):
            with Vertical(id="charts"):
                for state in ("h", "c"):
                    with Container(id=f"chart-{state}", classes="panel chart"):
                        yield LineChart(id=f"norms-{state}")
            with Panel(id="meaning", classes="panel") as meaning:
                meaning.border_title = "Summary"
                yield Static(id="verdict")
                yield HalfLives()
        yield StatusLine(id="status")
        yield KeyBar()

    def on_mount(self) -> None:
        title = self.query_one(TitleBar)
        title.title, title.remark = self._folder.name, "gradient flow"
        for chart in self.query(LineChart):
            chart.x_text = wording.count
            chart.empty_text = "Reading the run …"
        self._update()
        self.poll_every(INTERVAL)

    def on_unmount(self) -> None:
        if self._inspection is not None:
            self._inspection.close()

    # --- reading --------------------------------------------------------------------------------------------------

    def read(self) -> Measured:
        paths = measurement_files(self._folder)
        self._known = {path: self._known.get(path) or read_flow(path) for path in paths}
        return Measured(tuple(flow for flow in self._known.values() if flow is not None))

    def on_measured(self, message: Measured) -> None:
        first, self._was_read = not self._was_read, True
        known = self.flows[: len(self.flows) - (self._measured_here is not None)]
        if first or [f.step for f in message.flows] != [f.step for f in known]:
            measured_here = (self._measured_here,) if self._measured_here is not None else ()
            self.flows = (*message.flows, *measured_here)

    # --- showing --------------------------------------------------------------------------------------------------

    @property
    def shown(self) -> Flow | None:
        """The measurement on the screen."""
        if not self.flows:
            return None
        return self.flows[-1 if self.at is None else min(self.at, len(self.flows) - 1)]

    def watch_flows(self) -> None:
        self._update()

    def watch_at(self) -> None:
        self._update()

    def watch_state(self) -> None:
        self._update()

    def _update(self) -> None:
        if not self.is_usable:
            return
        flow = self.shown
        has_c = flow is not None and bool(flow.c.size)
        state = self.state if has_c else "h"
        self.set_class(state == "c", "-c")
        self.set_class(has_c, "-both")
        self.query_one(HalfLives).values = flow.half_life if flow is not None else None
        for name in ("h", "c"):
            chart = self.query_one(f"#norms-{name}", LineChart)
            chart.empty_text = NO_MEASUREMENT if self._was_read else "Reading the run …"
            chart.curves = curves_of(flow, name) if flow is not None else ()
            panel = self.query_one(f"#chart-{name}")
            panel.border_title = Content(f"Norm of dL/d{name} by lag")
            panel.border_subtitle = Content(self._place(flow))
        self.query_one("#verdict", Static).update(self._summary(flow, state))
        self.query_one("#brief", Static).update(Text(self._brief(flow, state)))
        title = self.query_one(TitleBar)
        title.remark = "gradient flow" + (f" · {flow.cell} · step {wording.count(flow.step)}" if flow else "")

    def _place(self, flow: Flow | None) -> str:
        if flow is None:
            return "digits: layers"
        number = self.flows.index(flow) + 1
        kind = "measured now" if flow is self._measured_here else f"step {wording.count(flow.step)}"
        return f"{kind}, {number} of {len(self.flows)}"

    def _summary(self, flow: Flow | None, state: str) -> Text:
        if flow is None:
            return Text("")
        text = Text()
        for layer in range(flow.layers):
            number = f"{layer + 1} " if flow.layer_names else ""  # the digit on its line
            text.append(f"{number}{one_line(flow.name(layer).capitalize(), 40)}\n", style="bold")
            for name in ("h", "c") if flow.c.size else ("h",):
                sentence = flow.verdict(layer, name).words
                text.append(f"{name} {sentence}\n", style="" if name == state else "dim")
            if memory_text := describe_half_life(flow.half_life[layer]):
                text.append(f"{memory_text}\n", style="dim")
        if flow.half_life.size:
            text.append("\nHalf-life of the units", style="bold")
        return text

    def _brief(self, flow: Flow | None, state: str) -> str:
        """Return the summary in one line, for a small screen."""
        if flow is None:
            return "No measurement yet; m measures." if self._was_read else "Reading the run …"
        verdicts = [flow.verdict(layer, state).short for layer in range(flow.layers)]
        if flow.layer_names:
            named = [wording.short_layer(flow.layer_names, layer) for layer in range(flow.layers)]
            return f"d{state}  " + "; ".join(f"{name} {verdict}" for name, verdict in zip(named, verdicts, strict=True))
        return "  ".join(f"{state}{layer + 1} {verdict}" for layer, verdict in enumerate(verdicts))

    # --- keys -----------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "state":
            return self.shown is None or bool(self.shown.c.size)
        return True

    def action_move(self, by: int) -> None:
        if self.flows:
            last = len(self.flows) - 1
            current = last if self.at is None else min(self.at, last)
            target = min(max(0, current + by), last)
            self.at = None if target == last else target

    def action_state(self) -> None:
        self.state = "h" if self.state == "c" else "c"

    def action_measure(self) -> None:
        services = self._services or cast("LstmtuiApp", self.app).services
        if self._inspection is None:
            folder = self._folder
            self._inspection = InspectionThread(
                lambda: cast(InspectedModel, services.open_model(folder)), self.post_message
            )
        self._set_status("Measuring the best checkpoint …")
        self._inspection.ask("gradients")

    def on_inspection_answered(self, message: InspectionAnswered) -> None:
        flow = parse_flow(message.answer)
        if flow is None:
            self._set_status("The answer makes no sense; is the run of another version?", error=True)
            return
        others = self.flows[: len(self.flows) - (self._measured_here is not None)]
        self._measured_here = flow
        self.at = None
        self.flows = (*others, flow)
        self._set_status(f"Measured the checkpoint of step {wording.count(flow.step)}.")

    def on_model_failed(self, message: ModelFailed) -> None:
        if message.final and self._inspection is not None:
            self._inspection.close()
            self._inspection = None
        self._set_status(message.reason, error=True)

    def action_back(self) -> None:
        self.dismiss()

    def _set_status(self, text: str, *, error: bool = False) -> None:
        self.query_one(StatusLine).set_text(text, error=error)


def curves_of(flow: Flow, state: str) -> tuple[Curve, ...]:
    """Return one curve for each layer; values too small to matter are drawn on the lower edge."""
    curves = []
    values = flow.norms(state)
    top = _largest(values)
    for layer in range(len(values)):
        points = tuple((float(k + 1), max(float(v), FLOOR * top)) for k, v in enumerate(values[layer]))
        curves.append(Curve(str(layer + 1)[-1], points, COLOUR_NAMES[layer % len(COLOUR_NAMES)]))
    return tuple(curves)


def _largest(values: Any) -> float:
    import numpy as np

    finite = values[np.isfinite(values)]
    return max(float(finite.max()) if finite.size else 0.0, 1e-300)
