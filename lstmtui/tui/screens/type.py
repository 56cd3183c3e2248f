"""Typing with a trained run: a grey suggestion, and a ranked list of candidates."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal
from textual.reactive import var
from textual.timer import Timer
from textual.widgets import TextArea

from lstmtui.client.model import Candidate
from lstmtui.common.terminal_text import safe
from lstmtui.common.word_boundaries import MAX_WORD, partial_word
from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import RunFolder
from lstmtui.tui import wording
from lstmtui.tui.drafts import Draft
from lstmtui.tui.keys import bind
from lstmtui.tui.rejected_suggestions import RejectedSuggestions
from lstmtui.tui.screens.base import BaseScreen
from lstmtui.tui.screens.confirm import ConfirmScreen
from lstmtui.tui.screens.save_text import SaveTextScreen
from lstmtui.tui.services import Completer, Services
from lstmtui.tui.widgets.bars import TitleBar
from lstmtui.tui.widgets.candidates import Candidates
from lstmtui.tui.widgets.confidence import Confidence
from lstmtui.tui.widgets.key_bar import KeyBar
from lstmtui.tui.widgets.status_line import StatusLine
from lstmtui.tui.widgets.typing_area import TypingArea
from lstmtui.tui.workers.completion import CommandDone, Completion, CompletionReady, CompletionThread
from lstmtui.tui.workers.model_thread import ModelFailed, ModelOpened

MAX_CONTEXT = 1 << 16
"""Characters before the cursor that the model is given."""
THRESHOLD = 0.3
"""The initial probability from which on the suggestion is shown."""
REQUEST_DELAY = 0.03
"""Seconds without a key before completions are requested."""
SAVE_DELAY = 2.0
"""Seconds after a change until the text is saved."""


class TypeScreen(BaseScreen[None]):
    """Type with suggestions of the model; Tab accepts them."""

    HELP: ClassVar[str] = """\
The model reads the text before the cursor and suggests its continuation. Tab accepts the grey text, a phrase as long \
as it is expected to save keystrokes, or the candidate chosen with down and up; a word is followed by a space.

Grey text is shown only when its first word is probable enough; F6 and F7 change that threshold. Each \
candidate has a probability, from the network, the text it was trained on, and your own text. Candidates that were \
shown for most of a second while you typed on are replaced by others until the word is complete. When no known word \
begins with your letters, candidates with a ↶ correct them: accepting one replaces the letters.

A model that is still training answers from its best checkpoint, and loads a better one by itself.

Your text stays on this machine. It is restored when you come back, until you clear it with F8. F4 copies all of it, \
F5 saves it to a file. F2 adapts the run to it, in a profile beside the run; F3 deletes that profile.
"""
    CSS_PATH = "type.tcss"
    AUTO_FOCUS = "#text"
    BINDINGS: ClassVar[list[BindingType]] = [
        # With priority: f6 and f7 of a text area would choose a line, or all of the text.
        bind(
            "raise-threshold",
            "threshold(1)",
            "Raise threshold",
            "type.surer",
            "Show grey text only when more probable",
            priority=True,
        ),
        bind(
            "lower-threshold",
            "threshold(-1)",
            "Lower threshold",
            "type.less_sure",
            "Show grey text when less probable",
            priority=True,
        ),
        bind("remember", "remember", "Remember", "type.remember", "Adapt the run to this text, in its profile"),
        bind("forget", "forget", "Forget", "type.forget", "Delete the run's profile"),
        bind("copy", "copy_all", "Copy all", "type.copy-all", "Copy the whole text to the terminal's clipboard"),
        bind("save", "save", "Save", "type.save", "Save the whole text to a file"),
        bind("clear", "clear", "Clear", "type.clear", "Clear the text, and do not restore it"),
        bind("reload", "reload", "Reload", "type.reload", "Open the newest checkpoint of this run"),
        bind("back", "back", "Back", "type.back", "Leave the typing screen; the text is saved"),
    ]

    completion: var[Completion | None] = var(None)
    """The newest completion of the text before the cursor."""
    chosen: var[int] = var(0)
    threshold: var[float] = var(THRESHOLD)

    def __init__(self, run: RunFolder, services: Services) -> None:
        super().__init__()
        self._folder, self._services = run, services
        self._model_thread: CompletionThread | None = None
        self._timer: Timer | None = None
        self._about: dict[str, Any] = {}
        self._ready = False
        self._rejected = RejectedSuggestions()
        self._draft = Draft(services.drafts, run)
        self._save_timer: Timer | None = None
        self._save_failed = False
        """Whether the user was told that the text cannot be saved."""

    def compose(self) -> ComposeResult:
        yield TitleBar()
        with Horizontal(id="body"):
            yield TypingArea(id="text", classes="panel", highlight_cursor_line=False)
            with Container(id="side", classes="panel") as side:
                side.border_title = "Suggestions"
                yield Candidates()
                yield Confidence()
        yield StatusLine(id="status")
        yield KeyBar()

    def on_mount(self) -> None:
        title = self.query_one(TitleBar)
        title.title, title.remark = self._folder.name, "typing"
        self.query_one("#text").border_title = "Text"
        self._open()
        self.call_later(self._restore_draft)

    def on_unmount(self) -> None:
        with contextlib.suppress(LstmtuiError):  # reported by an earlier attempt
            self._draft.write()
        if self._model_thread is not None:
            self._model_thread.close()

    # --- the model ------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        if self._model_thread is not None:
            self._model_thread.close()
        self._ready = False
        self.completion = None
        self.query_one(Candidates).empty_text = "Loading the model …"
        self._set_status(f"Loading '{self._folder.name}' …")
        self._model_thread = CompletionThread(lambda: self._services.open_model(self._folder), self.post_message)

    def on_model_opened(self, message: ModelOpened) -> None:
        self._about = message.about
        self._update_title()
        self.query_one(Candidates).empty_text = "Preparing the first answer …"  # its kernels may have to be compiled
        self._ready = True
        self._set_status("Ready: type; Tab accepts the grey text.")
        self._request()

    def _update_title(self) -> None:
        about = self._about
        size = f"{about.get('cell', '')} {about.get('layers', '?')}×{about.get('hidden', '?')}"
        step = about.get("step")
        at = f"step {wording.count(step)}" if isinstance(step, int) else "step ?"
        self.query_one(TitleBar).remark = f"typing · {size} · {about.get('tokens', '')} · {at}"

    def on_command_done(self, message: CommandDone) -> None:
        self._set_status(message.summary)
        self._request()

    def on_completion_ready(self, message: CompletionReady) -> None:
        if message.completion.step is not None and message.completion.step != self._about.get("step"):
            self._about["step"] = message.completion.step
            self._update_title()
        if message.completion.text != self._context_text():
            return  # the text has changed; the next answer is on its way
        same = self.completion is not None and self.completion.text == message.completion.text
        self.completion = message.completion
        if not same:
            self.chosen = 0
            self._set_status(f"{message.completion.milliseconds:.0f} ms · {self._folder.name}")
        self._show_completion()

    def on_model_failed(self, message: ModelFailed) -> None:
        self._ready = self._ready and not message.final
        self.completion = None
        self._show_completion()
        self.query_one(Candidates).empty_text = "No suggestions."
        again = " ctrl+r opens it again." if message.final else ""
        self._set_status(message.reason + again, error=True)

    def _context_text(self) -> str:
        """Return the text that completions are requested for."""
        return recent_text(self.query_one(TypingArea).before)

    def _request(self) -> None:
        if self._model_thread is not None and self._ready:
            text = self._context_text()
            self._model_thread.ask(text, self._rejected.words(text, time.monotonic()))

    # --- typing ---------------------------------------------------------------------------------------------------

    @on(TextArea.Changed)
    @on(TextArea.SelectionChanged)
    def _moved(self) -> None:
        area, confidence = self.query_one(TypingArea), self.query_one(Confidence)
        self._save_soon(area.text)
        confidence.characters, confidence.saved = len(self._draft.text), area.typed.keys_saved
        if self.completion is not None and self.completion.text != self._context_text():
            area.choices = area.chosen = 0
            if not area.at_line_end() or not self._context_text().startswith(self.completion.text):
                area.suggestion = ""
        elif self.completion is not None:
            return
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(REQUEST_DELAY, self._request)

    @on(TypingArea.Accept)
    def _accept(self, message: TypingArea.Accept) -> None:
        self.action_accept_candidate(message.index)

    @on(TypingArea.Choose)
    def _choose(self, message: TypingArea.Choose) -> None:
        self.action_choose(message.step)

    def watch_chosen(self) -> None:
        self._show_completion()

    def watch_threshold(self) -> None:
        self._show_completion()

    def _show_completion(self) -> None:
        """Show the candidates, and as grey text what Tab would insert."""
        area, listed = self.query_one(TypingArea), self.query_one(Candidates)
        candidates = self.completion.candidates if self.completion else ()
        if self.completion is not None:
            texts = [c.text for c in candidates if not c.replaces]
            self._rejected.show(self.completion.text, texts, time.monotonic())
        if self.completion is not None:
            typed = self.completion.text[-MAX_WORD:].encode("utf-8", "replace")
            listed.begun = partial_word(typed).decode("utf-8", "replace")
        listed.candidates, listed.chosen = candidates, self.chosen
        if self.completion is not None and not candidates:
            listed.empty_text = "No suggestions."
        area.choices, area.chosen = len(candidates), self.chosen
        confidence = self.query_one(Confidence)
        confidence.probability = candidates[0].probability if candidates and not candidates[0].replaces else None
        confidence.threshold = self.threshold
        candidate = self._candidate(None) if self.chosen > 0 or self._is_probable() else None
        suggestion = candidate.text if candidate is not None and not candidate.replaces else ""
        area.suggestion = safe(suggestion.replace("\r\n", "\n").replace("\n", "⏎")) if area.at_line_end() else ""

    def _is_probable(self) -> bool:
        """Return whether the likeliest word is probable enough to be shown as grey text."""
        first = self.completion.candidates[0] if self.completion is not None and self.completion.candidates else None
        return first is not None and not first.replaces and first.probability >= self.threshold

    def _candidate(self, index: int | None) -> Candidate | None:
        """Return what would be inserted: candidate `index`, or (None) the grey text."""
        if self.completion is None or self.completion.text != self._context_text():
            return None
        if index is None and self.chosen == 0 and self.completion.phrase is not None and self._is_probable():
            return self.completion.phrase
        number = self.chosen if index is None else index
        return self.completion.candidates[number] if number < len(self.completion.candidates) else None

    def action_choose(self, step: int) -> None:
        if self.completion is not None and self.completion.candidates:
            self.chosen = min(max(0, self.chosen + step), len(self.completion.candidates) - 1)

    def action_accept_candidate(self, index: int | None) -> None:
        if (candidate := self._candidate(index)) is not None:
            self.query_one(TypingArea).insert_candidate(candidate.text, candidate.replaces)

    def action_threshold(self, step: int) -> None:
        self.threshold = min(0.95, max(0.05, round(self.threshold + 0.05 * step, 2)))

    def action_remember(self) -> None:
        text = self.query_one(TypingArea).text

        def adapt(model: Completer) -> str:
            count = wording.count(model.adapt(text))
            if set_aside := model.about.get("put_aside"):
                return f"A new profile holds {count} words; the damaged one is renamed {Path(set_aside[0]).name}."
            return f"The profile beside the run holds {count} words; F3 deletes it."

        if self._model_thread is not None and self._ready and text.strip():
            self._model_thread.run_command(adapt)

    def action_forget(self) -> None:
        def forget(model: Completer) -> str:
            model.forget()
            return "The profile is deleted."

        if self._model_thread is not None and self._ready:
            self._model_thread.run_command(forget)

    def action_reload(self) -> None:
        self._open()

    # --- the text -------------------------------------------------------------------------------------------------

    def _restore_draft(self) -> None:
        """Restore the text that was typed before."""
        try:
            text = self._draft.read()
        except LstmtuiError as error:
            self.show_message(str(error), error=True)
            return
        if text:
            area = self.query_one(TypingArea)
            area.load_text(text)
            area.move_cursor(area.document.end)
            self.show_message("The text typed here before is restored; F8 clears it.")

    def _save_soon(self, text: str) -> None:
        """Save `text` after a short delay."""
        if text != self._draft.text:
            self._draft.text = text
            if self._save_timer is None:
                self._save_timer = self.set_timer(SAVE_DELAY, self._save)

    @work(thread=True, group="save")
    def _save(self) -> None:
        self._save_timer = None
        try:
            self._draft.write()
        except LstmtuiError as error:
            if not self._save_failed:
                self._save_failed = True
                self.show_message(str(error), error=True)
        else:
            self._save_failed = False

    def action_copy_all(self) -> None:
        if text := self.query_one(TypingArea).text:
            self.app.copy_to_clipboard(text)
            sent = f"All {len(text):,} characters are sent to the terminal's clipboard"
            self._set_status(f"{sent}, if it allows that; F5 saves them to a file.")

    def action_save(self) -> None:
        def saved(path: Path | None) -> None:
            if path is not None:
                self._set_status(f"All {len(text):,} characters are saved as {path}.")

        if text := self.query_one(TypingArea).text:
            name = f"{self._folder.name}-{time.strftime('%Y%m%d-%H%M%S')}.txt"
            self.app.push_screen(SaveTextScreen(text, name), saved)

    def action_clear(self) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                area = self.query_one(TypingArea)
                area.clear()  # rather than a new document, so that it can be undone
                area.focus()

        if text := self.query_one(TypingArea).text:
            question = (
                f"Clear all {len(text):,} characters? They are not restored later. F4 copies them, F5 saves them."
            )
            self.app.push_screen(ConfirmScreen("Clear", question), answered)

    def action_back(self) -> None:
        self._draft.text = self.query_one(TypingArea).text
        try:
            self._draft.write()
        except LstmtuiError as error:
            self._confirm_leaving(str(error))
            return
        if self._draft.text:
            self.show_message("Your text is saved; it is restored when you come back.")
        self.dismiss()

    def _confirm_leaving(self, problem: str) -> None:
        """Ask before leaving when the text would be lost."""

        def answered(yes: bool | None) -> None:
            if yes:
                self.dismiss()

        question = f"{problem} Leave all the same and lose the text? F4 copies it, F5 saves it to a file."
        self.app.push_screen(ConfirmScreen("Leave", question), answered)

    def _set_status(self, text: str, *, error: bool = False) -> None:
        self.query_one(StatusLine).set_text(text, error=error)


def recent_text(text: str) -> str:
    """Return the end of a long text, cut at a place that rarely moves, so that the model need not read it again."""
    if len(text) <= MAX_CONTEXT:
        return text
    return text[(len(text) // (MAX_CONTEXT // 2) - 1) * (MAX_CONTEXT // 2) :]
