"""What each unit does, character by character: coloured text, all gates of one unit, one gate of all units."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.reactive import var
from textual.widgets import Footer, Static

from lstmtui.common.terminal_text import one_line, safe
from lstmtui.config import CELLS
from lstmtui.runs.folder import RunFolder
from lstmtui.tui import wording
from lstmtui.tui.keys import bind
from lstmtui.tui.screens.base import BaseScreen
from lstmtui.tui.screens.text_input import TextInputScreen
from lstmtui.tui.services import Services
from lstmtui.tui.widgets.bars import TitleBar
from lstmtui.tui.widgets.coded_text import CodedText, Span, shown
from lstmtui.tui.widgets.token_map import Row, TokenMap
from lstmtui.tui.workers.inspection import InspectedModel, InspectionAnswered, InspectionThread
from lstmtui.tui.workers.model_thread import ModelFailed, ModelOpened

if TYPE_CHECKING:
    from lstmtui.tui.app import LstmtuiApp

ORDERS = {
    "selective": "most selective first",
    "slow": "slowest first",
    "active": "most active first",
    "number": "by number",
}
"""How units are sorted, and how that is said."""


@dataclass(frozen=True, slots=True)
class Units:
    """One gate or state of all units over the text, and figures of each unit."""

    layer: int
    part: str
    scale: float
    coded: bytes
    """(H, N) int8, row after row."""
    selectivity: tuple[float, ...]
    token: tuple[str, ...]
    """The token that sets a unit apart most; empty for none."""
    spread: tuple[float, ...]
    slowness: tuple[float, ...]

    def value(self, unit: int, token: int, length: int) -> float:
        """Return what `unit` was at `token` of a text of `length` tokens."""
        byte = self.coded[unit * length + token]
        return (byte - 256 if byte > 127 else byte) * self.scale

    def order(self, name: str) -> list[int]:
        """Return the units sorted by one of ORDERS."""
        figures = {"selective": self.selectivity, "slow": self.slowness, "active": self.spread}.get(name)
        units = range(len(self.selectivity))
        return list(units) if figures is None else sorted(units, key=lambda j: (-figures[j], j))

    def told(self, unit: int, order: str) -> str:
        """Return the figure that `order` sorts by, in words."""
        if order == "slow":
            return f"{self.slowness[unit]:.2f}"
        if order == "active":
            return f"{self.spread[unit]:.2f}"
        piece = shown(self.token[unit])[:6] if self.token[unit] else "–"
        return f"{self.selectivity[unit]:.1f} {'␣' if piece == ' ' else piece}"


class InspectScreen(BaseScreen[None]):
    """Look at gates and states while the model reads a text."""

    HELP: ClassVar[str] = """\
The ground of each character, and the dots and shades below it, say what the chosen unit did when it had read that \
character: shades ░▒▓█ for above zero (a gate that is open), dots ⠂⠒⠶⠿ for below (a gate that is shut). States h and c \
are drawn relative to the largest of the layer.

Units are sorted by how far one character sets them apart (selective, with that character), by how long they hold a \
value (slow), or by how much they move (active). Sharp rows in the map of all units are where to look first.

Shift with the arrows, or the mouse, chooses a span. f then looks for the units that are on all through it, and for \
other places where the same units are on: what those places share is what the units may stand for.
"""
    CSS_PATH = "inspect.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("left,h", "move(-1)", "Left", "inspect.left", "The character before"),
        bind("right,l", "move(1)", "Right", "inspect.right", "The character after"),
        bind("up,k", "line(-1)", "Up", "inspect.up", "The line above"),
        bind("down,j", "line(1)", "Down", "inspect.down", "The line below"),
        bind("home", "move(-1000000)", "Start", "inspect.start", "The first character"),
        bind("end", "move(1000000)", "End", "inspect.end", "The last character"),
        bind("shift+left,H", "span(-1)", "Span left", "inspect.span-left", "Choose a span to the left"),
        bind("shift+right,L", "span(1)", "Span right", "inspect.span-right", "Choose a span to the right"),
        bind("left_square_bracket,pageup", "unit(-1)", "Unit before", "inspect.unit-before", "The unit listed before"),
        Binding(
            "right_square_bracket,pagedown", "unit(1)", "Unit", key_display="[ ]", id="inspect.unit-after",
            tooltip="The unit listed next",
        ),
        bind("tab", "part(1)", "Gate", "inspect.gate", "The next gate or state", show=True),
        bind("shift+tab", "part(-1)", "Gate before", "inspect.gate-before", "The gate or state before"),
        *(bind(str(n), f"layer({n - 1})", f"Layer {n}", f"inspect.layer-{n}", f"Layer {n}") for n in range(1, 10)),
        bind("o", "order", "Order", "inspect.order", "Sort units: selective, slow, active, by number", show=True),
        bind("v", "view", "View", "inspect.view", "The gates of one unit, or one gate of all units", show=True),
        bind("f", "find", "Find", "inspect.find", "Find where the units of the span are on again", show=True),
        bind("n", "match(1)", "Next place", "inspect.next", "The next place that was found"),
        bind("N", "match(-1)", "Place before", "inspect.before", "The place found before"),
        bind("e", "edit", "Text", "inspect.text", "Type, paste or load another text", show=True),
        bind("ctrl+r", "reload", "Reload", "inspect.reload", "Open the newest checkpoint of this run"),
        bind("escape", "back", "Back", "inspect.back", "Drop the span, then leave", show=True),
        Binding("q", "app.quit", "Quit", show=False),
        Binding("question_mark", "app.help", "Help", show=False),
    ]  # fmt: skip

    cursor: var[int] = var(0)
    """The token that is looked at."""
    chosen: var[Span | None] = var(None)
    """The span that was chosen, first and last token."""
    depth: var[int] = var(0)
    """Which layer, from 0."""
    part: var[str] = var("h")
    unit: var[int] = var(0)
    order: var[str] = var("selective")
    view: var[str] = var("unit")
    """Which panel there is room for below the text: "unit" or "units"."""

    def __init__(self, path: Path, services: Services | None = None) -> None:
        super().__init__()
        self._folder, self._services = RunFolder(path), services
        self._inspection: InspectionThread | None = None
        self._text = ""
        self._about: dict[str, Any] = {}
        self._pieces: tuple[str, ...] = ()
        self._values: dict[str, list[float]] = {}
        self._units: Units | None = None
        self._order: list[int] = []
        self._largest: dict[str, float] = {}
        self._matches: tuple[Span, ...] = ()
        self._match = -1
        self._anchor: int | None = None
        self._untouched = True

    def compose(self) -> ComposeResult:
        yield TitleBar()
        with Container(id="text-panel", classes="panel"):
            yield CodedText(id="text")
        with Container(id="unit-panel", classes="panel"):
            yield TokenMap(id="unit")
        with Container(id="units-panel", classes="panel"):
            yield TokenMap(id="units")
        yield Static(id="said")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        title = self.query_one(TitleBar)
        title.title, title.remark = self._folder.name, "inspect"
        self._open()

    def on_unmount(self) -> None:
        if self._inspection is not None:
            self._inspection.close()

    # --- questions and answers ------------------------------------------------------------------------------------

    def _open(self) -> None:
        if self._inspection is not None:
            self._inspection.close()
        services, folder = self._services or cast("LstmtuiApp", self.app).services, self._folder
        self._inspection = InspectionThread(
            lambda: cast(InspectedModel, services.open_model(folder)), self.post_message
        )
        self.query_one(CodedText).said = "Opening the model …"
        self._say("Opening the model …")
        self._read()

    def _read(self) -> None:
        if self._inspection is not None:
            self._inspection.ask("inspect", text=self._text)

    def on_model_opened(self, message: ModelOpened) -> None:
        self._say("Reading the text …")

    def on_inspection_answered(self, message: InspectionAnswered) -> None:
        if message.details.get("text", self._text) != self._text:
            return  # of a text that is no longer shown
        try:
            {
                "inspect": self._told_overview,
                "inspect_units": self._told_units,
                "inspect_unit": self._told_unit,
                "inspect_span": self._told_span,
            }[message.op](message.answer)
        except (KeyError, TypeError, ValueError) as error:
            self._say(f"The answer made no sense ({error}); is the run of another version?", error=True)

    def on_model_failed(self, message: ModelFailed) -> None:
        self.query_one(CodedText).said = "No text." if not self._pieces else ""
        again = " ctrl+r opens it again." if message.final else ""
        self._say(message.words + again, error=True)

    def _told_overview(self, answer: dict[str, Any]) -> None:
        if not set(answer["parts"]) <= {*CELLS[answer["cell"]].gate_names, *CELLS[answer["cell"]].states}:
            raise ValueError("it tells of gates that its cell does not have")
        self._about, self._pieces = answer, tuple(answer["pieces"])
        self._values, self._units, self._largest = {}, None, {}
        self._drop_span()
        if self.part not in answer["parts"]:
            self.part = "h"
        self.depth = min(self.depth, int(answer["layers"]) - 1)
        self.unit = min(self.unit, int(answer["units"]) - 1)
        self.cursor = min(self.cursor, max(0, len(self._pieces) - 1))
        text = self.query_one(CodedText)
        text.pieces, text.values = self._pieces, ()
        for found in self.query(TokenMap):
            found.pieces = self._pieces
        self._ask_units()
        self._ask_unit()
        cut = f"; longer texts are cut after {wording.count(len(self._pieces))} tokens" if answer.get("cut") else ""
        named = "" if self._text else " of the run's validation text; e changes it"
        self._say(f"Read {wording.count(len(self._pieces))} tokens{named}{cut}.")
        self._show()

    def _ask_units(self) -> None:
        if self._inspection is not None and self._pieces:
            self._inspection.ask("inspect_units", text=self._text, layer=self.depth, part=self.part)

    def _ask_unit(self) -> None:
        if self._inspection is not None and self._pieces:
            self._inspection.ask("inspect_unit", text=self._text, layer=self.depth, unit=self.unit)

    def _told_units(self, answer: dict[str, Any]) -> None:
        if (answer["layer"], answer["part"]) != (self.depth, self.part):
            return
        coded = base64.b64decode(answer["map"])
        figures = {name: tuple(answer[name]) for name in ("selectivity", "token", "spread", "slowness")}
        if len(coded) != len(self._pieces) * len(figures["selectivity"]):
            raise ValueError("the map has another size")
        units = Units(answer["layer"], answer["part"], float(answer["scale"]), coded, **figures)
        self._units = units
        self._order = units.order(self.order)
        if self._untouched and self._order:
            self._untouched = False
            self.unit = self._order[0]
        self._show()

    def _told_unit(self, answer: dict[str, Any]) -> None:
        if (answer["layer"], answer["unit"]) == (self.depth, self.unit):
            self._values = {part: list(values) for part, values in answer["values"].items()}
            self._largest = {part: max(1e-6, float(value)) for part, value in answer["largest"].items()}
            self._show()

    def _told_span(self, answer: dict[str, Any]) -> None:
        places = [(int(place["first"]), int(place["last"])) for place in answer["places"]]
        self._matches, self._match = tuple(places), -1
        self.query_one(CodedText).matches = self._matches
        units = ", ".join(
            f"{'' if sign > 0 else '-'}{unit}" for unit, sign in zip(answer["units"], answer["signs"], strict=True)
        )
        if not answer["units"]:
            self._say("No unit is on all through this span, and not nearly everywhere else; try a shorter one.")
        elif not places:
            self._say(f"Units {units}: nowhere else are they on together.")
        else:
            count = f"{len(places)} places or more" if len(places) >= 50 else f"{len(places)} other places"
            self._say(f"{count} (n, N) where units {units} are on.")

    # --- showing --------------------------------------------------------------------------------------------------

    def _scaled(self, part: str, value: float) -> float:
        """Return a value as it is drawn: a sigmoid from -1 (shut) to 1 (open), a state in parts of the largest."""
        if part in self._about.get("squashed", ()):
            return 2 * value - 1
        return value / self._largest.get(part, 1.0) if part in self._unbounded() else value

    def _unbounded(self) -> set[str]:
        """Return the states, and the gates without bounds."""
        cell = CELLS[self._about["cell"]]
        return {*cell.states, *(gate.name for gate in cell.gates if gate.bounds is None)}

    def _label_of(self, part: str) -> str:
        return CELLS[self._about["cell"]].label(part)

    def _show(self) -> None:
        if not self._about or not self.is_usable:
            return
        parts = self._about["parts"]
        text, unit, units = (
            self.query_one(CodedText),
            self.query_one("#unit", TokenMap),
            self.query_one("#units", TokenMap),
        )
        text.values = tuple(self._scaled(self.part, v) for v in self._values.get(self.part, ()))
        unit.rows = tuple(self._part_row(part) for part in parts if part in self._values)
        unit.chosen = parts.index(self.part) if self._values else None
        units.rows = tuple(self._unit_row(j) for j in self._order) if self._units is not None else ()
        units.chosen = self._order.index(self.unit) if self.unit in self._order else None
        self._label()

    def _part_row(self, part: str) -> Row:
        values = [self._scaled(part, v) for v in self._values[part]]
        plain = self._values[part]
        return Row(f"{part:>2} ", values.__getitem__, lambda token: f"{plain[token]:.2f}")

    def _unit_row(self, j: int) -> Row:
        units, length = self._units, len(self._pieces)
        assert units is not None
        return Row(
            f"{j:>4} {units.told(j, self.order):<9}",
            lambda token: self._scaled(units.part, units.value(j, token, length)),
            lambda token: f"{units.value(j, token, length):.2f}",
        )

    def _label(self) -> None:
        """Write the panels' titles."""
        if not self._about:
            return
        here = f"layer {self.depth + 1}, unit {self.unit}"
        panel, one, many = (self.query_one(name) for name in ("#text-panel", "#unit-panel", "#units-panel"))
        panel.border_title = Content(f"{here}: {self._label_of(self.part)}")
        panel.border_subtitle = Content(self._at_cursor())
        one.border_title = Content(f"All of {here}")
        one.border_subtitle = Content("⠶⠿ below 0, or shut  ▓█ above, or open")
        many.border_title = Content(f"{self._label_of(self.part)} of all units, {ORDERS[self.order]}")
        place = self._order.index(self.unit) + 1 if self.unit in self._order else 0
        many.border_subtitle = Content(f"{place} of {len(self._order)}")

    def _at_cursor(self) -> str:
        if not self._pieces:
            return ""
        piece = one_line(shown(self._pieces[self.cursor]), 12)
        told = f"{self.cursor + 1}/{len(self._pieces)} '{piece}'"
        values = self._values.get(self.part, ())
        if self.cursor < len(values):
            told += f" {values[self.cursor]:.3f}"
        bits = self._about["bits"][self.cursor]
        return f"{told}, surprise {bits:.1f} bits" if isinstance(bits, int | float) and math.isfinite(bits) else told

    def watch_cursor(self, cursor: int) -> None:
        self.query_one(CodedText).cursor = cursor
        for found in self.query(TokenMap):
            found.cursor = cursor
        self._label()

    def watch_chosen(self, chosen: Span | None) -> None:
        self.query_one(CodedText).span = chosen
        for found in self.query(TokenMap):
            found.span = chosen

    def watch_depth(self) -> None:
        self._values, self._units, self._largest = {}, None, {}
        self._ask_units()
        self._ask_unit()
        self._show()

    def watch_part(self) -> None:
        self._units = None
        self._ask_units()
        self._show()

    def watch_unit(self) -> None:
        self._ask_unit()
        self._show()

    def watch_order(self) -> None:
        if self._units is not None:
            self._order = self._units.order(self.order)
        self._show()

    def watch_view(self, view: str) -> None:
        self.set_class(view == "units", "-units")

    # --- keys -----------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "layer":
            return isinstance(parameters[0], int) and parameters[0] < int(self._about.get("layers", 1))
        if action == "match":
            return bool(self._matches)
        return True

    def _inside(self, token: int) -> int:
        return min(max(0, token), max(0, len(self._pieces) - 1))

    def action_move(self, by: int) -> None:
        self.cursor = self._inside(self.cursor + by)
        self._anchor = None

    def action_line(self, by: int) -> None:
        self.cursor = self._inside(self.query_one(CodedText).above(self.cursor, by))
        self._anchor = None

    def action_span(self, by: int) -> None:
        self._extend(self._inside(self.cursor + by))

    def _extend(self, token: int) -> None:
        if self._anchor is None:
            self._anchor = self.cursor
        self.cursor = token
        self.chosen = (min(self._anchor, token), max(self._anchor, token))

    def on_coded_text_moved(self, message: CodedText.Moved) -> None:
        if message.extend:
            self._extend(self._inside(message.token))
        else:
            self.cursor, self._anchor = self._inside(message.token), None

    def on_token_map_chosen(self, message: TokenMap.Chosen) -> None:
        if message.token is not None:
            self.cursor, self._anchor = self._inside(message.token), None
        if message.row is not None and message.source.id == "units":
            self.unit = self._order[message.row]
        elif message.row is not None:
            self.part = self._about["parts"][message.row]

    def action_unit(self, by: int) -> None:
        if self._order:
            at = self._order.index(self.unit) if self.unit in self._order else 0
            self.unit = self._order[(at + by) % len(self._order)]

    def action_part(self, by: int) -> None:
        if self._about:
            parts = self._about["parts"]
            self.part = parts[(parts.index(self.part) + by) % len(parts)]

    def action_layer(self, layer: int) -> None:
        if layer < int(self._about.get("layers", 1)):
            self.depth = layer

    def action_order(self) -> None:
        names = list(ORDERS)
        self.order = names[(names.index(self.order) + 1) % len(names)]

    def action_view(self) -> None:
        self.view = "units" if self.view == "unit" else "unit"

    def action_find(self) -> None:
        if self._inspection is None or not self._pieces:
            return
        first, last = self.chosen or (self.cursor, self.cursor)
        self.chosen = (first, last)
        self._say("Looking for other places …")
        self._inspection.ask("inspect_span", text=self._text, layer=self.depth, part=self.part, first=first, last=last)

    def action_match(self, by: int) -> None:
        if self._matches:
            self._match = (
                (self._match + by) % len(self._matches) if self._match >= 0 or by > 0 else len(self._matches) - 1
            )
            first, last = self._matches[self._match]
            self.cursor, self._anchor = self._inside(first), None
            self._say(f"Place {self._match + 1} of {len(self._matches)}: {self._told_place(first, last)}")

    def _told_place(self, first: int, last: int) -> str:
        before = "".join(shown(p) for p in self._pieces[max(0, first - 16) : first])
        after = "".join(shown(p) for p in self._pieces[last + 1 : last + 17])
        return f"{before}⟦{''.join(shown(p) for p in self._pieces[first : last + 1])}⟧{after}"

    def _drop_span(self) -> None:
        self.chosen, self._anchor = None, None
        self._matches, self._match = (), -1
        self.query_one(CodedText).matches = ()

    def action_edit(self) -> None:
        def entered(text: str | None) -> None:
            if text is not None and text != self._text:
                self._text, self.cursor = text, 0
                self._say("Reading the text …")
                self._read()

        now = self._text or "".join(self._pieces)
        self.app.push_screen(TextInputScreen(now), entered)

    def action_reload(self) -> None:
        self._open()

    def action_back(self) -> None:
        if self.chosen is not None:
            self._drop_span()
        else:
            self.dismiss()

    def _say(self, text: str, *, error: bool = False) -> None:
        said = self.query_one("#said", Static)
        said.update(Text(safe(text, newlines=False)))
        said.set_class(error, "-error")
