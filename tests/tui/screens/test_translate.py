"""The translating screen with a fake translator."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import fake_translator
from support.fake_translator import FakeTranslator
from support.prepared_run import make_run
from support.screens import SIZES, painted, until
from textual.pilot import Pilot
from textual.widgets import TextArea

from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.runs.folder import RunFolder
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.screens import translate
from lstmtui.tui.screens.live import LiveScreen
from lstmtui.tui.screens.runs import RunsScreen
from lstmtui.tui.screens.translate import MAX_LINES, TranslateScreen, next_word
from lstmtui.tui.services import Services
from lstmtui.tui.widgets.target_area import TargetArea

Open = Callable[..., LstmtuiApp]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return make_run(tmp_path, state="finished", purpose="translation", corpus=("a.en", "a.de"))


@pytest.fixture
def services(services: Services) -> Services:
    fake_translator.asked.clear()
    return dataclasses.replace(services, open_translator=FakeTranslator)


async def type_source(pilot: Pilot[None], text: str) -> None:
    pilot.app.screen.query_one("#source", TextArea).load_text(text)
    await until(pilot, lambda: text.split()[0].upper() in painted(pilot.app))


def target(pilot: Pilot[None]) -> TargetArea:
    return pilot.app.screen.query_one(TargetArea)


def words(pilot: Pilot[None]) -> str:
    return " ".join(painted(pilot.app).split())


def grey(pilot: Pilot[None]) -> list[str]:
    return list(target(pilot).continuations)


@pytest.mark.parametrize("size", SIZES)
async def test_a_sentence_is_translated_while_typed(open_app: Open, run: RunFolder, size: tuple[int, int]) -> None:
    async with open_app(run, "type").run_test(size=size) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, TranslateScreen))
        await pilot.press(*"one", "space", *"two")
        await until(pilot, lambda: grey(pilot) == ["TWO ONE"])
        assert fake_translator.asked[-1] == {"lines": ["one two"], "prefixes": None, "nbest": 3}
        if size[0] >= 80 and size[1] >= 24:
            text = painted(pilot.app)
            for sign in ("▸1 TWO ONE  -1.00", " 3 TWO ONE!!", "TWO   ██", " de ", "lstm 2×48", " ms · "):
                assert sign in text, sign


async def test_tab_goes_to_the_target_and_accepts_the_next_word(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await type_source(pilot, "one two")
        await pilot.press("tab")
        assert target(pilot).has_focus
        await pilot.press("tab")
        assert target(pilot).text == "TWO "
        await until(pilot, lambda: fake_translator.asked[-1]["prefixes"] == ["TWO "])
        await until(pilot, lambda: grey(pilot) == ["ONE"])
        await pilot.press("down", "tab")
        assert target(pilot).text == "TWO ONE!"


async def test_all_of_a_translation_is_accepted(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await type_source(pilot, "one two")
        await pilot.press("tab", "alt+2")
        assert target(pilot).text == "TWO ONE!"


async def test_spaces_before_the_target_do_not_matter(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await type_source(pilot, "one two")
        area = target(pilot)
        area.load_text("  TWO")
        await until(pilot, lambda: grey(pilot) == [" ONE"])


async def test_a_long_translation_is_wrapped(open_app: Open, run: RunFolder) -> None:
    words = [f"word{n}" for n in range(12)]
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await type_source(pilot, " ".join(words))
        area = target(pilot)
        await until(pilot, lambda: area.virtual_size.height > 1)
        shown = " ".join(line[40:] for line in painted(pilot.app).splitlines()[2:6])
        assert [word for word in words if word.upper() not in shown] == []
        await pilot.press("tab", "down", "end", "right")
        assert area.text == "WORD11 "  # the cursor stays in what was typed; right accepts
        assert area.cursor_location == (0, 7)


async def test_lines_are_translated_one_by_one(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(120, 40)) as pilot:
        pilot.app.screen.query_one("#source", TextArea).insert("one two\n\nthree four\nfive")
        await until(pilot, lambda: grey(pilot) == ["TWO ONE", "", "FOUR THREE", "FIVE"])
        assert fake_translator.asked[-2]["lines"] == ["five"]  # the line with the cursor comes first
        assert fake_translator.asked[-1]["lines"] == ["one two", "three four"]
        await until(pilot, lambda: "Translations of line 4" in painted(pilot.app))
        await pilot.press("up")
        await until(pilot, lambda: "▸1 FOUR THREE" in painted(pilot.app) and "line 3 of 4" in painted(pilot.app))
        await pilot.press("tab")
        assert target(pilot).cursor_location == (2, 0)  # of the same line
        await pilot.press("tab", "shift+tab", "up", "up", "tab", "alt+1")
        assert target(pilot).text == "TWO ONE \n\nFOUR "
        await pilot.press("tab", "tab", "shift+tab")
        assert pilot.app.screen.query_one("#source", TextArea).cursor_location == (2, 10)
        await pilot.press("tab")
        await until(pilot, lambda: grey(pilot) == ["", "", "THREE", "FIVE"])
        await pilot.press("f4")
        assert pilot.app.clipboard == "TWO ONE\n\nFOUR THREE\nFIVE"
        await pilot.press("ctrl+z", "up", "up")
        assert target(pilot).cursor_location[0] == 0


async def test_what_is_not_translated_as_it_stands_is_said(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        source = pilot.app.screen.query_one("#source", TextArea)
        source.load_text("\n".join(f"line{n}" for n in range(MAX_LINES + 1)))
        await until(pilot, lambda: f"only the first {MAX_LINES} lines are translated here" in words(pilot))
        await until(pilot, lambda: len(list(filter(None, grey(pilot)))) == MAX_LINES)
        source.load_text("long " * 500)
        await until(pilot, lambda: "more than 2,000 characters is translated in parts" in words(pilot))
        await until(pilot, lambda: sum(len(line.split()) for line in grey(pilot)) == 500)


async def test_an_answer_to_an_earlier_text_is_dropped(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await type_source(pilot, "one two")
        screen = pilot.app.screen
        assert isinstance(screen, TranslateScreen)
        screen.query_one("#source", TextArea).load_text("one two three")
        assert screen._rest(0) == ""  # what was answered belongs to the text before
        await until(pilot, lambda: "THREE TWO ONE" in painted(pilot.app))


async def test_a_beginning_that_cannot_be_written_is_said(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await type_source(pilot, "one")
        target(pilot).load_text("never")
        await until(pilot, lambda: "cannot write a translation that begins with this" in painted(pilot.app))


async def test_an_improbable_beginning_is_said(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await type_source(pilot, "one")
        target(pilot).load_text("rarely")
        await until(pilot, lambda: "very improbable" in painted(pilot.app))
        target(pilot).load_text("ONE")
        await until(pilot, lambda: "improbable" not in painted(pilot.app))


async def test_an_empty_source_is_not_translated(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await type_source(pilot, "one")
        asked = len(fake_translator.asked)
        await pilot.press("f8")
        await until(pilot, lambda: "Type a sentence at the left." in painted(pilot.app))
        assert len(fake_translator.asked) == asked


class HeldTimer:
    """A timer that a test lets go."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback, self.stopped = callback, False

    def stop(self) -> None:
        self.stopped = True


async def test_a_request_waits_until_no_key_comes(
    open_app: Open, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[HeldTimer] = []

    def set_timer(screen: TranslateScreen, delay: float, callback: Callable[[], None]) -> HeldTimer:
        assert delay == translate.REQUEST_DELAY
        held.append(HeldTimer(callback))
        return held[-1]

    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Ready" in painted(pilot.app))
        monkeypatch.setattr(TranslateScreen, "set_timer", set_timer)
        await pilot.press(*"one", "space", *"two")
        await until(pilot, lambda: len(held) == 7)
        assert [timer.stopped for timer in held] == [True] * 6 + [False]
        assert fake_translator.asked == []
        held[-1].callback()
        await until(pilot, lambda: grey(pilot) == ["TWO ONE"])
        assert [question["lines"] for question in fake_translator.asked] == [["one two"]]


class SlowTranslator(FakeTranslator):
    """Gives as many answers as it is let, or ends instead."""

    let = threading.Semaphore(0)
    error: LstmtuiError | None = None
    alive = True

    def search(self, lines: Any, **options: Any) -> Any:
        found = super().search(lines, **options)
        assert type(self).let.acquire(timeout=10)
        if self.error is not None:
            self.alive = False
            raise self.error
        return found


@pytest.fixture
def slow(services: Services, monkeypatch: pytest.MonkeyPatch) -> Services:
    monkeypatch.setattr(SlowTranslator, "let", threading.Semaphore(0))
    monkeypatch.setattr(SlowTranslator, "error", None)
    return dataclasses.replace(services, open_translator=SlowTranslator)


async def test_an_answer_that_comes_late_is_not_shown(run: RunFolder, slow: Services) -> None:
    app = LstmtuiApp(run, screen="type", services=slow)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, TranslateScreen) and "Ready" in painted(app))
        source = app.screen.query_one("#source", TextArea)
        source.load_text("one")
        await until(pilot, lambda: len(fake_translator.asked) == 1)
        assert "Translating … the first time" in words(pilot)
        source.load_text("one two")  # while the model works on the text before
        SlowTranslator.let.release()
        await until(pilot, lambda: len(fake_translator.asked) == 2)
        await pilot.pause()
        assert grey(pilot) == [""]
        assert "▸1" not in painted(app)
        SlowTranslator.let.release()
        await until(pilot, lambda: grey(pilot) == ["TWO ONE"])
        assert [question["lines"] for question in fake_translator.asked] == [["one"], ["one two"]]


async def test_a_model_that_ends_is_said_once_and_can_be_opened_again(run: RunFolder, slow: Services) -> None:
    said = "The translator's process ended unexpectedly (no message)."
    app = LstmtuiApp(run, screen="type", services=slow)
    SlowTranslator.let.release(100)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, TranslateScreen) and "Ready" in painted(app))
        source = app.screen.query_one("#source", TextArea)
        source.load_text("one")
        await until(pilot, lambda: grey(pilot) == ["ONE"])
        SlowTranslator.error = LstmtuiError(said)
        source.load_text("one two")
        await until(pilot, lambda: "ctrl+r opens it again." in words(pilot))
        text = words(pilot)
        assert f"{said} ctrl+r opens it again." in text
        assert text.count("ended") == 1
        assert grey(pilot) == [""]
        asked = len(fake_translator.asked)
        source.load_text("one two three")  # typing goes on, without a model
        await pilot.pause(2 * translate.REQUEST_DELAY)
        assert len(fake_translator.asked) == asked
        SlowTranslator.error = None
        await pilot.press("ctrl+r")
        await until(pilot, lambda: grey(pilot) == ["THREE TWO ONE"])


async def test_a_run_that_cannot_be_loaded_is_said(open_app: Open, run: RunFolder, services: Services) -> None:
    def fail(run: RunFolder) -> FakeTranslator:
        raise UsageError("There is no checkpoint yet.")

    app = LstmtuiApp(run, screen="type", services=dataclasses.replace(services, open_translator=fail))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "There is no checkpoint yet. ctrl+r opens it again." in painted(app))
        await pilot.press("a", "tab", "escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))


async def test_the_key_for_typing_opens_it(open_app: Open, run: RunFolder) -> None:
    async with open_app(run).run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, LiveScreen))
        await until(pilot, lambda: "1,240" in painted(pilot.app))
        await until(pilot, lambda: "t Translate" in painted(pilot.app))
        assert "t Type" not in painted(pilot.app)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(pilot.app.screen, TranslateScreen))


async def test_the_list_of_runs_names_the_key_by_the_run(open_app: Open, run: RunFolder, tmp_path: Path) -> None:
    make_run(tmp_path, name="text", state="finished")
    async with open_app().run_test(size=(120, 40)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, RunsScreen)
        await until(pilot, lambda: screen.current is not None and len(screen.listed()) == 2)
        labels = set()
        for _ in range(2):
            current = screen.current
            assert current is not None
            label = "t Translate" if current.run.path == run.path else "t Type"
            await until(pilot, lambda sign=label: sign in painted(pilot.app))
            labels.add(label)
            await pilot.press("down")
        assert len(labels) == 2
        while screen.current is None or screen.current.run.path != run.path:
            await pilot.press("up")
        await pilot.press("t")
        await until(pilot, lambda: isinstance(pilot.app.screen, TranslateScreen))


def test_the_next_word_has_the_spaces_before_it() -> None:
    assert [next_word(text) for text in (" der Hund", "nd rennt", "", "  ")] == [" der", "nd", "", "  "]
