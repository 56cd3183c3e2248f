"""The list of runs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.prepared_run import NOW, alive, make_run
from support.screens import SIZES, control_characters, painted, until
from textual.pilot import Pilot

from lstmtui.config import Settings
from lstmtui.runs.folder import RunFolder
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.screens.corpus import CorpusScreen
from lstmtui.tui.screens.live import LiveScreen
from lstmtui.tui.screens.new_run import NewRunScreen
from lstmtui.tui.screens.runs import RunsScreen
from lstmtui.tui.screens.type import TypeScreen
from lstmtui.tui.services import Services

Open = Callable[..., LstmtuiApp]


async def listed(pilot: Pilot[None]) -> RunsScreen:
    """Wait until the runs were read, and return the screen."""
    await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen) and pilot.app.screen.runs is not None)
    await pilot.pause()
    screen = pilot.app.screen
    assert isinstance(screen, RunsScreen)
    return screen


@pytest.fixture
def three(tmp_path: Path) -> list[RunFolder]:
    now = time.time()
    return [
        make_run(tmp_path, "mail-lstm", state="finished", step=2900, beat=now - 100),
        make_run(tmp_path, "novel-gru", state="stopped", cell="gru", tokens="words", beat=now - 7300),
        make_run(tmp_path, "notes-rnn", state="training", cell="rnn", beat=now - 90_000),
    ]


async def test_an_empty_list_says_what_this_is_and_offers_three_starts(open_app: Open) -> None:
    async with open_app().run_test(size=(80, 24)) as pilot:
        await listed(pilot)
        text = painted(pilot.app)
        for said in ("lstmtui trains recurrent networks", "built-in text", "a file of yours", "the demo"):
            assert said in text, said
        await pilot.press("t", "d", "r", "m", "c")
        assert isinstance(pilot.app.screen, RunsScreen)
        for size in SIZES:
            await pilot.resize_terminal(*size)
            assert len(painted(pilot.app).splitlines()) == size[1]


async def test_enter_trains_on_the_built_in_text(tmp_path: Path, started: list[RunFolder]) -> None:
    asked: list[tuple[str, ...]] = []

    def create(settings: Settings, **_: object) -> RunFolder:
        asked.append(settings.corpus)
        return make_run(tmp_path, state="training")

    app = LstmtuiApp(services=Services(root=tmp_path, create=create, start=started.append))
    async with app.run_test(size=(80, 24)) as pilot:
        await listed(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
    assert asked == [("default",)]
    assert [run.name for run in started] == ["diary-lstm"]


async def test_a_file_is_chosen_first_and_its_form_follows(
    open_app: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = tmp_path / "novel.txt"
    text.write_text("a text " * 100)
    monkeypatch.setattr(NewRunScreen, "_forecast", lambda *_: None)
    async with open_app().run_test(size=(80, 24)) as pilot:
        await listed(pilot)
        await pilot.click("#starts", offset=(5, 2))
        await until(pilot, lambda: isinstance(pilot.app.screen, CorpusScreen) and pilot.app.screen.is_mounted)
        pilot.app.screen.dismiss((str(text),))
        await until(pilot, lambda: isinstance(pilot.app.screen, NewRunScreen) and text.name in painted(pilot.app))


async def test_the_demo_is_played_until_its_screen_is_left(tmp_path: Path) -> None:
    playing: list[bool] = []

    @contextmanager
    def demo() -> Iterator[RunFolder]:
        playing.append(True)
        yield make_run(tmp_path, "demo", state="finished")
        playing.append(False)

    app = LstmtuiApp(services=Services(root=tmp_path / "none", demo=demo))
    async with app.run_test(size=(80, 24)) as pilot:
        await listed(pilot)
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen) and "demo" in painted(app))
        assert playing == [True]
        await pilot.press("escape")
        await until(pilot, lambda: playing == [True, False] and isinstance(app.screen, RunsScreen))


async def test_the_chosen_run_has_its_curve_sample_and_gates_below(open_app: Open, tmp_path: Path) -> None:
    now = time.time()
    make_run(tmp_path, "three", state="stopped", samples=(), probes=0, beat=now - 999)
    make_run(tmp_path, "two", state="finished", samples=("It was a bright day.",), cell="gru", beat=now - 99)
    make_run(tmp_path, "one", state="finished", samples=("Call me Ishmael.",), beat=now)
    async with open_app().run_test(size=(80, 24)) as pilot:
        await listed(pilot)
        await until(pilot, lambda: "Call me Ishmael." in painted(pilot.app) and "1·f" in painted(pilot.app))
        await pilot.press("down")
        await until(pilot, lambda: "It was a bright day." in painted(pilot.app) and "1·z" in painted(pilot.app))
        assert "1·f" not in painted(pilot.app)
        assert "Loss of two" in painted(pilot.app)
        await pilot.press("down")
        await until(pilot, lambda: "No sample yet." in painted(pilot.app))
        assert "1·z" not in painted(pilot.app)
        await pilot.resize_terminal(120, 16)  # too low for gates, and for the panels below 20 rows
        assert "No sample yet." not in painted(pilot.app)


async def test_marked_runs_are_deleted_together(open_app: Open, three: list[RunFolder]) -> None:
    async with open_app().run_test(size=(120, 40)) as pilot:
        await listed(pilot)
        await pilot.press("m", "m", "d")
        await until(pilot, lambda: "Delete 2 runs" in painted(pilot.app))
        named = [run for run in three if f"'{run.name}'" in painted(pilot.app)]
        assert len(named) == 2
        await pilot.press("y")
        await until(pilot, lambda: not any(run.path.exists() for run in named))
        assert sum(run.path.exists() for run in three) == 1


async def test_a_run_that_trains_is_named_and_nothing_is_deleted(open_app: Open, tmp_path: Path) -> None:
    stopped, training = make_run(tmp_path, "a", state="stopped"), make_run(tmp_path, "b")
    with alive(training):
        async with open_app().run_test(size=(120, 40)) as pilot:
            screen = await listed(pilot)
            await until(pilot, lambda: len(screen.listed()) == 2)
            await pilot.press("m", "m", "d")
            await until(pilot, lambda: any("'b' is being trained" in n.message for n in pilot.app._notifications))
            assert isinstance(pilot.app.screen, RunsScreen)
    assert stopped.path.exists()


async def test_a_click_marks(open_app: Open, three: list[RunFolder]) -> None:
    async with open_app().run_test(size=(120, 40)) as pilot:
        screen = await listed(pilot)
        await pilot.click("#runs", offset=(1, 2))
        await until(pilot, lambda: "1 marked" in painted(pilot.app))
        assert screen.current is not None
        assert screen.current.run.name == screen.listed()[1].run.name
        await pilot.click("#runs", offset=(1, 2))
        await until(pilot, lambda: "marked" not in painted(pilot.app))
        assert isinstance(pilot.app.screen, RunsScreen)


async def test_each_run_is_told(open_app: Open, three: list[RunFolder]) -> None:
    async with open_app().run_test(size=(120, 40)) as pilot:
        await listed(pilot)
        text = painted(pilot.app)
        for said in ("✓ finished", "■ stopped 43%", "✗ crashed 43%", "gru 2×48", "bpc", "ppl", "2 h", "diary.txt"):
            assert said in text, said
        assert "█" in text
        assert "Loss of" in text


async def test_every_size(open_app: Open, three: list[RunFolder]) -> None:
    async with open_app().run_test(size=(200, 60)) as pilot:
        await listed(pilot)
        for size in SIZES:
            await pilot.resize_terminal(*size)
            await pilot.press("down", "down", "up")
            await pilot.pause()
            text = painted(pilot.app)
            assert len(text.splitlines()) == size[1]
            if size[0] >= 20:
                assert "novel-gru" in text


async def test_enter_opens_and_t_types(open_app: Open, three: list[RunFolder]) -> None:
    async with open_app().run_test(size=(80, 24)) as pilot:
        screen = await listed(pilot)
        await pilot.press("down")
        chosen = screen.current
        assert chosen is not None
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, LiveScreen))
        await until(pilot, lambda: chosen.run.name in painted(pilot.app).splitlines()[0])
        await pilot.press("escape")
        await listed(pilot)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(pilot.app.screen, TypeScreen))


async def test_r_resumes_and_opens(open_app: Open, tmp_path: Path, started: list[RunFolder]) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app().run_test(size=(80, 24)) as pilot:
        await listed(pilot)
        await pilot.press("r")
        await until(pilot, lambda: started == [run] and isinstance(pilot.app.screen, LiveScreen))


async def test_delete_asks_first(open_app: Open, tmp_path: Path) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app().run_test(size=(80, 24)) as pilot:
        await listed(pilot)
        for no in ("n", "escape", "enter"):
            await pilot.press("d")
            await until(pilot, lambda: "This cannot be undone." in painted(pilot.app))
            await pilot.press(no)
            await listed(pilot)
        assert run.config.exists()
        await pilot.press("d", "y")
        await until(pilot, lambda: not run.path.exists())
        await until(pilot, lambda: "Train on the built-in text" in painted(pilot.app))


async def test_a_living_run_is_not_deleted(open_app: Open, tmp_path: Path) -> None:
    run = make_run(tmp_path)
    with alive(run):
        async with open_app().run_test(size=(80, 24)) as pilot:
            await listed(pilot)
            await pilot.press("d")
            await until(pilot, lambda: any("stop it first" in n.message for n in pilot.app._notifications))
            assert isinstance(pilot.app.screen, RunsScreen)
    assert run.config.exists()


async def test_n_opens_a_form(open_app: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NewRunScreen, "_forecast", lambda *_: None)  # it would put the default text together
    async with open_app().run_test(size=(80, 24)) as pilot:
        await listed(pilot)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, NewRunScreen) and pilot.app.screen.focused is not None)
        await pilot.pause()
        await pilot.press("escape")
        await listed(pilot)


async def test_a_filter_is_a_regular_expression_over_what_a_run_is(open_app: Open, three: list[RunFolder]) -> None:
    async with open_app().run_test(size=(120, 40)) as pilot:
        screen = await listed(pilot)
        await pilot.press("slash", *"gru|^notes")
        await until(pilot, lambda: {run.run.name for run in screen.listed()} == {"novel-gru", "notes-rnn"})
        assert "2 shown" in painted(pilot.app)
        await pilot.press("enter", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, LiveScreen))
        await pilot.press("escape")
        await listed(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: len(screen.listed()) == 3)


async def test_a_filter_that_is_no_expression_is_looked_for_as_it_stands(
    open_app: Open, three: list[RunFolder]
) -> None:
    async with open_app().run_test(size=(80, 24)) as pilot:
        screen = await listed(pilot)
        await pilot.press("slash", *"[x(")
        await until(pilot, lambda: screen.listed() == ())
        assert "No run matches '[x('" in painted(pilot.app)


async def test_orders_follow_each_other(open_app: Open, three: list[RunFolder]) -> None:
    async with open_app().run_test(size=(120, 40)) as pilot:
        screen = await listed(pilot)
        await pilot.press("o")
        assert [run.run.name for run in screen.listed()] == ["mail-lstm", "notes-rnn", "novel-gru"]
        await pilot.press("o", "o")
        assert screen.listed()[0].run.name == "mail-lstm"  # the one that took all its steps
        assert "by steps" in painted(pilot.app)


async def test_marks_stay_when_the_list_is_read_again(open_app: Open, three: list[RunFolder]) -> None:
    async with open_app().run_test(size=(120, 40)) as pilot:
        screen = await listed(pilot)
        assert screen.check_action("compare", ())  # nothing is marked: all of them
        await pilot.press("m")
        await until(pilot, lambda: not screen.check_action("compare", ()))
        await pilot.press("m")
        await until(pilot, lambda: painted(pilot.app).count("● ") == 2)
        assert screen.check_action("compare", ())
        await pilot.pause(0.5)
        assert painted(pilot.app).count("● ") == 2


async def test_the_list_refreshes_itself_and_keeps_the_cursor(
    open_app: Open, three: list[RunFolder], tmp_path: Path
) -> None:
    async with open_app().run_test(size=(80, 24)) as pilot:
        screen = await listed(pilot)
        await pilot.press("down")
        before = screen.current
        assert before is not None
        make_run(tmp_path, "brand-new", state="finished")
        await until(pilot, lambda: "brand-new" in painted(pilot.app))
        after = screen.current
        assert after is not None
        assert after.run == before.run
        shutil.rmtree(after.run.path)
        await until(pilot, lambda: after.run.name not in painted(pilot.app))
        assert screen.current is not None


async def test_a_folder_with_a_hostile_name(open_app: Open, tmp_path: Path) -> None:
    make_run(tmp_path, "\x1b[2J[red]\u202e\n", state="stopped", beat=NOW)
    async with open_app().run_test(size=(120, 40)) as pilot:
        await listed(pilot)
        await pilot.press("d")
        await until(pilot, lambda: "This cannot be undone." in painted(pilot.app))
        assert control_characters(painted(pilot.app)) == set()
        await pilot.press("n", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, LiveScreen))
        await pilot.pause(0.1)
        assert control_characters(painted(pilot.app)) == set()


async def test_q_leaves(open_app: Open, three: list[RunFolder]) -> None:
    app = open_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await listed(pilot)
        await pilot.press("q")
    assert app.return_code == 0


async def test_marked_runs_are_compared(open_app: Open, three: list[RunFolder]) -> None:
    async with open_app().run_test(size=(120, 40)) as pilot:
        await listed(pilot)
        await pilot.press("m", "m", "c")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "CompareScreen")
        await pilot.press("escape")
        await listed(pilot)


async def test_a_click_on_a_column_sorts(open_app: Open, three: list[RunFolder]) -> None:
    async with open_app().run_test(size=(120, 40)) as pilot:
        screen = await listed(pilot)
        await pilot.click("#runs", offset=(3, 0))
        await until(pilot, lambda: screen.listed()[0].run.name == "mail-lstm" and "by name" in painted(pilot.app))
