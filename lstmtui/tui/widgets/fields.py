"""A form of one-line fields, each a label and a control. Up and down go from field to field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from lstmtui.common.terminal_text import one_line, safe
from lstmtui.tui.keys import bind
from lstmtui.tui.textual_patches.input import SafeInput


class Selector(Widget, can_focus=True):
    """One of a few values, changed with left and right, space, or the mouse."""

    HELP = "A selector has the focus: left and right, space or a click change it; up and down go to the other fields."

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("field-before", "turn(-1)", "Before", "field.before", "The value before"),
        bind("field-next", "turn(1)", "Next", "field.next", "The next value"),
    ]
    DEFAULT_CSS = """
    Selector { width: 1fr; height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    Selector:focus { background: $primary 25%; text-style: bold; }
    Selector:ansi:focus { text-style: bold reverse; }
    """

    value: reactive[str] = reactive("")

    class Changed(Message):
        """Another value was chosen."""

        def __init__(self, selector: Selector) -> None:
            super().__init__()
            self.selector = selector

        @property
        def control(self) -> Selector:
            return self.selector

    def __init__(self, values: Sequence[str], value: str, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.values = tuple(values)
        self.set_reactive(Selector.value, value)

    def render(self) -> Content:
        return Content.assemble(("‹ ", "$foreground 60%"), one_line(self.value), (" ›", "$foreground 60%"))

    def watch_value(self) -> None:
        self.post_message(self.Changed(self))

    def action_turn(self, by: int) -> None:
        at = self.values.index(self.value) if self.value in self.values else -by
        self.value = self.values[(at + by) % len(self.values)]

    def on_click(self, event: events.Click) -> None:
        self.action_turn(-1 if event.x < 2 else 1)


class LineInput(SafeInput):
    """A line to type into, without a frame; up and down leave it."""

    HELP = "A line to type into has the focus; up and down go to the other fields."

    DEFAULT_CSS = """
    LineInput { width: 1fr; height: 1; border: none; padding: 0; background: transparent; }
    LineInput:focus { border: none; background: $primary 25%; }
    """

    def __init__(self, value: str, *, id: str | None = None, placeholder: str = "", kind: str = "text") -> None:  # noqa: A002
        super().__init__(
            value, id=id, classes=kind, placeholder=safe(placeholder, newlines=False), compact=True,
            select_on_focus=True,
            restrict={"number": r"[0-9.eE+-]*", "whole": r"[0-9]*"}.get(kind),
        )  # fmt: skip


class Picker(Widget, can_focus=True):
    """Shows a value that is picked on another screen; enter opens it."""

    HELP = "Enter, space or a click opens a list to choose from; up and down go to the other fields."

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("field-open", "open", "Choose", "field.open", "Choose another"),
        bind("field-clear", "clear", "None", "field.clear", "Choose none, where none is needed"),
    ]
    DEFAULT_CSS = """
    Picker { width: 1fr; height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    Picker:focus { background: $primary 25%; text-style: bold; }
    Picker:ansi:focus { text-style: bold reverse; }
    """

    value: reactive[str] = reactive("")

    class Opened(Message):
        """The screen to pick from was requested."""

        def __init__(self, picker: Picker) -> None:
            super().__init__()
            self.picker = picker

        @property
        def control(self) -> Picker:
            return self.picker

    def __init__(self, value: str, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self.set_reactive(Picker.value, value)

    def render(self) -> Content:
        return Content.assemble(one_line(self.value), (" …", "$foreground 60%"))

    class Cleared(Message):
        """No value is wanted."""

        def __init__(self, picker: Picker) -> None:
            super().__init__()
            self.picker = picker

        @property
        def control(self) -> Picker:
            return self.picker

    def action_open(self) -> None:
        self.post_message(self.Opened(self))

    def action_clear(self) -> None:
        self.post_message(self.Cleared(self))

    def on_click(self) -> None:
        self.action_open()


class Field(Horizontal):
    """A label and a control."""

    DEFAULT_CSS = """
    Field { height: 1; width: 1fr; }
    Field > .label { width: 15; color: $foreground 65%; }
    Field > .after { width: auto; color: $foreground 60%; }
    """

    def __init__(self, label: str, control: Widget, *, about: str = "", after: str = "") -> None:
        super().__init__()
        self.label, self.control, self._after = label, control, after
        self.about = about
        """One line, shown while the control has the focus."""

    def compose(self) -> ComposeResult:
        yield Static(self.label, classes="label", markup=False)
        yield self.control
        if self._after:
            yield Static(self._after, classes="after", markup=False)

    def describe(self, label: str, about: str) -> None:
        """Give the field another label, and other words about it."""
        self.label, self.about = label, about
        self.query_one(".label", Static).update(label)


class Form(VerticalScroll, can_focus=False):
    """Fields below each other."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("down", "app.focus_next", "Down", "form.down", "The next field", typing=True),
        bind("up", "app.focus_previous", "Up", "form.up", "The field before", typing=True),
    ]
    DEFAULT_CSS = """
    Form { height: auto; scrollbar-size-vertical: 1; }
    """

    @property
    def focused_field(self) -> Field | None:
        """The field with the focus."""
        return next((field for field in self.query(Field) if field.control.has_focus), None)

    @property
    def about(self) -> str:
        """The `about` of the field with the focus."""
        field = self.focused_field
        return field.about if field is not None else ""
