"""Translating as one types: the source, a target that one may begin, other translations, and the alignment."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.reactive import var
from textual.timer import Timer
from textual.widgets import Footer, TextArea

from lstmtui.client.translator import Translation
from lstmtui.common.terminal_text import safe
from lstmtui.config import RunSettings
from lstmtui.runs.folder import RunFolder
from lstmtui.tui.keys import bind
from lstmtui.tui.screens.base import BaseScreen
from lstmtui.tui.services import Services
from lstmtui.tui.textual_patches.text_area import SafeTextArea
from lstmtui.tui.widgets.bars import TitleBar
from lstmtui.tui.widgets.status_line import StatusLine
from lstmtui.tui.widgets.translations import AlignmentMap, TranslationList
from lstmtui.tui.widgets.typing_area import TypingArea
from lstmtui.tui.workers.model_thread import ModelFailed, ModelOpened
from lstmtui.tui.workers.translation import Question, TranslationsReady, TranslationThread

REQUEST_DELAY = 0.05
"""Seconds without a key before a translation is requested."""
MAX_CHARACTERS = 2000
"""Of a source sentence."""


class TranslateScreen(BaseScreen[None]):
    """Type a sentence, and see its translation; type how the translation begins, and see the rest."""

    HELP: ClassVar[str] = """\
The sentence at the left is translated while you type. Tab goes to the translation at the right: what you type there \
stands, and the grey text goes on from it. Tab accepts its next word, alt+1 to alt+3 all of a translation of the list; \
down and up choose another one. shift+tab goes back to the source.

Alignment: a row for each word of the chosen translation, a column for each word of the source. The darker a cell, the \
more of that word the network has read when it wrote the row's.

A run that still trains translates with its best checkpoint of the moment when this screen was opened; ctrl+r opens it \
again.
"""
    CSS_PATH = "translate.tcss"
    AUTO_FOCUS = "#source"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("f4", "copy", "Copy", "translate.copy", "Copy the chosen translation to the clipboard", show=True),
        bind("f8", "clear", "Clear", "translate.clear", "Clear both texts", show=True),
        Binding("ctrl+r", "reload", "Reload", tooltip="Open the newest checkpoint of this run"),
        Binding("escape", "back", "Back", tooltip="Leave the translating screen"),
    ]

    translations: var[tuple[Translation, ...]] = var(())
    """Of the newest question, the best first."""
    chosen: var[int] = var(0)

    def __init__(self, run: RunFolder, settings: RunSettings, services: Services) -> None:
        super().__init__()
        self._folder, self._settings, self._services = run, settings, services
        self._thread: TranslationThread | None = None
        self._timer: Timer | None = None
        self._ready = False
        self._answered: Question | None = None
        """The question of `translations`."""

    def compose(self) -> ComposeResult:
        yield TitleBar()
        with Horizontal(id="texts"):
            yield SafeTextArea(id="source", classes="panel", highlight_cursor_line=False)
            yield TypingArea(id="target", classes="panel", highlight_cursor_line=False)
        with Horizontal(id="answers"):
            with VerticalScroll(id="list", classes="panel", can_focus=False) as listed:
                listed.border_title = "Translations"
                yield TranslationList()
            with VerticalScroll(id="alignment", classes="panel") as drawn:
                drawn.border_title = "Alignment"
                yield AlignmentMap()
        yield StatusLine(id="status")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        title, s = self.query_one(TitleBar), self._settings
        title.title = self._folder.name
        title.remark = f"translating · {s.network.cell} {s.network.layers}×{s.network.hidden} · {s.data.tokens}"
        for area, name in zip(("#source", "#target"), s.language_names(), strict=True):
            self.query_one(area).border_title = safe(name, newlines=False)
        self._open()

    def on_unmount(self) -> None:
        if self._thread is not None:
            self._thread.close()

    # --- the model ------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        if self._thread is not None:
            self._thread.close()
        self._ready, self._answered, self.translations = False, None, ()
        self.query_one(TranslationList).empty_text = "Loading the model …"
        self._set_status(f"Loading '{self._folder.name}' …")
        self._thread = TranslationThread(lambda: self._services.open_translator(self._folder), self.post_message)

    def on_model_opened(self, message: ModelOpened) -> None:
        self._ready = True
        self.query_one(TranslationList).empty_text = "Type a sentence at the left."
        self._request()
        self._set_status("Ready: type a sentence; Tab goes to its translation.")

    def on_model_failed(self, message: ModelFailed) -> None:
        self._ready = self._ready and not message.final
        self._answered, self.translations = None, ()
        self.query_one(TranslationList).empty_text = "No translation."
        self._set_status(message.reason + (" ctrl+r opens it again." if message.final else ""), error=True)

    def on_translations_ready(self, message: TranslationsReady) -> None:
        if message.question != self._question():
            return  # the text has changed; the next answer is on its way
        self._answered = message.question
        self.chosen = 0
        self.translations = message.translations
        self._show()  # also where the translations are those of the question before
        if message.translations:
            self._set_status(f"{message.milliseconds:.0f} ms · {self._folder.name}")
        else:
            self.query_one(TranslationList).empty_text = "No translation begins so."
            self._set_status("The model cannot write a translation that begins with this text; change it.", error=True)

    def _question(self) -> Question:
        """Return what is to be translated, on one line, and how the translation begins."""
        source = " ".join(self.query_one("#source", TextArea).text.split())
        return Question(source[:MAX_CHARACTERS], self.query_one(TypingArea).text.replace("\n", " ").lstrip())

    def _request(self) -> None:
        if self._thread is None or not self._ready:
            return
        question = self._question()
        if not question.source:
            self._answered, self.translations = None, ()
            self.query_one(TranslationList).empty_text = "Type a sentence at the left."
            self._set_status("")
        elif question != self._answered:
            self._thread.ask(question)

    # --- typing ---------------------------------------------------------------------------------------------------

    @on(TextArea.Changed)
    def _changed(self) -> None:
        if self._answered is not None and self._answered != self._question():
            self.query_one(TypingArea).suggestion = ""
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(REQUEST_DELAY, self._request)

    @on(TextArea.SelectionChanged)
    def _moved(self) -> None:
        self._show()

    @on(TypingArea.Choose)
    def _choose(self, message: TypingArea.Choose) -> None:
        self.chosen = min(max(0, self.chosen + message.step), max(0, len(self.translations) - 1))

    @on(TypingArea.Accept)
    def _accept(self, message: TypingArea.Accept) -> None:
        index = self.chosen if message.index is None else message.index
        rest = self._rest(index)
        if message.index is None:
            rest = next_word(rest)
        if rest.strip():
            self.query_one(TypingArea).insert_candidate(rest.rstrip(" "))

    def _rest(self, index: int) -> str:
        """Return what follows the typed text in a translation; nothing while an answer is on its way."""
        question = self._question()
        if index >= len(self.translations) or self._answered != question:
            return ""
        typed = question.prefix
        text = self.translations[index].text
        return text[len(typed) :] if text.startswith(typed) else ""

    def watch_translations(self) -> None:
        self._show()

    def watch_chosen(self) -> None:
        self._show()

    def _show(self) -> None:
        area, listed = self.query_one(TypingArea), self.query_one(TranslationList)
        listed.translations, listed.chosen = self.translations, self.chosen
        area.choices, area.chosen = len(self.translations), self.chosen
        area.suggestion = safe(self._rest(self.chosen), newlines=False) if area.at_line_end() else ""
        best = self.translations[self.chosen] if self.chosen < len(self.translations) else None
        self.query_one(AlignmentMap).translation = best

    # --- keys -----------------------------------------------------------------------------------------------------

    def action_copy(self) -> None:
        if self.chosen < len(self.translations):
            self.app.copy_to_clipboard(self.translations[self.chosen].text)
            self._set_status("The translation is sent to the terminal's clipboard, if it allows that.")

    def action_clear(self) -> None:
        for area in (self.query_one("#source", TextArea), self.query_one(TypingArea)):
            area.clear()
        self.query_one("#source").focus()

    def action_reload(self) -> None:
        self._open()

    def action_back(self) -> None:
        self.dismiss()

    def _set_status(self, text: str, *, error: bool = False) -> None:
        self.query_one(StatusLine).set_text(text, error=error)


def next_word(text: str) -> str:
    """Return the spaces at the beginning of `text` and the word after them."""
    word = text.lstrip(" ")
    return text[: len(text) - len(word)] + word.split(" ", 1)[0]
