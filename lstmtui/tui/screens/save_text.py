"""The file that a text is saved to."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from lstmtui.common.terminal_text import safe
from lstmtui.tui.keys import bind
from lstmtui.tui.screens.base import Dialog
from lstmtui.tui.widgets.fields import LineInput
from lstmtui.tui.widgets.key_bar import KeyBar


class SaveTextScreen(Dialog[Path | None]):
    """Writes a text to a new file and returns its path; None when it was cancelled."""

    AUTO_FOCUS = "#path"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("save", "save", "Save", "save.save", "Write the file", priority=True),
        bind("back", "dismiss(None)", "Back", "save.back", "Back without writing"),
    ]
    DEFAULT_CSS = "SaveTextScreen #problem { color: $error; height: auto; }"

    def __init__(self, text: str, name: str) -> None:
        super().__init__()
        self._text, self._proposed = text, name

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title = "Save the text"
            dialog.border_subtitle = "enter saves"
            yield Static(Text("Path of a new file, relative to the current folder:"))
            yield LineInput(self._proposed, id="path", placeholder="path of a file")
            yield Static(id="problem")
        yield KeyBar()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_save()

    def action_save(self) -> None:
        given = self.query_one("#path", LineInput).value.strip()
        if not given:
            self._set_status("Give the file a name.")
            return
        try:
            path = Path(given).expanduser().absolute()
            with open(path, "xb") as file:
                file.write(self._text.encode("utf-8", "surrogateescape"))
        except FileExistsError:
            self._set_status(f"{given} exists already; choose another name.")
        except (OSError, ValueError, RuntimeError) as error:
            self._set_status(f"{given} cannot be written ({getattr(error, 'strerror', None) or error}).")
        else:
            self.dismiss(path)

    def _set_status(self, text: str) -> None:
        self.query_one("#problem", Static).update(Text(safe(text)))
