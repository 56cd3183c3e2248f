"""Typing with a trained run: ghost text, and a ranked list of what may come next."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal
from textual.reactive import var
from textual.timer import Timer
from textual.widgets import Footer, Static, TextArea

from lstmtui.client.model import Candidate
from lstmtui.common.terminal_text import safe
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
from lstmtui.tui.widgets.typing_area import TypingArea
from lstmtui.tui.workers.completion import CommandDone, Completion, CompletionReady, CompletionThread
from lstmtui.tui.workers.model_thread import ModelFailed, ModelOpened

MEMORY = 1 << 16
"""Most characters before the cursor that the model is given."""
THRESHOLD = 0.3
"""The probability from which ghost text shows, at first."""
PAUSE = 0.03
"""Seconds without a key before the model is asked."""
KEEPING = 2.0
"""Seconds after which what was typed is on the disk."""


class TypeScreen(BaseScreen[None]):
    """Type; the model proposes, Tab accepts."""

    HELP: ClassVar[str] = """\
The model reads what stands before the cursor and proposes how it goes on. Tab takes the grey text, a phrase as long \
as it is expected to save keystrokes, or the candidate that you chose with down and up; a word brings its space.

Grey text shows only when the model is sure enough of its first word; ctrl+up and ctrl+down move that threshold. Each \
candidate has its probability, from the network, the text it was trained on, and what you wrote. Words that stood \
there for most of a second while you typed on make room for others, until that word is done. Where no known word \
begins as you typed, words that begin nearly so stand there with a ↶: one that you take replaces what you typed of it.

A model that is still training answers from its best checkpoint, and takes up a better one by itself.

What you type stays on this machine. It is here again when you come back, until you clear it with F8. F4 copies all \
of it, F5 saves it to a file. F2 has the run learn from it, in a profile beside the run; F3 forgets that profile.
"""
    CSS_PATH = "type.tcss"
    AUTO_FOCUS = "#text"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("ctrl+up", "threshold(1)", "Raise threshold", "type.surer", "Show grey text only when more probable"),
        bind("ctrl+down", "threshold(-1)", "Lower threshold", "type.less_sure", "Show grey text when less probable"),
        bind("f2", "remember", "Remember", "type.remember", "Keep this text in the run's profile", show=True),
        bind("f3", "forget", "Forget", "type.forget", "Forget the run's profile"),
        bind("f4", "copy_all", "Copy all", "type.copy-all", "Copy the whole text to the terminal's clipboard"),
        bind("f5", "save", "Save", "type.save", "Save the whole text to a file"),
        bind("f8", "clear", "Clear", "type.clear", "Clear the text; it is not kept any longer"),
        Binding("ctrl+r", "reload", "Reload", tooltip="Open the newest checkpoint of this run"),
        Binding("escape", "back", "Back", tooltip="Leave the typing screen; the text is kept"),
    ]

    answer: var[Completion | None] = var(None)
    """What the model last said about the text before the cursor."""
    chosen: var[int] = var(0)
    threshold: var[float] = var(THRESHOLD)

    def __init__(self, run: RunFolder, services: Services) -> None:
        super().__init__()
        self._folder, self._services = run, services
        self._completion: CompletionThread | None = None
        self._timer: Timer | None = None
        self._about: dict[str, Any] = {}
        self._ready = False
        self._rejected = RejectedSuggestions()
        self._draft = Draft(services.drafts, run)
        self._keeping: Timer | None = None
        self._unkept = False
        """Whether it was said that the text cannot be kept."""

    def compose(self) -> ComposeResult:
        yield TitleBar()
        with Horizontal(id="body"):
            yield TypingArea(id="text", classes="panel", highlight_cursor_line=False)
            with Container(id="side", classes="panel") as side:
                side.border_title = "What comes next"
                yield Candidates()
                yield Confidence()
        yield Static(id="said")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        title = self.query_one(TitleBar)
        title.title, title.remark = self._folder.name, "typing"
        self.query_one("#text").border_title = "Text"
        self._open()
        self.call_later(self._bring_back)

    def on_unmount(self) -> None:
        with contextlib.suppress(LstmtuiError):  # it was said when it was tried before
            self._draft.write()
        if self._completion is not None:
            self._completion.close()

    # --- the model ------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        if self._completion is not None:
            self._completion.close()
        self._ready = False
        self.answer = None
        self.query_one(Candidates).said = "Loading the model …"
        self._say(f"Loading '{self._folder.name}' …")
        self._completion = CompletionThread(lambda: self._services.open_model(self._folder), self.post_message)

    def on_model_opened(self, message: ModelOpened) -> None:
        self._about = message.about
        self._introduce()
        self.query_one(Candidates).said = "Preparing the first answer …"  # the first time, its kernels are compiled
        self._ready = True
        self._say("Ready: type, and Tab takes the grey text.")
        self._ask()

    def _introduce(self) -> None:
        about = self._about
        size = f"{about.get('cell', '')} {about.get('layers', '?')}×{about.get('hidden', '?')}"
        step = about.get("step")
        at = f"step {wording.count(step)}" if isinstance(step, int) else "step ?"
        self.query_one(TitleBar).remark = f"typing · {size} · {about.get('tokens', '')} · {at}"

    def on_command_done(self, message: CommandDone) -> None:
        self._say(message.words)
        self._ask()

    def on_completion_ready(self, message: CompletionReady) -> None:
        if message.answer.step is not None and message.answer.step != self._about.get("step"):
            self._about["step"] = message.answer.step
            self._introduce()
        if message.answer.text != self._asked_about():
            return  # typed on meanwhile; the next answer is on its way
        same = self.answer is not None and self.answer.text == message.answer.text
        self.answer = message.answer
        if not same:
            self.chosen = 0
            self._say(f"{message.answer.milliseconds:.0f} ms · {self._folder.name}")
        self._propose()

    def on_model_failed(self, message: ModelFailed) -> None:
        self._ready = self._ready and not message.final
        self.answer = None
        self._propose()
        self.query_one(Candidates).said = "No candidates."
        again = " ctrl+r opens it again." if message.final else ""
        self._say(message.words + again, error=True)

    def _asked_about(self) -> str:
        return recent(self.query_one(TypingArea).before)

    def _ask(self) -> None:
        if self._completion is not None and self._ready:
            text = self._asked_about()
            self._completion.ask(text, self._rejected.words(text, time.monotonic()))

    # --- typing ---------------------------------------------------------------------------------------------------

    @on(TextArea.Changed)
    @on(TextArea.SelectionChanged)
    def _moved(self) -> None:
        area, confidence = self.query_one(TypingArea), self.query_one(Confidence)
        self._note(area.text)
        confidence.characters, confidence.saved = len(self._draft.text), area.typed.keys_saved
        if self.answer is not None and self.answer.text != self._asked_about():
            area.choices = area.chosen = 0
            if not area.at_line_end() or not self._asked_about().startswith(self.answer.text):
                area.suggestion = ""
        elif self.answer is not None:
            return
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(PAUSE, self._ask)

    @on(TypingArea.Accept)
    def _accept(self, message: TypingArea.Accept) -> None:
        self.action_take(message.index)

    @on(TypingArea.Choose)
    def _choose(self, message: TypingArea.Choose) -> None:
        self.action_choose(message.step)

    def watch_chosen(self) -> None:
        self._propose()

    def watch_threshold(self) -> None:
        self._propose()

    def _propose(self) -> None:
        """Show the answer: the list, and as ghost text what Tab would take."""
        area, listed = self.query_one(TypingArea), self.query_one(Candidates)
        candidates = self.answer.candidates if self.answer else ()
        if self.answer is not None:
            texts = [c.text for c in candidates if not c.replaces]
            self._rejected.show(self.answer.text, texts, time.monotonic())
        listed.candidates, listed.chosen = candidates, self.chosen
        if self.answer is not None and not candidates:
            listed.said = "The model proposes nothing here."
        area.choices, area.chosen = len(candidates), self.chosen
        confidence = self.query_one(Confidence)
        confidence.sure = candidates[0].probability if candidates and not candidates[0].replaces else None
        confidence.threshold = self.threshold
        taken = self._taken(None) if self.chosen > 0 or self._sure() else None
        ghost = taken.text if taken is not None and not taken.replaces else ""
        area.suggestion = safe(ghost.replace("\r\n", "\n").replace("\n", "⏎")) if area.at_line_end() else ""

    def _sure(self) -> bool:
        """Return whether the likeliest word is probable enough to stand in the text before it is asked for."""
        first = self.answer.candidates[0] if self.answer is not None and self.answer.candidates else None
        return first is not None and not first.replaces and first.probability >= self.threshold

    def _taken(self, index: int | None) -> Candidate | None:
        """Return what would be taken: a candidate, or (None) the ghost text."""
        if self.answer is None or self.answer.text != self._asked_about():
            return None
        if index is None and self.chosen == 0 and self.answer.phrase is not None and self._sure():
            return self.answer.phrase
        wanted = self.chosen if index is None else index
        return self.answer.candidates[wanted] if wanted < len(self.answer.candidates) else None

    def action_choose(self, step: int) -> None:
        if self.answer is not None and self.answer.candidates:
            self.chosen = min(max(0, self.chosen + step), len(self.answer.candidates) - 1)

    def action_take(self, index: int | None) -> None:
        if (taken := self._taken(index)) is not None:
            self.query_one(TypingArea).insert_candidate(taken.text, taken.replaces)

    def action_threshold(self, step: int) -> None:
        self.threshold = min(0.95, max(0.05, round(self.threshold + 0.05 * step, 2)))

    def action_remember(self) -> None:
        text = self.query_one(TypingArea).text

        def learn(model: Completer) -> str:
            count = wording.count(model.adapt(text))
            if aside := model.about.get("put_aside"):
                return f"A new profile holds {count} words; the damaged one is kept as {Path(aside[0]).name}."
            return f"The profile beside the run holds {count} words; F3 forgets it."

        if self._completion is not None and self._ready and text.strip():
            self._completion.run_command(learn)

    def action_forget(self) -> None:
        def forget(model: Completer) -> str:
            model.forget()
            return "The profile is forgotten."

        if self._completion is not None and self._ready:
            self._completion.run_command(forget)

    def action_reload(self) -> None:
        self._open()

    # --- the text -------------------------------------------------------------------------------------------------

    def _bring_back(self) -> None:
        """Put the text there that was typed before."""
        try:
            text = self._draft.read()
        except LstmtuiError as error:
            self.show_message(str(error), error=True)
            return
        if text:
            area = self.query_one(TypingArea)
            area.load_text(text)
            area.move_cursor(area.document.end)
            self.show_message("What you typed here before is back; F8 clears it.")

    def _note(self, text: str) -> None:
        """Have `text` kept, soon."""
        if text != self._draft.text:
            self._draft.text = text
            if self._keeping is None:
                self._keeping = self.set_timer(KEEPING, self._keep)

    @work(thread=True, group="keep")
    def _keep(self) -> None:
        self._keeping = None
        try:
            self._draft.write()
        except LstmtuiError as error:
            if not self._unkept:
                self._unkept = True
                self.show_message(str(error), error=True)
        else:
            self._unkept = False

    def action_copy_all(self) -> None:
        if text := self.query_one(TypingArea).text:
            self.app.copy_to_clipboard(text)
            told = f"All {len(text):,} characters are sent to the terminal's clipboard"
            self._say(f"{told}, where it allows that; F5 saves them to a file.")

    def action_save(self) -> None:
        def saved(path: Path | None) -> None:
            if path is not None:
                self._say(f"All {len(text):,} characters are saved as {path}.")

        if text := self.query_one(TypingArea).text:
            name = f"{self._folder.name}-{time.strftime('%Y%m%d-%H%M%S')}.txt"
            self.app.push_screen(SaveTextScreen(text, name), saved)

    def action_clear(self) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                area = self.query_one(TypingArea)
                area.clear()  # and not a new document, so that it can be undone
                area.focus()

        if text := self.query_one(TypingArea).text:
            question = (
                f"Clear all {len(text):,} characters? They are not kept any longer. F4 copies them, F5 saves them."
            )
            self.app.push_screen(ConfirmScreen("Clear", question), answered)

    def action_back(self) -> None:
        self._draft.text = self.query_one(TypingArea).text
        try:
            self._draft.write()
        except LstmtuiError as error:
            self._ask_to_leave(str(error))
            return
        if self._draft.text:
            self.show_message("Your text is kept; it is here again when you come back.")
        self.dismiss()

    def _ask_to_leave(self, problem: str) -> None:
        """Ask first where what was typed would be lost."""

        def answered(yes: bool | None) -> None:
            if yes:
                self.dismiss()

        question = f"{problem} Leave all the same, and lose it? F4 copies it, F5 saves it to a file."
        self.app.push_screen(ConfirmScreen("Leave", question), answered)

    def _say(self, text: str, *, error: bool = False) -> None:
        said = self.query_one("#said", Static)
        said.update(Text(safe(text, newlines=False)))
        said.set_class(error, "-error")


def recent(text: str) -> str:
    """Return the end of a long text, cut at a place that moves seldom, so that what was read is not read again."""
    if len(text) <= MEMORY:
        return text
    return text[(len(text) // (MEMORY // 2) - 1) * (MEMORY // 2) :]
