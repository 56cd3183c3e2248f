"""Captions of a picture: the picture, what the network says of it, and what each word has looked at."""

from __future__ import annotations

import time
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input

from lstmtui.common.terminal_text import one_line
from lstmtui.config import RunSettings
from lstmtui.runs.folder import RunFolder
from lstmtui.tui.file_names import PICTURES
from lstmtui.tui.keys import bind
from lstmtui.tui.screens.model_screen import ModelScreen
from lstmtui.tui.services import Services
from lstmtui.tui.widgets.bars import TitleBar
from lstmtui.tui.widgets.caption_list import WHOLE, CaptionList
from lstmtui.tui.widgets.key_bar import KeyBar
from lstmtui.tui.widgets.panels import Frame
from lstmtui.tui.widgets.path_line import PathLine
from lstmtui.tui.widgets.picture_view import PictureView
from lstmtui.tui.widgets.status_line import StatusLine
from lstmtui.tui.workers.captioning import CaptioningThread, PictureDescribed
from lstmtui.tui.workers.model_thread import ModelFailed, ModelOpened

READY = "Type, paste or drop the path of a picture and press enter; Tab completes it."


class CaptionScreen(ModelScreen[CaptioningThread]):
    """Give a picture, and see what the network says of it."""

    DOING = "captioning"

    HELP: ClassVar[str] = """\
Type or paste the path of a picture and press enter, or drop it on the terminal; Tab completes names of files and \
folders. The picture is shown as the network sees it: small, on white paper.

The captions are those that the model finds the most probable, the best first. Up and down choose one; right and left \
go from word to word, and the picture stays bright where the network has looked when it wrote the word. Enter goes \
back to the line of the path.

A run that still trains describes with its best checkpoint of the moment when this screen was opened; ctrl+r opens it \
again.
"""
    CSS_PATH = "caption.tcss"
    AUTO_FOCUS = "#file"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("open", "caption", "Caption", "caption.open", "Describe the picture", priority=True),
        bind("copy", "copy", "Copy", "caption.copy", "Copy the chosen caption to the clipboard"),
        bind("reload", "reload", "Reload", "caption.reload", "Open the newest checkpoint of this run"),
        bind("back", "back", "Back", "caption.back", "Leave the screen"),
    ]

    def __init__(self, run: RunFolder, settings: RunSettings, services: Services) -> None:
        super().__init__(run, settings, services)
        self._begun = 0.0
        self._opens = self._wanted = False
        """`_opens`: whether the model is being loaded; `_wanted`: whether enter was pressed meanwhile."""

    def compose(self) -> ComposeResult:
        yield TitleBar()
        yield PathLine("picture", "path of a PNG, JPEG, GIF or WebP file", PICTURES, noun="picture", verb="describes")
        with Horizontal(id="body"):
            with Frame(id="picture", classes="panel"):
                yield PictureView()
            yield CaptionList(id="captions", classes="panel")
        yield StatusLine(id="status")
        yield KeyBar()

    def on_mount(self) -> None:
        self.query_one("#captions").border_title = "Captions"

    # --- the model ------------------------------------------------------------------------------------------------

    def _make_thread(self) -> CaptioningThread:
        return CaptioningThread(lambda: self._services.open_captioner(self._folder), self.post_message)

    def _open(self) -> None:
        self._wanted, self._opens = False, True
        super()._open()
        self._clear("Loading the model …")

    def on_model_opened(self, message: ModelOpened) -> None:
        self._ready, self._opens = True, False
        self._clear("Nothing was described yet.")
        self._set_status(READY)
        if self._wanted:
            self._ask()

    def on_model_failed(self, message: ModelFailed) -> None:
        self._opens = False
        self._clear("Nothing can be described.")
        self._show_failure(message)

    # --- asking ---------------------------------------------------------------------------------------------------

    def action_caption(self) -> None:
        if self.query_one(CaptionList).has_focus:
            self.query_one(Input).focus()
        else:
            self._ask()

    def _ask(self) -> None:
        path = self.query_one(PathLine).path
        if path is None:
            self._set_status("Type the path of a picture first; Tab lists what is here.")
        elif self._opens:
            self._wanted = True
            self._set_status(f"Loading '{self._folder.name}'; then the picture is described …")
        elif not self._ready or self._thread is None:
            self._set_status("ctrl+r loads the model.", error=True)
        else:
            self._begun = time.monotonic()
            self._set_status(f"Looking at {one_line(path.name, 40)} …")
            self._thread.ask(path)

    @on(CaptionList.PathPasted)
    def _pasted(self, message: CaptionList.PathPasted) -> None:
        line = self.query_one(Input)
        line.value = one_line(message.text.strip())
        line.cursor_position = len(line.value)
        self._ask()

    def on_picture_described(self, message: PictureDescribed) -> None:
        import numpy as np

        found = message.described
        if found.error:
            self._clear("Nothing was described.")
            self._set_status(found.error, error=True)
            return
        side = round((len(found.pixels) / 3) ** 0.5)
        view, listed = self.query_one(PictureView), self.query_one(CaptionList)
        view.pixels = np.frombuffer(found.pixels, np.uint8).reshape(side, side, 3) if side else None
        listed.show(found.captions, "The model has no caption for it.")
        listed.focus()
        took = f"{1000 * (time.monotonic() - self._begun):.0f} ms"
        hint = "→ goes from word to word" if found.captions else ""
        self._set_status(" · ".join(filter(None, [took, found.note, hint])))

    @on(CaptionList.Moved)
    def _moved(self) -> None:
        listed, view, frame = self.query_one(CaptionList), self.query_one(PictureView), self.query_one("#picture")
        caption, word = listed.caption, listed.word
        if caption is None or word == WHOLE:
            view.attention = None
            frame.border_title = Content("Picture")
            frame.border_subtitle = Content("")
            return
        view.attention = caption.attention[word] if word < len(caption.attention) else None
        frame.border_title = Content(f"Looked at for '{one_line(caption.tokens[word], 30)}'")
        frame.border_subtitle = Content(f"word {word + 1} of {len(caption.tokens)}")

    @on(PathLine.Remark)
    def _remark(self, message: PathLine.Remark) -> None:
        self._set_status(message.text, error=message.error)

    def _clear(self, text: str) -> None:
        view = self.query_one(PictureView)
        view.pixels, view.attention, view.empty_text = None, None, "The picture is shown here."
        self.query_one(CaptionList).show((), text)

    # --- keys -----------------------------------------------------------------------------------------------------

    def action_copy(self) -> None:
        caption = self.query_one(CaptionList).caption
        if caption is not None:
            self.app.copy_to_clipboard(caption.text)
            self._set_status("The caption is sent to the terminal's clipboard, if it allows that.")
