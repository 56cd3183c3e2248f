"""The translating screen with a fake translator."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from support import fake_translator
from support.fake_translator import FakeTranslator
from support.prepared_run import make_run
from support.screens import SIZES, painted, until
from textual.pilot import Pilot
from textual.widgets import TextArea

from lstmtui.errors import UsageError
from lstmtui.runs.folder import RunFolder
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.screens.live import LiveScreen
from lstmtui.tui.screens.runs import RunsScreen
from lstmtui.tui.screens.translate import TranslateScreen, next_word
from lstmtui.tui.services import Services
from lstmtui.tui.widgets.typing_area import TypingArea

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


def target(pilot: Pilot[None]) -> TypingArea:
    return pilot.app.screen.query_one(TypingArea)


@pytest.mark.parametrize("size", SIZES)
async def test_a_sentence_is_translated_while_typed(open_app: Open, run: RunFolder, size: tuple[int, int]) -> None:
    async with open_app(run, "type").run_test(size=size) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, TranslateScreen))
        await pilot.press(*"one", "space", *"two")
        await until(pilot, lambda: target(pilot).suggestion == "TWO ONE")
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
        await until(pilot, lambda: target(pilot).suggestion == "ONE")
        await pilot.press("down", "tab")
        assert target(pilot).text == "TWO ONE!"


async def test_all_of_a_translation_is_accepted(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await type_source(pilot, "one two")
        await pilot.press("tab", "alt+2")
        assert target(pilot).text == "TWO ONE!"


async def test_spaces_and_line_ends_before_the_target_do_not_matter(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await type_source(pilot, "one two")
        area = target(pilot)
        area.load_text("\n  TWO")
        area.move_cursor(area.document.end)
        await until(pilot, lambda: target(pilot).suggestion == " ONE")


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


async def test_an_empty_source_is_not_translated(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await type_source(pilot, "one")
        asked = len(fake_translator.asked)
        await pilot.press("f8")
        await until(pilot, lambda: "Type a sentence at the left." in painted(pilot.app))
        assert len(fake_translator.asked) == asked


async def test_a_run_that_cannot_be_loaded_is_said(open_app: Open, run: RunFolder, services: Services) -> None:
    def fail(run: RunFolder) -> FakeTranslator:
        raise UsageError("There is no checkpoint yet.")

    app = LstmtuiApp(run, screen="type", services=dataclasses.replace(services, open_translator=fail))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "There is no checkpoint yet. ctrl+r opens it again." in painted(app))
        await pilot.press("a", "tab", "escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))


async def test_the_key_for_typing_opens_it_and_other_screens_say_why_not(open_app: Open, run: RunFolder) -> None:
    async with open_app(run).run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, LiveScreen))
        await until(pilot, lambda: "1,240" in painted(pilot.app))
        await pilot.press("i")
        await until(pilot, lambda: any("not inspected" in note.message for note in pilot.app._notifications))
        await pilot.press("t")
        await until(pilot, lambda: isinstance(pilot.app.screen, TranslateScreen))


def test_the_next_word_has_the_spaces_before_it() -> None:
    assert [next_word(text) for text in (" der Hund", "nd rennt", "", "  ")] == [" der", "nd", "", "  "]
