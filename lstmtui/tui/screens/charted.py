"""Screens with a loss chart: its keys, which work wherever the focus is."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from lstmtui.tui.keys import bind
from lstmtui.tui.screens.polling import PollingScreen
from lstmtui.tui.textual_patches.screen import Result
from lstmtui.tui.widgets.loss_chart import LossChart


class ChartedScreen(PollingScreen[Result]):
    """A screen that reads runs and draws the loss of one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("log", "log", "Log", "chart.log", "Loss on a logarithmic or a linear axis"),
        bind("smooth", "smooth", "Smooth", "chart.smooth", "Smooth the training loss more, or not"),
        bind("axis", "x_axis", "Axis", "chart.axis", "Loss by step, by tokens, or by time"),
        bind("unit", "unit", "Unit", "chart.unit", "Loss in nats or bits; error rates of speech"),
        bind("closer", "zoom(0.5)", "Zoom in", "chart.closer", "Zoom in, at the cursor or the newest points"),
        bind("farther", "zoom(2.0)", "Zoom out", "chart.farther", "Zoom out"),
        bind("all", "zoom(1e9)", "All", "chart.all", "The whole curve"),
    ]

    def action_unit(self) -> None:
        self.query_one(LossChart).cycle_unit()

    def action_log(self) -> None:
        chart = self.query_one(LossChart)
        chart.logarithmic = not chart.is_logarithmic()

    def action_smooth(self) -> None:
        self.query_one(LossChart).cycle_smoothing()

    def action_x_axis(self) -> None:
        self.query_one(LossChart).cycle_x_axis()

    def action_zoom(self, factor: float) -> None:
        self.query_one(LossChart).zoom_by(factor)
