"""What each unit does, character by character: coloured text, all gates of one unit, one gate of all units.

One file of more than 400 lines: twenty keys of one screen share its cursor, unit and span.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.content import Content
from textual.reactive import var

from lstmtui.runs.folder import RunFolder
from lstmtui.tui import wording
from lstmtui.tui.inspected_text import UNIT_ORDERS, InspectedText, UnitMap, UnitValues
from lstmtui.tui.keys import bind
from lstmtui.tui.screens.base import BaseScreen
from lstmtui.tui.screens.text_input import TextInputScreen
from lstmtui.tui.services import Services
from lstmtui.tui.widgets import shades
from lstmtui.tui.widgets.bars import TitleBar
from lstmtui.tui.widgets.coded_text import CodedText, Span, printable
from lstmtui.tui.widgets.key_bar import KeyBar
from lstmtui.tui.widgets.place_list import PlaceList
from lstmtui.tui.widgets.status_line import StatusLine
from lstmtui.tui.widgets.token_map import Row, TokenMap
from lstmtui.tui.workers.inspection import InspectedModel, InspectionAnswered, InspectionThread
from lstmtui.tui.workers.model_thread import ModelFailed, ModelOpened

if TYPE_CHECKING:
    from lstmtui.tui.app import LstmtuiApp

MAX_CONTEXT = 100
"""Tokens before and after a place that is listed: a line of the widest screen has no more."""
MAX_PLACES = 50
"""The engine returns at most so many places of a span."""


class InspectScreen(BaseScreen[None]):
    """Inspect gates and states while the model reads a text."""

    HELP: ClassVar[str] = """\
The background of each character, and the dots and shades below it, show the value of the chosen unit after it has \
read that character: shades ░▒▓█ above zero (an open gate), dots ⠂⠒⠶⠿ below (a shut gate). The states h and c are \
drawn relative to the largest value of the layer.

Units are sorted by how far one character sets them apart (selective, with that character), by how long they hold a \
value (slow), or by how much they move (active). Sharp rows in the map of all units are the ones to inspect first.

Shift with the arrows, or the mouse, selects a span. / finds the units that are on throughout the span, and the other \
places where the same units are on, listed with what stands around them: what these places have in common is what the \
units may represent.

Of a translation, the layers of the encoder read the sources, and those of the decoder the targets, \
each after the end of the sentence before. A text is a sentence a line, with its translation after a tab, or without: \
then the model translates it.

Of captions, the layers along rows and columns read patches, drawn as their ink, and those of the decoder the \
caption. A text is a picture's path a line, with its caption after a tab, or without: then the model writes it.
"""
    CSS_PATH = "inspect.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("left", "move(-1)", "Left", "inspect.left", "The character before"),
        bind("right", "move(1)", "Right", "inspect.right", "The character after"),
        bind("up", "line(-1)", "Up", "inspect.up", "The line above"),
        bind("down", "line(1)", "Down", "inspect.down", "The line below"),
        bind("first", "move(-1000000)", "Start", "inspect.start", "The first character"),
        bind("last", "move(1000000)", "End", "inspect.end", "The last character"),
        bind("far-left", "span(-1)", "Span left", "inspect.span-left", "Choose a span to the left"),
        bind("far-right", "span(1)", "Span right", "inspect.span-right", "Choose a span to the right"),
        bind("page-up", "unit(-1)", "Unit before", "inspect.unit-before", "The unit listed before"),
        bind("page-down", "unit(1)", "Unit", "inspect.unit-after", "The unit listed next"),
        bind("next", "part(1)", "Gate", "inspect.gate", "The next gate or state"),
        bind("before", "part(-1)", "Gate before", "inspect.gate-before", "The gate or state before"),
        bind("layer-before", "layer(-1)", "Layer before", "inspect.layer-before", "The layer before"),
        bind("layer-next", "layer(1)", "Next layer", "inspect.layer-next", "The next layer"),
        bind("order", "order", "Order", "inspect.order", "Sort units: selective, slow, active, by number"),
        bind("view", "view", "View", "inspect.view", "The gates of one unit, or one gate of all units"),
        bind("find", "find", "Find", "inspect.find", "Find where the units of the span are on again"),
        bind("place-next", "match(1)", "Next place", "inspect.next", "The next place that was found"),
        bind("place-before", "match(-1)", "Place before", "inspect.before", "The place found before"),
        bind("text", "edit", "Text", "inspect.text", "Type, paste or load another text"),
        bind("reload", "reload", "Reload", "inspect.reload", "Open the newest checkpoint of this run"),
        bind("back", "back", "Back", "inspect.back", "Drop the span, then leave"),
        bind("quit", "app.quit", "Quit", "inspect.quit", ""),
        bind("help", "app.help", "Help", "inspect.help", ""),
    ]  # fmt: skip

    cursor: var[int] = var(0)
    """The token under the cursor."""
    selected: var[Span | None] = var(None)
    """First and last token of the selected span."""
    depth: var[int] = var(0)
    """The layer, from 0."""
    part: var[str] = var("h")
    """The gate or state."""
    unit: var[int] = var(0)
    order: var[str] = var("selective")
    """One of UNIT_ORDERS."""
    view: var[str] = var("unit")
    """The panel below the text where only one fits: "unit" or "units"."""

    def __init__(self, path: Path, services: Services | None = None, unit: tuple[int, int] | None = None) -> None:
        """Inspect the run in the folder `path`; `unit` is the layer and the unit to begin with."""
        super().__init__()
        self._folder, self._services = RunFolder(path), services
        self._inspection: InspectionThread | None = None
        self._source = self._words = ""
        """The text that was asked about; empty for the run's validation text."""
        self._text: InspectedText | None = None
        self._unit_values: UnitValues | None = None
        self._unit_map: UnitMap | None = None
        self._unit_order: list[int] = []
        self._matches: tuple[Span, ...] = ()
        self._match = -1
        self._anchor: int | None = None
        self._search: list[UnitMap] | None = [] if unit is None else None
        """The maps of the first layers while the most telling unit is looked for; None once it is found."""
        if unit is not None:
            self.set_reactive(InspectScreen.depth, unit[0])
            self.set_reactive(InspectScreen.unit, unit[1])

    def compose(self) -> ComposeResult:
        yield TitleBar()
        with Container(id="text-panel", classes="panel"):
            yield CodedText(id="text")
        with Container(id="unit-panel", classes="panel"):
            yield TokenMap(id="unit")
        with Container(id="units-panel", classes="panel"):
            yield TokenMap(id="units")
        with Container(id="places-panel", classes="panel"):
            yield PlaceList()
        yield StatusLine(id="status")
        yield KeyBar()

    def on_mount(self) -> None:
        title = self.query_one(TitleBar)
        title.title, title.remark = self._folder.name, "inspect"
        self._open_model()

    def on_unmount(self) -> None:
        if self._inspection is not None:
            self._inspection.close()

    # --- requests and answers -------------------------------------------------------------------------------------

    def _open_model(self) -> None:
        if self._inspection is not None:
            self._inspection.close()
        services, folder = self._services or cast("LstmtuiApp", self.app).services, self._folder
        self._inspection = InspectionThread(
            lambda: cast(InspectedModel, services.open_model(folder)), self.post_message
        )
        self.query_one(CodedText).empty_text = "Opening the model …"
        self._set_status("Opening the model …")
        self._request_text()

    def _request_text(self) -> None:
        if self._inspection is not None:
            self._inspection.ask("inspect", text=self._source)

    def _request_unit_map(self) -> None:
        if self._inspection is not None and self._text is not None and self._text.pieces:
            self._inspection.ask("inspect_units", text=self._source, layer=self.depth, part=self.part)

    def _request_unit(self) -> None:
        if self._inspection is not None and self._text is not None and self._text.pieces:
            self._inspection.ask("inspect_unit", text=self._source, layer=self.depth, unit=self.unit)

    def on_model_opened(self, message: ModelOpened) -> None:
        self._set_status("Reading the text …")

    def on_inspection_answered(self, message: InspectionAnswered) -> None:
        if message.details.get("text", self._source) != self._source:
            return  # about a text that is no longer shown
        try:
            {
                "inspect": self._receive_text,
                "inspect_units": self._receive_unit_map,
                "inspect_unit": self._receive_unit,
                "inspect_span": self._receive_places,
            }[message.op](message.answer)
        except (KeyError, TypeError, ValueError) as error:
            self._set_status(f"The answer makes no sense ({error}); is the run of another version?", error=True)

    def on_model_failed(self, message: ModelFailed) -> None:
        self.query_one(CodedText).empty_text = "No text." if self._text is None else ""
        again = " ctrl+r opens it again." if message.final else ""
        self._set_status(message.reason + again, error=True)

    def _receive_text(self, answer: dict[str, Any]) -> None:
        read = InspectedText.from_answer(answer)
        self._text, self._unit_values, self._unit_map = read, None, None
        if self.part not in read.parts:
            self.part = "h"
        self.depth = min(self.depth, read.layers - 1)
        self.unit = min(self.unit, read.units - 1)
        self._show_tokens(read)
        self._request_unit_map()
        self._request_unit()
        count = wording.count(len(read.pieces))
        cut = f"; longer texts are cut after {count} tokens" if read.was_cut else ""
        source = "" if self._source else " of the run's validation text; p puts in another"
        self._words = f"Read {count} tokens{source}{cut}."
        self._set_status(self._words)
        if self._search is not None and read.pieces:
            self._search = []
            self._look_at_layer(0)
        self._update()

    def _look_at_layer(self, layer: int) -> None:
        """Ask for the units of a layer, to find the most telling one, and say so."""
        if self._inspection is not None and self._text is not None:
            name = self._text.layer_name(layer)
            self._set_status(f"{self._words} Looking for the unit that one character sets apart most: {name} …")
            self._inspection.ask("inspect_units", text=self._source, layer=layer, part=self.part)

    def _search_units(self, answer: dict[str, Any]) -> None:
        """Look at one layer after the other, and open on the most selective unit of all; a key ends the search."""
        if self._search is None or self._text is None or answer["part"] != self.part:
            return
        if answer["layer"] != len(self._search):
            return
        self._search.append(UnitMap.from_answer(answer, len(self._text.of_layer(answer["layer"]).pieces)))
        if len(self._search) < self._text.layers:
            self._look_at_layer(len(self._search))
            return
        found = [(m.selectivity[unit], -k, unit) for k, m in enumerate(self._search) if (unit := m.most_selective())
                 is not None]  # fmt: skip
        searched, self._search = self._search, None
        if not found:
            self._set_status(f"{self._words} No character occurs often enough to set a unit apart.")
            return
        _, layer, unit = max(found)
        layer = -layer
        units, read = searched[layer], self._text.of_layer(layer)
        at, elsewhere = units.means(unit, read.pieces)
        piece = printable(units.token[unit])
        self.depth, self.unit = layer, unit
        self._set_status(
            f"{self._words} {read.layer_name(layer).capitalize()}, unit {unit} tells most: its {read.label(self.part)} "
            f"is {at:+.2f} at '{'␣' if piece == ' ' else piece}', {elsewhere:+.2f} elsewhere."
        )

    def _show_tokens(self, read: InspectedText) -> None:
        """Show the tokens that the chosen layer reads."""
        shown = self._text = read.of_layer(self.depth)
        self._clear_span()
        self.cursor = shown.clamp(self.cursor)
        text = self.query_one(CodedText)
        text.pieces, text.values = shown.pieces, ()
        for token_map in self.query(TokenMap):
            token_map.pieces = shown.pieces

    def _receive_unit_map(self, answer: dict[str, Any]) -> None:
        if self._text is not None and (answer["layer"], answer["part"]) == (self.depth, self.part):
            self._unit_map = UnitMap.from_answer(answer, len(self._text.pieces))
            self._unit_order = self._unit_map.sorted_units(self.order)
            if self._search is not None and self._unit_order:
                self.unit = self._unit_order[0]
            self._update()
        self._search_units(answer)

    def _receive_unit(self, answer: dict[str, Any]) -> None:
        if (answer["layer"], answer["unit"]) == (self.depth, self.unit):
            self._unit_values = UnitValues.from_answer(answer)
            self._update()

    def _receive_places(self, answer: dict[str, Any]) -> None:
        self._matches = tuple((int(place["first"]), int(place["last"])) for place in answer["places"])
        self._match = -1
        self.query_one(CodedText).matches = self._matches
        units = ", ".join(
            f"{'' if sign > 0 else '-'}{unit}" for unit, sign in zip(answer["units"], answer["signs"], strict=True)
        )
        found = len(self._matches)
        if not answer["units"]:
            status = "No unit is on throughout this span and off nearly everywhere else; try a shorter span."
        elif not found:
            status = f"Units {units} are on together nowhere else."
        else:
            places = f"{found} places or more" if found >= MAX_PLACES else f"{found} other places"
            status = f"{places} (. and ,) where units {units} are on."
        self._set_status(status)
        self._show_places()

    def _show_places(self) -> None:
        """List the places that were found below the span, aligned; none where nothing was found."""
        listed, text, span = self.query_one(PlaceList), self._text, self.selected
        self.set_class(bool(self._matches) and span is not None, "-places")
        if text is not None and span is not None and self._matches:
            listed.places = tuple(text.around(*place, MAX_CONTEXT) for place in (span, *self._matches))
            listed.chosen = self._match + 1
            units = self.query_one("#places-panel")
            units.border_title = Content("Places where the same units are on, below the span")
            units.border_subtitle = Content(". next  , before  esc drops them")

    # --- showing --------------------------------------------------------------------------------------------------

    def _update(self) -> None:
        """Bring the text, both maps and the titles up to date."""
        if self._text is None or not self.is_usable:
            return
        text = self.query_one(CodedText)
        unit, units = self.query_one("#unit", TokenMap), self.query_one("#units", TokenMap)
        values = self._unit_values.values if self._unit_values is not None else {}
        text.values = tuple(self._drawn(self.part, value) for value in values.get(self.part, ()))
        unit.rows = tuple(self._part_row(part, values[part]) for part in self._text.parts if part in values)
        unit.chosen = self._text.parts.index(self.part) if values else None
        units.rows = tuple(self._unit_row(self._unit_map, j) for j in self._unit_order) if self._unit_map else ()
        units.chosen = self._unit_order.index(self.unit) if self.unit in self._unit_order else None
        self._update_titles()

    def _drawn(self, part: str, value: float) -> float:
        largest = self._unit_values.largest if self._unit_values is not None else {}
        return self._text.drawn_value(part, value, largest) if self._text is not None else 0.0

    def _part_row(self, part: str, values: Any) -> Row:
        drawn = [self._drawn(part, value) for value in values]
        return Row(f"{part:>2} ", drawn.__getitem__, lambda token: f"{values[token]:.2f}")

    def _unit_row(self, units: UnitMap, unit: int) -> Row:
        return Row(
            f"{unit:>4} {units.figure(unit, self.order):<9}",
            lambda token: self._drawn(units.part, units.value(unit, token)),
            lambda token: f"{units.value(unit, token):.2f}",
        )

    def _update_titles(self) -> None:
        if self._text is None:
            return
        unit, part = f"{self._text.layer_name(self.depth)}, unit {self.unit}", self._text.label(self.part)
        text, one, many = (self.query_one(name) for name in ("#text-panel", "#unit-panel", "#units-panel"))
        text.border_title = Content(f"{unit}: {part}")
        value = self._unit_values.at(self.part, self.cursor) if self._unit_values is not None else None
        text.border_subtitle = Content(self._text.describe_token(self.cursor, value))
        one.border_title = Content(f"All gates and states of {unit}")
        one.border_subtitle = Content(f"{shades.dots(self)[3:]} below 0, or shut  ▓█ above, or open")
        many.border_title = Content(f"{part} of all units, {UNIT_ORDERS[self.order]}")
        place = self._unit_order.index(self.unit) + 1 if self.unit in self._unit_order else 0
        many.border_subtitle = Content(f"{place} of {len(self._unit_order)}")

    def watch_cursor(self, cursor: int) -> None:
        self.query_one(CodedText).cursor = cursor
        for token_map in self.query(TokenMap):
            token_map.cursor = cursor
        self._update_titles()

    def watch_selected(self, selected: Span | None) -> None:
        self.query_one(CodedText).span = selected
        for token_map in self.query(TokenMap):
            token_map.span = selected

    def watch_depth(self, before: int, depth: int) -> None:
        self._unit_values = self._unit_map = None
        reads = self._text.reads if self._text is not None else ()
        if self._text is not None and reads and reads[before] != reads[depth]:
            self._show_tokens(self._text)
        self._request_unit_map()
        self._request_unit()
        self._update()

    def watch_part(self) -> None:
        self._unit_map = None
        self._request_unit_map()
        self._update()

    def watch_unit(self) -> None:
        self._request_unit()
        self._update()

    def watch_order(self) -> None:
        if self._unit_map is not None:
            self._unit_order = self._unit_map.sorted_units(self.order)
        self._update()

    def watch_view(self, view: str) -> None:
        self.set_class(view == "units", "-units")

    # --- keys -----------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "layer":
            return isinstance(parameters[0], int) and parameters[0] < self._layers
        if action == "match":
            return bool(self._matches)
        return True

    @property
    def _layers(self) -> int:
        return self._text.layers if self._text is not None else 1

    def _move(self, token: int) -> None:
        if self._text is not None:
            self.cursor = self._text.clamp(token)
        self._anchor = None

    def _extend_span(self, token: int) -> None:
        if self._text is not None:
            if self._anchor is None:
                self._anchor = self.cursor
            self.cursor = self._text.clamp(token)
            self.selected = (min(self._anchor, self.cursor), max(self._anchor, self.cursor))

    def action_move(self, by: int) -> None:
        self._move(self.cursor + by)

    def action_line(self, by: int) -> None:
        self._move(self.query_one(CodedText).token_lines_below(self.cursor, by))

    def action_span(self, by: int) -> None:
        self._extend_span(self.cursor + by)

    def on_coded_text_moved(self, message: CodedText.Moved) -> None:
        (self._extend_span if message.extend else self._move)(message.token)

    def on_token_map_chosen(self, message: TokenMap.Chosen) -> None:
        if message.token is not None:
            self._move(message.token)
        self._search = None if message.row is not None else self._search
        if message.row is not None and message.source.id == "units":
            self.unit = self._unit_order[message.row]
        elif message.row is not None and self._text is not None:
            self.part = self._text.parts[message.row]

    def on_place_list_chosen(self, message: PlaceList.Chosen) -> None:
        if message.place and self._matches:
            self._match = message.place - 2
            self.action_match(1)
        elif self.selected is not None:
            self._match = -1
            self._move(self.selected[0])
            self.query_one(PlaceList).chosen = 0

    def action_unit(self, by: int) -> None:
        self._search = None
        if self._unit_order:
            at = self._unit_order.index(self.unit) if self.unit in self._unit_order else 0
            self.unit = self._unit_order[(at + by) % len(self._unit_order)]

    def action_part(self, by: int) -> None:
        self._search = None
        if self._text is not None:
            parts = self._text.parts
            self.part = parts[(parts.index(self.part) + by) % len(parts)]

    def action_layer(self, by: int) -> None:
        self._search = None
        self.depth = (self.depth + by) % max(1, self._layers)

    def action_order(self) -> None:
        self._search = None
        names = list(UNIT_ORDERS)
        self.order = names[(names.index(self.order) + 1) % len(names)]

    def action_view(self) -> None:
        self.view = "units" if self.view == "unit" else "unit"

    def action_find(self) -> None:
        if self._inspection is None or self._text is None or not self._text.pieces:
            return
        first, last = self.selected or (self.cursor, self.cursor)
        self.selected, self._search = (first, last), None
        self._set_status("Searching for other places …")
        self._inspection.ask(
            "inspect_span", text=self._source, layer=self.depth, part=self.part, first=first, last=last
        )

    def action_match(self, by: int) -> None:
        if self._matches and self._text is not None:
            at_start = self._match < 0 and by < 0
            self._match = (len(self._matches) - 1) if at_start else (self._match + by) % len(self._matches)
            first, last = self._matches[self._match]
            self._move(first)
            self.query_one(PlaceList).chosen = self._match + 1
            self._set_status(f"Place {self._match + 1} of {len(self._matches)}: {self._text.excerpt(first, last)}")

    def _clear_span(self) -> None:
        self.selected = self._anchor = None
        self._matches, self._match = (), -1
        self.query_one(CodedText).matches = ()
        self._show_places()

    def action_edit(self) -> None:
        def entered(text: str | None) -> None:
            if text is not None and text != self._source:
                self._source, self.cursor = text, 0
                self._set_status("Reading the text …")
                self._request_text()

        current = self._source or (self._text.lines or "".join(self._text.pieces) if self._text is not None else "")
        self.app.push_screen(TextInputScreen(current), entered)

    def action_reload(self) -> None:
        self._open_model()

    def action_back(self) -> None:
        if self.selected is not None:
            self._clear_span()
        else:
            self.dismiss()

    def _set_status(self, text: str, *, error: bool = False) -> None:
        self.query_one(StatusLine).set_text(text, error=error)
