"""The typing screen with a fake model."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from support.prepared_run import make_run
from support.screens import SIZES, FakeModel, control_characters, painted, until
from textual import events
from textual.pilot import Pilot

from lstmtui.client.model import Candidate
from lstmtui.errors import CorruptError, LstmtuiError
from lstmtui.runs.folder import RunFolder
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.screens.live import LiveScreen
from lstmtui.tui.screens.runs import RunsScreen
from lstmtui.tui.screens.type import MAX_CONTEXT, TypeScreen, recent_text
from lstmtui.tui.services import Services
from lstmtui.tui.widgets.typing_area import TypingArea

Open = Callable[..., LstmtuiApp]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return make_run(tmp_path, state="finished")


CHOICES = {
    "down tab": "anction ",
    "down down down tab": "anction ",
    "down up tab": "action is called ",
    "right": "action is called ",
    "alt+1": "action ",
    "alt+2": "anction ",
    "tab space b": "action is called b",
    "tab full_stop": "action is called.",
    "tab left full_stop": "action is called. ",
    "alt+5": "a",
}
"""Keys after an "a", and the text that they make of it."""


def area(pilot: Pilot[None]) -> TypingArea:
    return pilot.app.screen.query_one(TypingArea)


async def proposed(pilot: Pilot[None], text: str) -> None:
    """Wait until the model has said all it has to say about `text`."""

    def told() -> bool:
        screen = pilot.app.screen
        if not isinstance(screen, TypeScreen) or screen.completion is None:
            return False
        return screen.completion.text == text and screen.completion.phrase is not None

    await until(pilot, told)
    await pilot.pause()


async def test_ghost_text_and_candidates(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await proposed(pilot, "")
        await pilot.press("T", "h", "e", "space", "f", "u", "n")
        await proposed(pilot, "The fun")
        text = painted(pilot.app)
        assert "The function is called" in text
        for said in ("▸1 function␣", "2 funnction", "60%", "20%", "lstm 2×48 · chars · step 1,200", " ms · diary-lstm"):
            assert said in text, said


async def test_tab_takes_the_ghost_text(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await proposed(pilot, "")
        await pilot.press("a")
        await proposed(pilot, "a")
        await pilot.press("tab")
        assert area(pilot).text == "action is called "
        assert area(pilot).cursor_location == (0, len("action is called "))
        await proposed(pilot, "action is called ")
        assert "saved 15 of 17 keys · 88%" in painted(pilot.app)


async def test_saved_keys_are_undone_when_what_they_saved_is_deleted(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await proposed(pilot, "")
        await pilot.press("a")
        await proposed(pilot, "a")
        await pilot.press("tab")
        await until(pilot, lambda: "saved 15 of 17 keys · 88%" in painted(pilot.app))
        for _ in range(14):
            await pilot.press("backspace")
        await until(pilot, lambda: "saved 1 of 3 keys · 33%" in painted(pilot.app))
        await pilot.press("ctrl+u")
        await until(pilot, lambda: "saved 0 of 0 keys" in painted(pilot.app))


async def test_choosing(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await proposed(pilot, "")
        for keys, text in CHOICES.items():
            area(pilot).load_text("")
            await proposed(pilot, "")
            await pilot.press("a")
            await proposed(pilot, "a")
            await pilot.press(*keys.split())
            await pilot.pause()
            assert area(pilot).text == text, keys


async def test_the_chosen_candidate_becomes_the_ghost(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await proposed(pilot, "")
        await pilot.press("a")
        await proposed(pilot, "a")
        await pilot.press("down")
        await until(pilot, lambda: area(pilot).suggestion == "nction")
        assert "▸2" in painted(pilot.app)


async def test_a_word_in_place_of_the_one_begun_replaces_it(services: Services, run: RunFolder) -> None:
    class Speller(FakeModel):
        def complete(self, text: str, *, k: int = 5, phrase: bool = False, passed: Sequence[str] = ()) -> list:  # type: ignore[type-arg]
            begun = text.split(" ")[-1]
            return [Candidate("receive", 0.9, len(begun)), Candidate("x", 0.1)][: 1 if phrase else k] if begun else []

    services = dataclasses.replace(services, open_model=lambda run: Speller())
    async with LstmtuiApp(run, screen="type", services=services).run_test(size=(80, 24)) as pilot:
        await pilot.press(*"I", "space", *"reciev")
        await proposed(pilot, "I reciev")
        assert area(pilot).suggestion == ""
        assert "▸1 ↶ receive" in painted(pilot.app)
        await pilot.press("tab")
        await pilot.pause()
        assert area(pilot).text == "I receive "
        assert area(pilot).cursor_location == (0, len("I receive "))
        await until(pilot, lambda: "saved 1 of 10 keys" in painted(pilot.app))  # 8 were typed, and Tab
        await pilot.press("ctrl+z")
        assert area(pilot).text == "I reciev"
        await proposed(pilot, "I reciev")
        await pilot.press("down")
        await until(pilot, lambda: area(pilot).suggestion == "x")
        await pilot.press("alt+1", "full_stop")
        assert area(pilot).text == "I receive."


async def test_the_model_gets_what_stands_before_the_cursor(open_app: Open, run: RunFolder, model: FakeModel) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await proposed(pilot, "")
        area(pilot).load_text("x " * MAX_CONTEXT + "\nsecond line")
        area(pilot).move_cursor((area(pilot).document.line_count - 1, 6))
        await until(pilot, lambda: bool(model.asked) and model.asked[-1].endswith("\nsecond"))
        assert MAX_CONTEXT // 2 <= len(model.asked[-1]) <= MAX_CONTEXT
        await pilot.pause(0.1)
        assert area(pilot).suggestion == ""  # in the middle of a line there is no room for ghost text


async def test_up_and_down_still_walk_through_lines(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await proposed(pilot, "")
        area(pilot).load_text("one\ntwo")
        area(pilot).move_cursor((1, 3))
        await proposed(pilot, "one\ntwo")
        await pilot.press("up")
        assert area(pilot).cursor_location == (0, 3)
        await pilot.press("down")
        assert area(pilot).cursor_location == (1, 3)


async def test_a_slow_model_blocks_no_key_and_the_newest_question_wins(services: Services, run: RunFolder) -> None:
    gate = threading.Event()

    class Slow(FakeModel):
        def complete(self, text: str, *, k: int = 5, phrase: bool = False, passed: Sequence[str] = ()) -> list:  # type: ignore[type-arg]
            self.asked.append(text)
            gate.wait(60)
            return super().complete(text, k=k, phrase=phrase)

    slow = Slow()
    slow_doors = dataclasses.replace(services, open_model=lambda run: slow)
    async with LstmtuiApp(run, screen="type", services=slow_doors).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: slow.asked == [""])
        for key in "abcdef":
            await pilot.press(key)
            await pilot.pause(0.05)
        assert area(pilot).text == "abcdef"
        assert slow.asked == [""]
        gate.set()
        await proposed(pilot, "abcdef")
        assert set(slow.asked) == {"", "abcdef"}


async def test_loading_is_said_and_leaving_does_not_wait_for_it(services: Services, run: RunFolder) -> None:
    gate, model = threading.Event(), FakeModel()

    def load(run: RunFolder) -> FakeModel:
        gate.wait(60)
        return model

    app = LstmtuiApp(run, screen="type", services=dataclasses.replace(services, open_model=load))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Loading the model" in painted(pilot.app))
        await pilot.press("a", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))
        gate.set()
        await until(pilot, lambda: model.closed)


async def test_a_model_that_cannot_be_loaded_is_said(services: Services, run: RunFolder) -> None:
    def refuse(run: RunFolder) -> FakeModel:
        raise CorruptError("There is no checkpoint [yet] in 'diary-lstm'.")

    app = LstmtuiApp(run, screen="type", services=dataclasses.replace(services, open_model=refuse))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "There is no checkpoint [yet] in" in painted(pilot.app))
        await pilot.press("a", "tab")
        assert area(pilot).text == "a"


async def test_an_error_is_said_and_typing_goes_on(open_app: Open, run: RunFolder, model: FakeModel) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await proposed(pilot, "")
        model.error = LstmtuiError("The model is tired.")
        await pilot.press("a")
        await until(pilot, lambda: "The model is tired." in painted(pilot.app))
        model.error = None
        await pilot.press("b")
        await proposed(pilot, "ab")
        assert "tired" not in painted(pilot.app)


async def test_reload_opens_the_model_again(services: Services, run: RunFolder) -> None:
    opened: list[FakeModel] = []

    def load(run: RunFolder) -> FakeModel:
        opened.append(FakeModel())
        return opened[-1]

    app = LstmtuiApp(run, screen="type", services=dataclasses.replace(services, open_model=load))
    async with app.run_test(size=(80, 24)) as pilot:
        await proposed(pilot, "")
        await pilot.press("a", "ctrl+r")
        await until(pilot, lambda: len(opened) == 2 and opened[1].asked[:1] == ["a"])
        assert opened[0].closed
        assert area(pilot).text == "a"
    assert opened[1].closed


async def test_every_size(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(200, 60)) as pilot:
        await proposed(pilot, "")
        for size in SIZES:
            await pilot.resize_terminal(*size)
            area(pilot).load_text("")
            await proposed(pilot, "")
            await pilot.press("a")
            await proposed(pilot, "a")
            assert len(painted(pilot.app).splitlines()) == size[1]
            if size[0] >= 20:
                assert "action is call" in painted(pilot.app)
            if size[0] >= 40:
                assert "nction" in painted(pilot.app)
            await pilot.press("tab")
            assert area(pilot).text == "action is called "


async def test_ghost_text_shows_only_when_the_model_is_sure_enough(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await proposed(pilot, "")
        await pilot.press("a")
        await proposed(pilot, "a")
        assert area(pilot).suggestion == "ction is called"
        assert "sure  60%" in painted(pilot.app)
        for _ in range(7):
            await pilot.press("f7")
        assert area(pilot).suggestion == ""
        assert "from 65%" in painted(pilot.app)
        await pilot.press("down")  # one's own choice shows, sure or not
        assert area(pilot).suggestion == "nction"
        await pilot.press("up", "f6")
        assert area(pilot).suggestion == "ction is called"


async def test_a_text_is_kept_and_forgotten_on_request(open_app: Open, run: RunFolder, model: FakeModel) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await proposed(pilot, "")
        await pilot.press("f2")  # nothing to keep
        area(pilot).load_text("dear old friend")
        await pilot.press("f2")
        await until(pilot, lambda: model.kept == "dear old friend" and "holds 3 words" in painted(pilot.app))
        await pilot.press("f3")
        await until(pilot, lambda: model.kept is None and "deleted" in painted(pilot.app))
        model.about = {**model.about, "put_aside": ["/runs/diary/autocomplete/profile.npz.damaged-1"]}
        await pilot.press("f2")
        await until(pilot, lambda: "damaged one is renamed profile.npz.damaged-1" in painted(pilot.app))


async def test_a_better_checkpoint_is_said(open_app: Open, run: RunFolder, model: FakeModel) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await proposed(pilot, "")
        model.about = {**model.about, "step": 4321}
        await pilot.press("a")
        await until(pilot, lambda: "step 4,321" in painted(pilot.app))


async def test_a_megabyte_pasted_is_taken_and_answered(open_app: Open, run: RunFolder, model: FakeModel) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        await proposed(pilot, "")
        pasted = "some words of a very long line\n" * 33_000
        pilot.app.post_message(events.Paste(pasted))
        await until(pilot, lambda: bool(model.asked) and model.asked[-1].endswith("long line\n"), 30)
        assert len(model.asked[-1]) <= MAX_CONTEXT
        assert len(area(pilot).text) == len(pasted)
        await pilot.press("a")
        await until(pilot, lambda: model.asked[-1].endswith("\na"))


def test_the_model_is_given_the_end_of_a_text_from_a_place_that_moves_seldom() -> None:
    text = "".join(chr(97 + k % 26) for k in range(3 * MAX_CONTEXT))
    starts = {len(text[:end]) - len(recent_text(text[:end])) for end in range(len(text) - 500, len(text))}
    assert len(starts) == 1
    assert all(
        MAX_CONTEXT // 2 <= len(recent_text(text[:end])) <= MAX_CONTEXT for end in range(MAX_CONTEXT, len(text), 999)
    )


async def test_hostile_candidates_and_pastes_leave_no_control_character(services: Services, run: RunFolder) -> None:
    nasty = "\x1b]0;owned\x07[red]\x9b31m\u202e\x00\r\n\u2028end"
    model = FakeModel(candidates=((nasty, 0.5), ("\n", float("nan")), ("", 7.0)), phrase=nasty)
    model.about = {"cell": nasty, "layers": nasty, "hidden": [nasty], "tokens": nasty, "step": nasty}
    app = LstmtuiApp(run, screen="type", services=dataclasses.replace(services, open_model=lambda run: model))
    async with app.run_test(size=(120, 40)) as pilot:
        await proposed(pilot, "")
        assert control_characters(painted(pilot.app)) == set()
        await pilot.press("tab")
        pilot.app.post_message(events.Paste(nasty))
        await until(pilot, lambda: area(pilot).text.count("end") == 2)
        await pilot.pause(0.1)
        assert control_characters(painted(pilot.app)) == set()
        assert area(pilot).text.replace("end ", "end") == 2 * nasty.replace("\r\n", "\n")  # kept as it is


async def test_escape_goes_back_where_one_came_from(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "live").run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, LiveScreen))
        await pilot.press("t")
        await until(pilot, lambda: isinstance(pilot.app.screen, TypeScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, LiveScreen))


async def test_what_was_typed_is_here_again_until_it_is_cleared(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24), notifications=True) as pilot:
        await proposed(pilot, "")
        await pilot.press("a", "b", "c", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))
        await until(pilot, lambda: "Your text is saved" in painted(pilot.app))
        await pilot.press("t")
        await until(pilot, lambda: isinstance(pilot.app.screen, TypeScreen) and area(pilot).text == "abc")
        assert area(pilot).cursor_location == (0, 3)
    async with open_app(run, "type").run_test(
        size=(80, 24), notifications=True
    ) as pilot:  # also after the program was left
        await until(pilot, lambda: area(pilot).text == "abc")
        await pilot.press("f8")
        await until(pilot, lambda: "Clear all 3 characters?" in painted(pilot.app))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, TypeScreen))
        assert area(pilot).text == "abc"
        await pilot.press("f8", "y")
        await until(pilot, lambda: isinstance(pilot.app.screen, TypeScreen) and area(pilot).text == "")
        await pilot.press("escape")
    async with open_app(run, "type").run_test(size=(80, 24), notifications=True) as pilot:
        await proposed(pilot, "")
        assert area(pilot).text == ""


async def test_a_text_that_cannot_be_kept_is_asked_about(
    open_app: Open, run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "typed").write_text("in the way")
    async with open_app(run, "type").run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "cannot be read" in painted(pilot.app))
        await pilot.press("a", "escape")
        await until(pilot, lambda: "Leave all the same and lose the text?" in painted(pilot.app))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, TypeScreen))
        assert area(pilot).text == "a"
        await pilot.press("escape", "y")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))


async def test_all_text_is_copied_and_saved_by_key(
    open_app: Open, run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "می\u200cخواهم\n\tx\u2028y"
    async with open_app(run, "type").run_test(size=(120, 40)) as pilot:
        await proposed(pilot, "")
        await pilot.press("f4", "f5", "f8")  # nothing to copy, save or clear
        area(pilot).load_text(text)
        await pilot.press("f4")
        await until(pilot, lambda: "clipboard" in painted(pilot.app))
        assert pilot.app.clipboard == text
        for there in (False, True):
            await pilot.press("f5")
            await until(pilot, lambda: "Save the text" in painted(pilot.app))
            await pilot.press("ctrl+u", *"kept", "enter")
            if there:
                await until(pilot, lambda: "kept exists already" in painted(pilot.app))
                await pilot.press("escape")
            await until(pilot, lambda: isinstance(pilot.app.screen, TypeScreen))
        assert (tmp_path / "kept").read_bytes() == text.encode()
        await pilot.press("f1")
        await until(pilot, lambda: "F4 copies all" in painted(pilot.app))
