"""Translating as one types: the source, targets that one may begin, other translations, and the alignment."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.events import DescendantFocus
from textual.reactive import var
from textual.timer import Timer
from textual.widgets import TextArea

from lstmtui.client.translator import Translation
from lstmtui.common.terminal_text import safe
from lstmtui.config import RunSettings
from lstmtui.runs.folder import RunFolder
from lstmtui.tui.keys import bind
from lstmtui.tui.screens.model_screen import ModelScreen
from lstmtui.tui.services import Services
from lstmtui.tui.textual_patches.text_area import SafeTextArea
from lstmtui.tui.textual_patches.text_document import MAX_ROW
from lstmtui.tui.widgets.bars import TitleBar
from lstmtui.tui.widgets.key_bar import KeyBar
from lstmtui.tui.widgets.status_line import StatusLine
from lstmtui.tui.widgets.target_area import TargetArea
from lstmtui.tui.widgets.translations import AlignmentMap, TranslationList
from lstmtui.tui.widgets.typing_area import TypingArea
from lstmtui.tui.workers.model_thread import ModelFailed, ModelOpened
from lstmtui.tui.workers.translation import Answers, Question, TranslationsReady, TranslationThread

REQUEST_DELAY = 0.05
"""Seconds without a key before translations are requested."""
FIRST = "Translating … the first time, the kernels for it are compiled."
MAX_LINES = 100
"""Lines of the source that are translated."""


class TranslateScreen(ModelScreen[TranslationThread]):
    """Type sentences, and see their translations; type how a translation begins, and see the rest."""

    DOING = "translating"
    HELP: ClassVar[str] = """\
Each line at the left is translated while you type, into the line of the same number at the right. Tab goes there: \
what you type stands, and the grey text goes on from it. Tab accepts its next word; at the end of a line it goes to \
the next one. alt+1 to alt+3 accept all of a translation of the list; down and up choose another one. shift+tab goes \
back to the source of the line.

The list and the alignment are those of the line with the cursor. Alignment: a row for each word of the chosen \
translation, a column for each word of the source. The darker a cell, the more of that word the network has read when \
it wrote the row's.

A run that still trains translates with its best checkpoint of the moment when this screen was opened; ctrl+r opens it \
again.
"""
    CSS_PATH = "translate.tcss"
    AUTO_FOCUS = "#source"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("copy", "copy", "Copy", "translate.copy", "Copy the translation of all lines to the clipboard"),
        bind("clear", "clear", "Clear", "translate.clear", "Clear both texts"),
        bind("reload", "reload", "Reload", "translate.reload", "Open the newest checkpoint of this run"),
        bind("back", "back", "Back", "translate.back", "Leave the translating screen"),
    ]

    translations: var[tuple[Translation, ...]] = var(())
    """Of the line with the cursor, the best first; until its answer comes, those of the text before."""
    chosen: var[int] = var(0)

    def __init__(self, run: RunFolder, settings: RunSettings, services: Services) -> None:
        super().__init__(run, settings, services)
        self._timer: Timer | None = None
        self._answers: Answers = {}
        """Those of the text as it is."""
        self._last: dict[int, tuple[Question, tuple[Translation, ...]]] = {}
        """The last answer of each line, which stays on the screen until the next one comes."""
        self._row = 0
        """The line with the cursor."""

    def compose(self) -> ComposeResult:
        yield TitleBar()
        with Horizontal(id="texts"):
            yield SafeTextArea(id="source", classes="panel", highlight_cursor_line=False)
            yield TargetArea(id="target", classes="panel", highlight_cursor_line=False)
        with Horizontal(id="answers"):
            with VerticalScroll(id="list", classes="panel", can_focus=False):
                yield TranslationList()
            with VerticalScroll(id="alignment", classes="panel") as drawn:
                drawn.border_title = "Alignment"
                yield AlignmentMap()
        yield StatusLine(id="status")
        yield KeyBar()

    def on_mount(self) -> None:
        for area, name in zip(("#source", "#target"), self._settings.language_names(), strict=True):
            self.query_one(area).border_title = safe(name, newlines=False)
        self.query_one(TargetArea).continuation = self._continuation

    # --- the model ------------------------------------------------------------------------------------------------

    def _make_thread(self) -> TranslationThread:
        return TranslationThread(lambda: self._services.open_translator(self._folder), self.post_message)

    def _open(self) -> None:
        self._answers, self._last = {}, {}
        self.query_one(TranslationList).empty_text = "Loading the model …"
        super()._open()
        self._show()

    def on_model_opened(self, message: ModelOpened) -> None:
        self._ready = True
        self.query_one(TranslationList).empty_text = "Type a sentence at the left."
        self._request()
        self._set_status("Ready: type a sentence; Tab goes to its translation.")

    def on_model_failed(self, message: ModelFailed) -> None:
        self._answers, self._last = {}, {}
        self.query_one(TranslationList).empty_text = "No translation."
        self._show_failure(message)
        self._show()

    def on_translations_ready(self, message: TranslationsReady) -> None:
        questions = self._questions()
        found = {question: message.answers[question] for question in questions if question in message.answers}
        if not found:
            return  # the text has changed; the next answer is on its way
        self._answers |= found
        self._last |= {n: (question, found[question]) for n, question in enumerate(questions) if question in found}
        question = self._question()
        if question in found:
            self.chosen = 0
        self._show()
        if question not in found:
            return
        if found[question]:
            self._set_status(" · ".join([f"{message.milliseconds:.0f} ms", *self._remarks()]))
        else:
            self.query_one(TranslationList).empty_text = "No translation begins so."
            self._set_status("The model cannot write a translation that begins with this text; change it.", error=True)

    # --- the lines ------------------------------------------------------------------------------------------------

    def _questions(self) -> list[Question]:
        """Return what is to be translated, a question for each line, and how the translations begin."""
        sources = self.query_one("#source", TextArea).document.lines[:MAX_LINES]
        begun = self.query_one(TargetArea).document.lines[: len(sources)]
        begun += [""] * (len(sources) - len(begun))
        return [_question(*pair) for pair in zip(sources, begun, strict=True)]

    def _question(self) -> Question:
        """Return the question of the line with the cursor."""
        questions = self._questions()
        return questions[min(self._row, len(questions) - 1)]

    def _current_row(self) -> int:
        """Return the line of the source that the cursor is in, or beside in the target."""
        source, target = self.query_one("#source", TextArea), self.query_one(TargetArea)
        row, _ = (target if target.has_focus else source).cursor_location
        return int(min(row, source.document.line_count - 1, MAX_LINES - 1))

    def _remarks(self) -> list[str]:
        """Return what a person should know of the text: the run, which line it is, and what is unusual."""
        source, found = self.query_one("#source", TextArea), [self._folder.name]
        count = source.document.line_count
        if count > 1:
            found.append(f"line {self._row + 1} of {count:,}")
        if count > MAX_LINES:
            found.append(f"only the first {MAX_LINES} lines are translated here, a file by 'lstmtui translate'")
        if len(source.text) > MAX_ROW and count > source.text.count("\n") + 1:
            found.append(f"a line of more than {MAX_ROW:,} characters is translated in parts")
        if self.translations and self.translations[0].has_improbable_prefix:
            found.append("the model finds this beginning very improbable; what follows may not fit the source")
        return found

    def _request(self) -> None:
        """Ask for the lines that have no answer, the one with the cursor first."""
        if self._thread is None or not self._ready:
            return
        questions, current = self._questions(), self._question()
        self._answers = {question: self._answers[question] for question in questions if question in self._answers}
        if not current.source:
            self.query_one(TranslationList).empty_text = "Type a sentence at the left."
            self._set_status("")
        wanted = [one for one in dict.fromkeys((current, *questions)) if one.source and one not in self._answers]
        if wanted and not self._last:
            self.query_one(TranslationList).empty_text = FIRST
        self._thread.ask(wanted)

    # --- typing ---------------------------------------------------------------------------------------------------

    @on(TextArea.Changed)
    def _changed(self) -> None:
        self._show()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(REQUEST_DELAY, self._request)

    @on(TextArea.SelectionChanged)
    def _moved(self) -> None:
        self._go_to_line()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Go on with the same line at the other side, unless a click has chosen another one."""
        source, target = self.query_one("#source", TextArea), self.query_one(TargetArea)
        row, other = source.cursor_location[0], target.cursor_location[0]
        if row != other and self.app.mouse_captured is None:
            if event.widget is target:
                target.go_to_row(min(row, MAX_LINES - 1))
            elif event.widget is source and other < source.document.line_count:
                source.move_cursor((other, len(source.document.get_line(other))))
        self._go_to_line()

    def _go_to_line(self) -> None:
        """Show what belongs to the line with the cursor, where that is another one."""
        row = self._current_row()
        if row == self._row:
            return
        self._show()
        target = self.query_one(TargetArea)
        if not target.has_focus:
            target.scroll_to_row(row)
        if self._question() in self._answers:
            self._set_status(" · ".join(self._remarks()))
        else:
            self._request()

    @on(TypingArea.Choose)
    def _choose(self, message: TypingArea.Choose) -> None:
        self.chosen = min(max(0, self.chosen + message.step), max(0, len(self.translations) - 1))

    @on(TypingArea.Accept)
    def _accept(self, message: TypingArea.Accept) -> None:
        area = self.query_one(TargetArea)
        if area.cursor_location[0] != self._row or not area.at_line_end():
            return
        rest = self._rest(self.chosen if message.index is None else message.index)
        if message.index is None:
            rest = next_word(rest)
        if rest.strip():
            area.insert_candidate(rest.rstrip(" "))
        elif message.index is None and self._row + 1 < len(self._questions()) and self._is_complete():
            area.go_to_row(self._row + 1)

    def _is_complete(self) -> bool:
        """Return whether nothing is left to type of the line with the cursor."""
        question = self._question()
        texts = [best.text.strip() for best in self._known(self._row, question)]
        return not question.source or question.prefix.strip() in texts

    def _rest(self, index: int) -> str:
        """Return what follows the typed text in a translation of the line; nothing while its answer is on its way."""
        question = self._question()
        found = self._answers.get(question, ())
        if not found and self._row in self._last:  # typed along a translation, whose answer still holds
            before, translations = self._last[self._row]
            if before.source == question.source and question not in self._answers:
                found = translations
        return _rest_of(found[index], question.prefix) if index < len(found) else ""

    def _continuation(self, row: int, typed: str) -> str:
        """Return the grey text of a line: the rest of its translation, or of the one before until that comes."""
        sources = self.query_one("#source", TextArea).document.lines
        if row >= len(sources) or not sources[row].strip():
            return ""
        question = _question(sources[row], typed)
        found = self._known(row, question)
        index = self.chosen if row == self._row else 0
        return _rest_of(found[index], question.prefix) if index < len(found) else ""

    def _known(self, row: int, question: Question) -> tuple[Translation, ...]:
        """Return the translations of a line, or those of its text before until they come."""
        if not question.source:
            return ()
        _, last = self._last.get(row, (question, ()))
        return self._answers.get(question, last)

    def watch_chosen(self) -> None:
        self._show()

    def _show(self) -> None:
        row = self._current_row()
        if row != self._row:
            self._row = row
            self.set_reactive(TranslateScreen.chosen, 0)
        area, listed = self.query_one(TargetArea), self.query_one(TranslationList)
        self.translations = self._known(row, self._question())
        count = self.query_one("#source", TextArea).document.line_count
        of_line = f" of line {row + 1}" if count > 1 else ""
        self.query_one("#list").border_title = f"Translations{of_line}"
        listed.translations, listed.chosen = self.translations, self.chosen
        area.choices, area.chosen, area.continued_rows = len(self.translations), self.chosen, min(count, MAX_LINES)
        area.update_suggestion()
        best = self.translations[self.chosen] if self.chosen < len(self.translations) else None
        self.query_one(AlignmentMap).translation = best

    # --- keys -----------------------------------------------------------------------------------------------------

    def action_copy(self) -> None:
        lines = self.query_one(TargetArea).continued_lines()
        if any(lines):
            self.app.copy_to_clipboard("\n".join(lines))
            self._set_status("The translation is sent to the terminal's clipboard, if it allows that.")

    def action_clear(self) -> None:
        for area in (self.query_one("#source", TextArea), self.query_one(TargetArea)):
            area.clear()
        self.query_one("#source").focus()


def next_word(text: str) -> str:
    """Return the spaces at the beginning of `text` and the word after them."""
    word = text.lstrip(" ")
    return text[: len(text) - len(word)] + word.split(" ", 1)[0]


def _question(source: str, typed: str) -> Question:
    return Question(" ".join(source.split()), typed.lstrip())


def _rest_of(best: Translation, typed: str) -> str:
    """Return what follows the typed text in a translation; nothing where that begins in another way."""
    return best.text[len(typed) :] if best.text.startswith(typed) else ""
