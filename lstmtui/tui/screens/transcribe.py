"""Transcribing a recording or the microphone: what the network reads, what it finds in it, and the words."""

from __future__ import annotations

import time
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.reactive import var

from lstmtui.common.terminal_text import one_line
from lstmtui.common.units import format_duration
from lstmtui.config import RunSettings
from lstmtui.runs.folder import RunFolder
from lstmtui.tui.file_names import RECORDINGS
from lstmtui.tui.keys import bind
from lstmtui.tui.screens.model_screen import ModelScreen
from lstmtui.tui.services import Services
from lstmtui.tui.widgets.bars import TitleBar
from lstmtui.tui.widgets.key_bar import KeyBar
from lstmtui.tui.widgets.level_meter import LevelMeter
from lstmtui.tui.widgets.panels import Frame
from lstmtui.tui.widgets.passages import PassageList
from lstmtui.tui.widgets.path_line import PathLine
from lstmtui.tui.widgets.speech_picture import Heard, Scale, SpeechPicture
from lstmtui.tui.widgets.status_line import StatusLine
from lstmtui.tui.workers.model_thread import ModelFailed, ModelOpened
from lstmtui.tui.workers.transcription import NowHeard, Order, Passage, SegmentHeard, Transcribed, TranscriptionThread

READY = "Type or paste the path of a recording and press enter; Tab completes it."


class TranscribeScreen(ModelScreen[TranscriptionThread]):
    """Give a recording, or speak, and see what is heard."""

    DOING = "transcribing"
    HELP: ClassVar[str] = """\
Type or paste the path of a recording and press enter; Tab completes names of files and folders. f9 listens to the \
microphone, and ends listening. Escape ends a recording that is being read, and keeps what was found; else it leaves \
the screen.

Above: how loud each frequency is at each moment, low ones at the bottom (log-mel). Below it, at the same times: the \
words that are heard, how probable each label is, ░ a little, █ nearly sure, and the blank, which stands between labels.

Below that: each passage with the time of its beginning; the chosen one is in the picture, and has the times of its \
words in seconds and how sure the model is of them. A word with ? is less probable than 50 %. Up and down choose a \
passage, page up and page down scroll.

A run that still trains transcribes with its best checkpoint of the moment when this screen was opened; ctrl+r opens \
it again.
"""
    CSS_PATH = "transcribe.tcss"
    AUTO_FOCUS = "#file"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("open", "transcribe", "Transcribe", "transcribe.open", "Transcribe the file", priority=True),
        bind("listen", "listen", "Microphone", "transcribe.listen", "Listen to the microphone, or end that"),
        bind("copy", "copy", "Copy", "transcribe.copy", "Copy the text to the clipboard"),
        Binding("up", "choose(-1)", "Passage before", show=False),
        Binding("down", "choose(1)", "Next passage", show=False),
        Binding("pageup", "scroll(-1)", "Scroll up", show=False),
        Binding("pagedown", "scroll(1)", "Scroll down", show=False),
        bind("reload", "reload", "Reload", "transcribe.reload", "Open the newest checkpoint of this run"),
        bind("back", "back", "Back", "transcribe.back", "End the recording that is being read, or leave the screen"),
    ]

    chosen: var[int] = var(-1)
    """The passage in the picture; -1 for the newest."""

    def __init__(self, run: RunFolder, settings: RunSettings, services: Services) -> None:
        super().__init__(run, settings, services)
        self._passages: list[Passage] = []
        self._present: Passage | None = None
        self._number, self._begun = 0, 0.0
        self._what = self._ended = ""
        """The recording that is read, and what is said of one that was ended; empty for none."""
        self._listening = self._opens = self._wanted = False
        """`_opens`: whether the model is being loaded; `_wanted`: whether enter was pressed meanwhile."""

    def compose(self) -> ComposeResult:
        yield TitleBar()
        yield PathLine(
            "recording", "path of a WAV, FLAC, OGG or MP3 file", RECORDINGS, noun="recording", verb="transcribes"
        )
        yield LevelMeter()
        with Frame(id="picture", classes="panel"):
            yield SpeechPicture()
        yield PassageList(id="passages", classes="panel")
        yield StatusLine(id="status")
        yield KeyBar()

    # --- the model ------------------------------------------------------------------------------------------------

    def _make_thread(self) -> TranscriptionThread:
        return TranscriptionThread(
            lambda: self._services.open_transcriber(self._folder), self._services.open_microphone, self.post_message
        )

    def _open(self) -> None:
        super()._open()
        self._clear("Loading the model …")

    def _restart(self) -> None:
        self._wanted, self._opens, self._what, self._ended = False, True, "", ""
        self._number += 1  # what the former one still answers is not shown
        self._end_listening()
        super()._restart()

    def on_model_opened(self, message: ModelOpened) -> None:
        about = message.about
        labels, step = tuple(map(str, about["labels"])), float(about.get("step_seconds", 0.03))
        self.query_one(SpeechPicture).scale = Scale(labels, int(about["mel"]), step)
        self._ready, self._opens = True, False
        if not self._ended:
            self._clear("Nothing was transcribed yet.")
        self._set_status(self._ended or READY)
        self._ended = ""
        if self._wanted:
            self.action_transcribe()

    def on_model_failed(self, message: ModelFailed) -> None:
        self._opens, self._what = False, ""
        self._end_listening()
        self.query_one(PassageList).say("Nothing can be transcribed.")
        self._show_failure(message)

    # --- asking ---------------------------------------------------------------------------------------------------

    def action_transcribe(self) -> None:
        file = self.query_one(PathLine).path
        if file is None:
            self._set_status("Type the path of a recording first; Tab lists what is here.")
        elif not self._ready and self._opens:
            self._wanted = True
            self._set_status(f"Loading '{self._folder.name}'; then the recording is read …")
        elif self._can_ask():
            self._ask(Order(self._number + 1, file), f"{one_line(file.name, 40)}")

    def action_listen(self) -> None:
        if self._listening:
            self._end_listening()
            self._set_status("Listening ends …")
        elif self._can_ask():
            self._ask(Order(self._number + 1, None), "the microphone")
            self._listening = True
            self._set_status("Opening the microphone …")

    def _can_ask(self) -> bool:
        """Return whether the model is free; a sentence says it if it is not."""
        if not self._ready:
            self._set_status("The model is not loaded yet." if self._opens else "ctrl+r loads the model.", error=True)
        elif self._what and not self._listening:
            self._set_status(f"'{self._what}' is still being read; escape ends that.", error=True)
        return self._ready and (not self._what or self._listening)

    def _ask(self, order: Order, what: str) -> None:
        assert self._thread is not None
        self._end_listening()
        self._number, self._what, self._begun = order.number, what, time.monotonic()
        self._clear("Nothing was heard yet.")
        if order.file is not None:  # it is read from its beginning; a stream is followed
            self.set_reactive(TranscribeScreen.chosen, 0)
        self._set_status(f"Reading {what} …")
        self._thread.ask(order)

    def _end_listening(self) -> None:
        self._listening = False
        self.remove_class("-listening")
        if self._thread is not None:
            self._thread.stop()

    # --- answers --------------------------------------------------------------------------------------------------

    def on_segment_heard(self, message: SegmentHeard) -> None:
        if message.number != self._number:
            return
        self._passages.append(message.passage)
        self._present = None
        if message.part is not None:
            self._set_status(f"Reading {self._what}: {message.part:.0%} …")
        self._show()

    def on_now_heard(self, message: NowHeard) -> None:
        if message.number != self._number or not self._listening:
            return
        meter = self.query_one(LevelMeter)
        meter.level, meter.peak = message.level, message.peak
        self.add_class("-listening")
        self._present = message.passage
        self._set_status(f"Listening, {format_duration(message.passage.segment.end)}; f9 ends it.")
        self._show()

    def on_transcribed(self, message: Transcribed) -> None:
        if message.number != self._number:
            return
        was, self._what = self._what, ""
        self._end_listening()
        self._present = None
        self._show()
        words = sum(len(passage.segment.words) for passage in self._passages)
        if message.problem:
            self.query_one(PassageList).say("Nothing was transcribed.")
            self._set_status(message.problem, error=True)
        elif not self._passages:
            self.query_one(PassageList).say("No speech was heard.")
            self._set_status(f"No speech was heard in {message.seconds:.1f} s of {was}.")
        else:
            took = "" if was == "the microphone" else f" in {time.monotonic() - self._begun:.1f} s"
            counted = "1 word" if words == 1 else f"{words:,} words"
            clipped = " It is overdriven (clipped)." if message.clipped else ""
            self._set_status(f"{counted} in {message.seconds:.1f} s of {was}, read{took}.{clipped}")

    def _clear(self, text: str) -> None:
        self._passages, self._present = [], None
        self.set_reactive(TranscribeScreen.chosen, -1)
        self.query_one(PassageList).clear()
        self.query_one(PassageList).say(text)
        self._show()

    def watch_chosen(self) -> None:
        self._show()

    def _show(self) -> None:
        shown = [*self._passages, *([self._present] if self._present is not None else [])]
        chosen = len(shown) - 1 if self.chosen < 0 else min(self.chosen, len(shown) - 1)
        picture, frame, listed = self.query_one(SpeechPicture), self.query_one("#picture"), self.query_one(PassageList)
        heard = shown[chosen].heard if shown else Heard()
        picture.heard, picture.empty_text = heard, "" if shown else "The picture of a recording is shown here."
        span = f", {shown[chosen].segment.start:.2f} to {shown[chosen].segment.end:.2f} s" if shown else ""
        frame.border_title = Content(f"Loudness of frequencies, and labels{span}")
        frame.border_subtitle = Content("probability ░ 0.2  █ 0.8")
        listed.border_title = Content(f"Passage {chosen + 1} of {len(shown)}" if len(shown) > 1 else "Text")
        listed.border_subtitle = Content("↑ ↓ other passages" if len(shown) > 1 else "")
        listed.show([passage.segment for passage in shown], chosen)

    # --- keys -----------------------------------------------------------------------------------------------------

    def action_choose(self, by: int) -> None:
        count = len(self._passages) + (self._present is not None)
        if count:
            now = count - 1 if self.chosen < 0 else self.chosen
            # At the newest one, a stream is followed.
            at = min(max(0, now + by), count - 1)
            self.chosen = -1 if self._listening and at == count - 1 else at

    def action_scroll(self, by: int) -> None:
        listed = self.query_one(PassageList)
        (listed.scroll_page_down if by > 0 else listed.scroll_page_up)(animate=False)

    @on(PathLine.Remark)
    def _remark(self, message: PathLine.Remark) -> None:
        self._set_status(message.text, error=message.error)

    def action_copy(self) -> None:
        text = " ".join(passage.segment.text for passage in self._passages)
        if text:
            self.app.copy_to_clipboard(text)
            self._set_status("The text is sent to the terminal's clipboard, if it allows that.")

    def action_back(self) -> None:
        if self._what and not self._listening:
            self._cancel()
        else:
            self.dismiss()

    def _cancel(self) -> None:
        """End the recording that is being read, with the process that reads it; what was found stays."""
        ended = f"'{self._what}' was not read to its end."
        self._restart()
        self._ended = ended
        self._set_status(ended)
        if not self._passages:
            self.query_one(PassageList).say("Nothing was found before that.")
