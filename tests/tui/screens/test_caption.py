"""The captioning screen with a fake captioner."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from support import fake_captioner
from support.fake_captioner import FakeCaptioner
from support.prepared_run import make_run
from support.screens import SIZES, painted, until
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from lstmtui.client.captioner import Caption, Described
from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import RunFolder
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.screens.caption import CaptionScreen
from lstmtui.tui.screens.live import LiveScreen
from lstmtui.tui.screens.runs import RunsScreen
from lstmtui.tui.services import Services
from lstmtui.tui.widgets.caption_list import CaptionList, lines
from lstmtui.tui.widgets.picture_view import PictureView

Open = Callable[..., LstmtuiApp]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return make_run(tmp_path, state="finished", purpose="captions", corpus=("captions.tsv",), tokens="words")


@pytest.fixture
def services(services: Services) -> Services:
    fake_captioner.asked.clear()
    return dataclasses.replace(services, open_captioner=FakeCaptioner)


def words(pilot: Pilot[None]) -> str:
    return " ".join(painted(pilot.app).replace("\u00a0", " ").split())


async def ready(pilot: Pilot[None]) -> CaptionScreen:
    await until(pilot, lambda: isinstance(pilot.app.screen, CaptionScreen) and pilot.app.screen._ready)
    screen = pilot.app.screen
    assert isinstance(screen, CaptionScreen)
    return screen


async def describe(pilot: Pilot[None], file: str) -> CaptionScreen:
    screen = await ready(pilot)
    screen.query_one("#file", Input).value = file
    await pilot.press("enter")
    await until(pilot, lambda: screen.query_one(CaptionList).caption is not None)
    return screen


def test_tokens_stand_as_the_caption_has_them() -> None:
    caption = Caption("woman: light skin tone", -0.1, -0.1, ("woman", ":", "light", "skin", "tone"), ())
    assert [row.plain[-22:] for row in lines(caption, 60, is_chosen=True, word=1)] == ["woman: light skin tone"]
    broken = [row.plain.split("%")[-1].strip() for row in lines(caption, 24, is_chosen=True, word=1)]
    assert broken == ["woman: light", "skin tone"]
    pieces = Caption("a cat", -0.1, -0.1, ("a", " c", "at"), ())
    assert lines(pieces, 60, is_chosen=True, word=0)[0].plain.endswith("a cat")


@pytest.mark.parametrize("size", SIZES)
async def test_a_picture_is_described(open_app: Open, run: RunFolder, size: tuple[int, int]) -> None:
    async with open_app(run, "type").run_test(size=size) as pilot:
        await describe(pilot, "pictures/cat.png")
        assert fake_captioner.asked == [{"files": ["cat"], "nbest": 3, "pixels": True}]
        if size[0] >= 80 and size[1] >= 24:
            await until(pilot, lambda: "a cat" in words(pilot))
            for sign in ("▸ 36.8% a cat", "13.5% a cat", "5.0% a cat", "▀▀▀▀", " ms · → goes from word to word"):
                assert sign in words(pilot), sign


async def test_the_picture_is_bright_where_a_word_has_looked(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(120, 40)) as pilot:
        screen = await describe(pilot, "cat.png")
        view = screen.query_one(PictureView)
        assert view.attention is None
        await pilot.press("right", "right")
        await until(pilot, lambda: "Looked at for 'cat'" in words(pilot))
        assert view.attention == fake_captioner.RIGHT
        assert "word 2 of 2" in words(pilot)
        await pilot.press("right", "left")
        await until(pilot, lambda: "word 1 of 2" in words(pilot))
        assert view.attention == fake_captioner.LEFT
        await pilot.press("home")
        await until(pilot, lambda: view.attention is None)
        await pilot.press("down", "right")
        await until(pilot, lambda: "word 1 of 2" in words(pilot))
        await pilot.press("f4")
        assert pilot.app.clipboard == "very cat"


async def test_enter_goes_back_to_the_path_and_a_dropped_picture_is_described(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        screen = await describe(pilot, "cat.png")
        await pilot.press("enter")
        assert screen.query_one("#file", Input).has_focus
        listed = screen.query_one(CaptionList)
        listed.focus()
        await pilot.pause()
        listed.post_message(events.Paste("'/x/a dog.png'\n"))
        await until(pilot, lambda: "a a dog" in words(pilot))
        assert screen.query_one("#file", Input).value == "'/x/a dog.png'"


async def test_what_is_no_picture_is_a_sentence(open_app: Open, run: RunFolder) -> None:
    async with open_app(run, "type").run_test(size=(80, 24)) as pilot:
        screen = await ready(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "Type the path of a picture first; Tab lists what is here." in words(pilot))
        screen.query_one("#file", Input).value = "none.png"
        await pilot.press("enter")
        await until(pilot, lambda: "The picture none.png is missing." in words(pilot))
        assert screen.query_one("#file", Input).has_focus
        await describe(pilot, "cat.png")


async def test_a_model_that_fails_is_opened_again(open_app: Open, run: RunFolder, services: Services) -> None:
    class Broken(FakeCaptioner):
        def __init__(self, run: RunFolder) -> None:
            raise LstmtuiError("Run 'diary' has no checkpoint yet.")

    opened = [Broken, FakeCaptioner]
    services = dataclasses.replace(services, open_captioner=lambda run: opened.pop(0)(run))
    async with LstmtuiApp(run, screen="type", services=services).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "no checkpoint yet. ctrl+r opens it again." in words(pilot))
        await pilot.press(*"x.png", "enter")
        await until(pilot, lambda: "ctrl+r loads the model." in words(pilot))
        await pilot.press("ctrl+r")
        await ready(pilot)


async def test_enter_while_the_model_loads_waits_for_it(open_app: Open, run: RunFolder, services: Services) -> None:
    import threading

    loaded = threading.Event()

    def slow(run: RunFolder) -> FakeCaptioner:
        loaded.wait(20)
        return FakeCaptioner(run)

    services = dataclasses.replace(services, open_captioner=slow)
    async with LstmtuiApp(run, screen="type", services=services).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, CaptionScreen))
        await pilot.press(*"cat.png", "enter")
        await until(pilot, lambda: "then the picture is described" in words(pilot))
        loaded.set()
        await until(pilot, lambda: "▸ 36.8% a cat" in words(pilot))


async def test_a_model_without_a_caption_says_so(open_app: Open, run: RunFolder, services: Services) -> None:
    class Silent(FakeCaptioner):
        def describe(self, files: object, *, nbest: int = 1, pixels: bool = False) -> list[Described]:
            return [Described("x.png", pixels=bytes(48))]

    services = dataclasses.replace(services, open_captioner=Silent)
    async with LstmtuiApp(run, screen="type", services=services).run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press(*"x.png", "enter")
        await until(pilot, lambda: "The model has no caption for" in words(pilot))


@pytest.mark.parametrize("first", ["live", "runs"])
async def test_t_opens_it(open_app: Open, run: RunFolder, first: str) -> None:
    async with open_app(run if first == "live" else None, first).run_test(size=(80, 24)) as pilot:
        opened = LiveScreen if first == "live" else RunsScreen
        await until(pilot, lambda: isinstance(pilot.app.screen, opened) and "Caption" in words(pilot))
        await pilot.press("t")
        await ready(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, opened))
