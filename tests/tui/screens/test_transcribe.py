"""The transcribing screen with a fake transcriber."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import fake_transcriber
from support.fake_microphone import FakeMicrophone
from support.fake_transcriber import FakeTranscriber
from support.prepared_run import make_run
from support.screens import SIZES, painted, until
from textual.pilot import Pilot
from textual.widgets import Input

from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.runs.folder import RunFolder
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.screens.live import LiveScreen
from lstmtui.tui.screens.runs import RunsScreen
from lstmtui.tui.screens.transcribe import TranscribeScreen
from lstmtui.tui.services import Services
from lstmtui.tui.widgets.level_meter import LevelMeter

Open = Callable[..., LstmtuiApp]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return make_run(tmp_path, state="finished", purpose="speech", corpus=("recordings",))


@pytest.fixture
def services(services: Services) -> Services:
    fake_transcriber.asked.clear()
    return dataclasses.replace(services, open_transcriber=FakeTranscriber, open_microphone=FakeMicrophone)


def words(pilot: Pilot[None]) -> str:
    return " ".join(painted(pilot.app).replace("\u00a0", " ").split())


async def ready(pilot: Pilot[None]) -> TranscribeScreen:
    await until(pilot, lambda: isinstance(pilot.app.screen, TranscribeScreen) and pilot.app.screen._ready)
    screen = pilot.app.screen
    assert isinstance(screen, TranscribeScreen)
    return screen


async def transcribe(pilot: Pilot[None], file: str) -> None:
    await ready(pilot)
    pilot.app.screen.query_one("#file", Input).value = file
    await pilot.press("enter")


@pytest.mark.parametrize("size", SIZES)
async def test_a_recording_is_transcribed(open_app: Open, run: RunFolder, size: tuple[int, int]) -> None:
    async with open_app(run, "type").run_test(size=size) as pilot:
        await transcribe(pilot, "tapes/a.wav")
        screen = await ready(pilot)
        await until(pilot, lambda: len(screen._passages) == 2 and not screen._what)
        assert fake_transcriber.asked == [{"file": Path("tapes/a.wav"), "details": True}]
        if size[0] >= 80 and size[1] >= 24:
            await until(pilot, lambda: "3 words in 6.0 s of a.wav, read in" in words(pilot))
            for sign in ("0.50 to 2.00 s", "Passage 1 of 2", "▸ 0.50 s open it", "open 0.50–0.90 98%", "4.00 s now"):
                assert sign in words(pilot), sign


async def test_another_passage_is_chosen(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await transcribe(pilot, "a.wav")
        await until(pilot, lambda: "3 words" in words(pilot))
        await pilot.press("down", "down")
        await until(pilot, lambda: "Passage 2 of 2" in words(pilot))
        assert "4.00 to 5.00 s" in words(pilot)
        assert "now 4.12–4.50 50%" in words(pilot)
        await pilot.press("up")
        await until(pilot, lambda: "0.50 to 2.00 s" in words(pilot))


async def test_silence_is_named(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await transcribe(pilot, "silent.wav")
        await until(pilot, lambda: "No speech was heard in 6.0 s of silent.wav." in words(pilot))


async def test_the_text_is_copied(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await transcribe(pilot, "a.wav")
        await until(pilot, lambda: "3 words" in words(pilot))
        await pilot.press("f4")
        assert pilot.app.clipboard == "open it now"


async def test_tab_completes_names_and_says_what_there_is(
    open_app: Open, run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tapes"
    folder.mkdir()
    for name in ("mon.wav", "monday.wav", "tue.wav", "notes.txt"):
        (folder / name).write_text("")
    monkeypatch.chdir(tmp_path)
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        screen = await ready(pilot)
        line = screen.query_one("#file", Input)
        await pilot.press(*"tap", "tab")
        await until(pilot, lambda: line.value == "tapes/")
        await pilot.press("tab")
        await until(pilot, lambda: "mon.wav monday.wav tue.wav" in words(pilot))
        await pilot.press("m", "tab")
        await until(pilot, lambda: line.value == "tapes/mon")
        assert line.cursor_position == len("tapes/mon")
        await pilot.press("x", "tab")
        await until(pilot, lambda: "No recording and no folder begins with this name." in words(pilot))
        line.value = "none/x"
        await pilot.press("tab")
        await until(pilot, lambda: "This folder cannot be read (No such file or directory)." in words(pilot))


async def test_the_microphone_is_heard_until_f2(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        screen = await ready(pilot)
        assert not screen.query_one(LevelMeter).display
        await pilot.press("f9")
        await until(pilot, lambda: "microphone ██" in words(pilot) and "-6 dB good" in words(pilot))
        assert "Listening" in words(pilot)
        assert "samples" in words(pilot)
        await pilot.press("f9")
        await until(pilot, lambda: "1 word in" in words(pilot) and "of the microphone" in words(pilot))
        assert not screen.query_one(LevelMeter).display


@pytest.mark.parametrize("blocks", [0, 3])
async def test_no_microphone_and_one_that_goes_away_are_sentences(
    run: RunFolder, services: Services, blocks: int
) -> None:
    def opened(rate: int) -> Any:
        if not blocks:
            raise UsageError("No microphone is found on this machine; connect one, or give a file.")
        return FakeMicrophone(rate, blocks)

    app = LstmtuiApp(run, screen="type", services=dataclasses.replace(services, open_microphone=opened))
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("f9")
        sentence = "The microphone is gone (unplugged)" if blocks else "No microphone is found on this machine"
        await until(pilot, lambda: sentence in words(pilot))
        await transcribe(pilot, "a.wav")
        await until(pilot, lambda: "3 words" in words(pilot))


async def test_a_file_that_is_no_recording_is_a_sentence(run: RunFolder, services: Services) -> None:
    class Refuses(FakeTranscriber):
        def transcribe(self, file: Path, **options: Any) -> Any:
            raise UsageError(f"{file} is no recording.")

    app = LstmtuiApp(run, screen="type", services=dataclasses.replace(services, open_transcriber=Refuses))
    async with app.run_test(size=(80, 24)) as pilot:
        await transcribe(pilot, "cat.png")
        await until(pilot, lambda: "cat.png is no recording." in words(pilot))
        await transcribe(pilot, " ")
        await until(pilot, lambda: "Type the path of a recording first" in words(pilot))


async def test_a_run_without_a_checkpoint_is_a_sentence(run: RunFolder, services: Services) -> None:
    def none(run: RunFolder) -> Any:
        raise LstmtuiError("It has no checkpoint yet.")

    app = LstmtuiApp(run, screen="type", services=dataclasses.replace(services, open_transcriber=none))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "It has no checkpoint yet. ctrl+r opens it again." in words(pilot))
        await pilot.press("f9")
        await until(pilot, lambda: "ctrl+r loads the model." in words(pilot))


async def test_enter_while_the_model_is_loaded_is_not_lost(run: RunFolder, services: Services) -> None:
    loaded = threading.Event()

    def slow(run: RunFolder) -> Any:
        loaded.wait(10)
        return FakeTranscriber(run)

    app = LstmtuiApp(run, screen="type", services=dataclasses.replace(services, open_transcriber=slow))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, TranscribeScreen))
        await pilot.press(*"a.wav", "enter")
        await until(pilot, lambda: "then the recording is read" in words(pilot))
        loaded.set()
        await until(pilot, lambda: "3 words" in words(pilot))


async def test_escape_ends_a_recording_and_keeps_what_was_found(run: RunFolder, services: Services) -> None:
    ended, opened = threading.Event(), []

    class Slow(FakeTranscriber):
        def __init__(self, run: Any) -> None:
            super().__init__(run)
            opened.append(self)

        def transcribe(self, file: Path, *, on_segment: Any = None, on_progress: Any = None, **options: Any) -> Any:
            found = super().transcribe(file, on_segment=on_segment, on_progress=on_progress, **options)
            if self is opened[0]:
                ended.wait(10)
            return found

        def close(self) -> None:
            ended.set()

    app = LstmtuiApp(run, screen="type", services=dataclasses.replace(services, open_transcriber=Slow))
    async with app.run_test(size=(80, 24)) as pilot:
        await transcribe(pilot, "a.wav")
        await until(pilot, lambda: "Reading a.wav: 83%" in words(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: len(opened) == 2 and "'a.wav' was not read to its end." in words(pilot))
        assert "open" in words(pilot)
        await until(pilot, lambda: app.screen._ready)  # type: ignore[attr-defined]
        assert "'a.wav' was not read to its end." in words(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "3 words" in words(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, TranscribeScreen))


async def test_an_overdriven_recording_is_named(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, screen="type").run_test(size=(120, 40)) as pilot:
        await transcribe(pilot, "clipped.wav")
        await until(pilot, lambda: "It is overdriven (clipped)." in words(pilot))


async def test_t_on_a_speech_run_opens_it_and_escape_goes_back(open_app: Open, run: RunFolder) -> None:
    async with open_app(run).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "t Transcribe" in words(pilot))
        await pilot.press("t")
        await ready(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, LiveScreen | RunsScreen))
