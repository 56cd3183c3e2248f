"""The form of a new run, its plan, and choosing a text."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.pictures import caption_table
from support.prepared_run import make_run
from support.screens import SIZES, FakeForecaster, control_characters, painted, until
from support.speech_run import manifest
from textual.pilot import Pilot
from textual.widgets import OptionList

from lstmtui.config import Settings
from lstmtui.errors import UsageError
from lstmtui.runs.folder import RunFolder
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.screens.corpus import CorpusScreen, Files
from lstmtui.tui.screens.live import LiveScreen
from lstmtui.tui.screens.new_run import CELLS, NO_PAIRS, NewRunScreen
from lstmtui.tui.screens.runs import RunsScreen
from lstmtui.tui.screens.text_input import TextInputScreen
from lstmtui.tui.services import Services
from lstmtui.tui.widgets.fields import LineInput, Picker, Selector

Open = Callable[..., LstmtuiApp]


@pytest.fixture(autouse=True)
def own_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the form begin with a text of this test, since making the default one takes seconds."""
    text = tmp_path / "texts" / "diary.txt"
    text.parent.mkdir()
    text.write_text("Dear diary, nothing happened today. " * 400)
    monkeypatch.chdir(text.parent)
    real = NewRunScreen.__init__

    def begun(self: NewRunScreen, services: Services, corpus: tuple[str, ...]) -> None:
        real(self, services, (str(text),))

    monkeypatch.setattr(NewRunScreen, "__init__", begun)
    return text


async def formed(pilot: Pilot[None]) -> NewRunScreen:
    """Open the form from the list of runs."""
    await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen) and pilot.app.screen.runs is not None)
    await pilot.press("n")
    await until(pilot, lambda: isinstance(pilot.app.screen, NewRunScreen) and pilot.app.screen.is_mounted)
    await pilot.pause()
    screen = pilot.app.screen
    assert isinstance(screen, NewRunScreen)
    return screen


async def test_every_size(open_app: Open) -> None:
    async with open_app().run_test(size=(200, 60)) as pilot:
        screen = await formed(pilot)
        await until(pilot, lambda: "tokens_per_second" in screen._plan_figures)
        for size in SIZES:
            await pilot.resize_terminal(*size)
            text = painted(pilot.app)
            assert len(text.splitlines()) == size[1]
            if size[1] >= 12:
                assert "cell" in text
            if size >= (80, 24):
                for said in ("812k", "FLOP a token", "84 MB", "26.3k", "3 min 00 s", "name", "^s Start"):
                    assert said in text, said


async def test_every_size_of_choosing_a_text(open_app: Open) -> None:
    async with open_app().run_test(size=(200, 60)) as pilot:
        await formed(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, CorpusScreen) and "diary.txt" in painted(pilot.app))
        for size in SIZES:
            await pilot.resize_terminal(*size)
            text = painted(pilot.app)
            assert len(text.splitlines()) == size[1]
            assert "path of a" in text or size[0] < 20, size
            assert ("default" in text and "diary.txt" in text) or size[1] < 12, size


async def test_a_plan_follows_what_is_typed(open_app: Open, forecaster: FakeForecaster) -> None:
    async with open_app().run_test(size=(100, 30)) as pilot:
        screen = await formed(pilot)
        await pilot.press("tab", "tab", "tab", "right", "tab", "right", "right", "tab", *"77", "tab", *"2.5")
        await until(pilot, lambda: forecaster.asked and forecaster.asked[-1].length.minutes == 2.5)
        asked = forecaster.asked[-1]
        assert (asked.network.cell, asked.network.layers, asked.network.hidden) == ("peephole", 2, 77)
        assert asked.length.batch is not None  # what the recipe is asked of has nothing left open
        await until(pilot, lambda: "2 min 30 s" in painted(pilot.app))
        assert screen.settings().batch is None


async def test_the_purpose_chooses_the_rest(open_app: Open, forecaster: FakeForecaster) -> None:
    async with open_app().run_test(size=(80, 24)) as pilot:
        screen = await formed(pilot)
        await until(pilot, lambda: forecaster.asked and forecaster.asked[-1].data.tokens == "chars")
        await pilot.press("tab", "right")
        assert "▸ autocomplete" in painted(pilot.app)
        await until(pilot, lambda: forecaster.asked[-1].data.tokens == "bpe")
        assert (forecaster.asked[-1].data.purpose, forecaster.asked[-1].network.layers) == ("autocomplete", 1)
        assert screen.settings().purpose == "autocomplete"
        await pilot.press("tab", "right")
        await until(pilot, lambda: forecaster.asked[-1].data.tokens == "chars")  # as it was asked for


@pytest.mark.parametrize("planned", [True, False], ids=["planned", "at once"])
@pytest.mark.parametrize("reason", ["encoding", "network"])
async def test_what_cannot_be_planned_is_not_started(
    services: Services, own_text: Path, forecaster: FakeForecaster, started: list[RunFolder], planned: bool, reason: str
) -> None:
    made: list[Settings] = []

    def create(settings: Settings, **_: object) -> RunFolder:
        made.append(settings)
        return make_run(services.root, "made", state=None)

    if reason == "encoding":
        own_text.write_bytes(b"\x93quoted\x94 " * 400)
    else:
        forecaster.error = UsageError("That network does not fit.")
    app = LstmtuiApp(services=dataclasses.replace(services, create=create))
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        screen = await formed(pilot)
        if planned:
            await until(pilot, lambda: bool(screen._problem))
        await pilot.press("ctrl+s")
        words = "no valid UTF-8" if reason == "encoding" else "does not fit"
        await until(pilot, lambda: any(words in n.message for n in pilot.app._notifications))
        assert pilot.app.screen is screen
        assert not made
        assert not started
        own_text.write_text("Dear diary, nothing happened today. " * 400)  # and when it is mended, it starts
        forecaster.error = None
        await pilot.press("tab", "right", "ctrl+s")
        await until(pilot, lambda: isinstance(pilot.app.screen, LiveScreen))
        assert [settings.purpose for settings in made] == ["autocomplete"]


async def test_a_path_of_nothing_is_not_the_current_folder(open_app: Open) -> None:
    async with open_app().run_test(size=(100, 30)) as pilot:
        screen = await formed(pilot)
        for typed in ("", " "):
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, CorpusScreen))
            pilot.app.screen.query_one("#path", LineInput).value = typed
            await pilot.press("enter")
            assert isinstance(pilot.app.screen, CorpusScreen)
            await pilot.press("escape")
            await until(pilot, lambda: pilot.app.screen is screen)
        pilot.app.push_screen(TextInputScreen("as it was"))
        await until(
            pilot, lambda: isinstance(pilot.app.screen, TextInputScreen) and bool(pilot.app.screen.query("#file"))
        )
        pilot.app.screen.query_one("#file").focus()
        await pilot.press("enter")
        await until(pilot, lambda: "Give the path of a file." in painted(pilot.app))


async def test_each_cell_has_a_line(open_app: Open) -> None:
    async with open_app().run_test(size=(80, 24)) as pilot:
        screen = await formed(pilot)
        screen.query_one("#cell").focus()
        first = list(CELLS).index("lstm")  # the one that is chosen
        for cell, about in [*CELLS.items()][first:]:
            await until(pilot, lambda said=f"▸ {cell:<9} {about}": said in painted(pilot.app))  # type: ignore[misc]
            await pilot.press("right")


async def test_what_cannot_be_is_said_instead_of_a_plan(open_app: Open, forecaster: FakeForecaster) -> None:
    async with open_app().run_test(size=(100, 30)) as pilot:
        screen = await formed(pilot)
        screen.query_one("#dropout").focus()
        await pilot.press(*"5")
        await until(pilot, lambda: "--dropout:" in painted(pilot.app))
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert pilot.app.screen is screen
        forecaster.error = UsageError("That network does not fit.")
        await pilot.press("backspace")
        await until(pilot, lambda: "does not fit" in painted(pilot.app))


async def test_starting_makes_the_run_and_opens_it(
    tmp_path: Path, services: Services, started: list[RunFolder]
) -> None:
    made: list[tuple[Settings, Any]] = []

    def create(settings: Settings, *, name: str | None, root: Path) -> RunFolder:
        made.append((settings, name))
        return make_run(root, name or "auto", state=None)

    app = LstmtuiApp(services=dataclasses.replace(services, create=create))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await formed(pilot)
        screen.query_one("#name").focus()
        await pilot.press(*"mine", "ctrl+s", "ctrl+s")
        await until(pilot, lambda: isinstance(pilot.app.screen, LiveScreen))
        assert [run.name for run in started] == ["mine"]
        assert [name for _, name in made] == ["mine"]


async def test_a_refusal_keeps_the_form(services: Services) -> None:
    async with LstmtuiApp(services=services).run_test(size=(80, 24)) as pilot:
        screen = await formed(pilot)
        for _ in range(2):
            await pilot.press("ctrl+s")
            await until(pilot, lambda: any("makes no runs" in n.message for n in pilot.app._notifications))
            pilot.app.clear_notifications()
        assert pilot.app.screen is screen


async def test_a_text_by_its_path(open_app: Open, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("words " * 100)
    async with open_app().run_test(size=(100, 30)) as pilot:
        screen = await formed(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, CorpusScreen))
        await pilot.press(*"nowhere.txt", "enter")
        await until(pilot, lambda: "no file, folder or set" in painted(pilot.app))
        pilot.app.screen.query_one("#path", LineInput).value = str(other)
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert screen.settings().corpus == (str(other),)
        assert "other.txt" in painted(pilot.app)


async def test_a_named_text_and_a_file_of_the_tree(open_app: Open, own_text: Path) -> None:
    async with open_app().run_test(size=(100, 30)) as pilot:
        screen = await formed(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, CorpusScreen))
        named = pilot.app.screen.query_one(OptionList)
        names = [named.get_option_at_index(i).id for i in range(named.option_count)]
        assert names[0] == "default"
        assert {"ptb", "reber"} <= set(names)
        named.focus()
        named.highlighted = names.index("reber")
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert screen.settings().corpus == ("reber",)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, CorpusScreen))
        files = pilot.app.screen.query_one(Files)
        await until(pilot, lambda: len(files.root.children) == 1)
        files.focus()
        await pilot.press("down", "enter")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert screen.settings().corpus == (str(own_text),)


async def test_a_set_that_is_not_here_is_fetched_after_a_question(
    open_app: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LSTMTUI_CACHE", str(tmp_path / "cache"))
    fetched: list[str] = []
    monkeypatch.setattr("lstmtui.data.catalogue.fetch_entry", lambda entry, report: fetched.append(entry.name))
    async with open_app().run_test(size=(100, 30)) as pilot:
        screen = await formed(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, CorpusScreen))
        await pilot.press(*"ptb", "enter")
        await until(pilot, lambda: "Download ptb" in painted(pilot.app))
        await pilot.press("n", "enter")
        await until(pilot, lambda: "Download ptb" in painted(pilot.app))
        assert fetched == []
        await pilot.press("y")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert fetched == ["ptb"]


async def test_file_names_are_made_safe(open_app: Open, own_text: Path) -> None:
    (own_text.parent / "\x1b[31m[red]x\u202e\x9b.txt").write_text("x")
    async with open_app().run_test(size=(100, 30)) as pilot:
        await formed(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "[red]x" in painted(pilot.app))
        pilot.app.screen.query_one(Files).focus()
        await pilot.press("down", "down", "down")
        await pilot.pause()
        assert control_characters(painted(pilot.app)) == set()


async def test_what_is_left_out_of_a_folder_stands_in_the_plan(open_app: Open, own_text: Path) -> None:
    (own_text.parent / "old.txt").write_bytes("Später größer".encode("cp1252"))
    async with open_app().run_test(size=(160, 50)) as pilot:
        screen = await formed(pilot)
        screen._corpus = (str(own_text.parent),)
        screen._plan_soon()
        await until(pilot, lambda: "left out" in painted(pilot.app))
        said = " ".join(painted(pilot.app).split())
        assert "old.txt" in said
        assert "windows-1252" in said


async def test_a_translation_takes_two_files_or_a_table(
    open_app: Open, own_text: Path, services: Services, forecaster: FakeForecaster, started: list[RunFolder]
) -> None:
    (own_text.parent / "pairs.en").write_text("one two .\n" * 50)
    (own_text.parent / "pairs.de").write_text("eins zwei .\n" * 50)
    made: list[Settings] = []

    def create(settings: Settings, **_: object) -> RunFolder:
        made.append(settings)
        return make_run(services.root, "made", state=None)

    app = LstmtuiApp(services=dataclasses.replace(services, create=create))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await formed(pilot)
        assert "target" not in painted(app)
        screen._choose(("default",), is_target=False)
        screen.query_one("#purpose", Selector).value = "translation"
        await until(pilot, lambda: "A translator is trained" in painted(app))
        assert "‹ gru ›" in painted(app)
        screen.query_one("#corpus").focus()
        for name, until_shown in (("pairs.en", "pairs.en …"), ("pairs.de", "pairs.de …")):
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, CorpusScreen))
            assert not app.screen.query(OptionList)
            await pilot.press(*name, "enter")
            await until(pilot, lambda sign=until_shown: app.screen is screen and sign in painted(app))  # type: ignore[misc]
            await pilot.press("down")
        await until(pilot, lambda: "en to de" in painted(app))
        text = painted(app)
        for said in ("source", "target", "tokens per side", "gru 1×128", "name", "in all"):
            assert said in text, said
        assert all(asked.data.purpose == "text" for asked in forecaster.asked)  # a forecast is of a language model
        screen.query_one("#target").focus()
        await pilot.press("delete")
        await until(pilot, lambda: "pairs.en" in screen._problem or "tab" in screen._problem)
        screen._choose((str(own_text.parent / "pairs.de"),), is_target=True)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        (settings,) = made
        assert (settings.purpose, settings.cell, settings.tokens) == ("translation", "gru", "auto")
        assert [Path(name).name for name in settings.corpus] == ["pairs.en", "pairs.de"]


async def test_a_chosen_cell_stays(open_app: Open) -> None:
    async with open_app().run_test(size=(80, 24)) as pilot:
        screen = await formed(pilot)
        purpose, cell = screen.query_one("#purpose", Selector), screen.query_one("#cell", Selector)
        for chosen, of_text in (("lstm", "lstm"), ("peephole", "peephole")):
            purpose.value, cell.value = "text", chosen
            await pilot.pause()
            purpose.value = "translation"
            await pilot.pause()
            assert cell.value == ("gru" if chosen == "lstm" else chosen)
            purpose.value = "text"
            await pilot.pause()
            assert cell.value == of_text


async def test_speech_asks_for_recordings(open_app: Open, forecaster: FakeForecaster, tmp_path: Path) -> None:
    table = manifest(tmp_path)
    app = open_app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await formed(pilot)
        screen._choose(NO_PAIRS, is_target=False)
        screen.query_one("#purpose", Selector).value = "speech"
        await until(pilot, lambda: screen._problem.startswith("Speech is learnt from recordings"))
        assert screen.query_one("#corpus", Picker).value == "none"
        screen._choose((str(table),), is_target=False)
        await until(pilot, lambda: "log-mel" in painted(app))
        assert "recordings.tsv" in painted(app)


async def test_captions_ask_for_pictures(open_app: Open, forecaster: FakeForecaster, tmp_path: Path) -> None:
    table = caption_table(tmp_path, ("valid", *["train"] * 3))
    app = open_app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await formed(pilot)
        screen._choose(NO_PAIRS, is_target=False)
        screen.query_one("#purpose", Selector).value = "captions"
        await until(pilot, lambda: screen._problem.startswith("Captions are learnt from pictures"))
        assert screen.query_one("#corpus", Picker).value == "none"
        screen._choose((str(table),), is_target=False)
        await until(pilot, lambda: "along rows, then columns" in painted(app))
        assert table.name in painted(app)
