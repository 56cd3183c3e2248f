"""Random keys, clicks, wheels and sizes raise nothing; THOROUGH=1 makes 20,000 events of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from functools import partial
from pathlib import Path

import pytest
from support.prepared_run import alive, make_run
from support.screens import FakeForecaster, FakeModel, painted, typed, until
from textual import events
from textual.errors import NoWidget
from textual.pilot import OutOfBounds, Pilot

from lstmtui.runs.folder import RunFolder
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.services import Services

EVENTS = 20_000 if os.environ.get("THOROUGH") else 600
A_LIFE = 1000
"""Events after which a new application is tried, on new folders."""
KEYS = (
    *"abcdefghijklmnoprstuvwxyz0123456789[]+-/?.,=", "space", "enter", "escape", "tab", "shift+tab", "up", "down",
    "left", "right", "home", "end", "pageup", "pagedown", "backspace", "delete", "f1", "ctrl+o", "ctrl+p",
    "ctrl+s", "ctrl+z", "shift+left", "alt+1", "ctrl+w", "ctrl+c",
)  # fmt: skip
SIZES = ((80, 24), (120, 40), (200, 60), (40, 12), (20, 5), (1, 1), (3, 2), (300, 3))


async def poke(pilot: Pilot[None], source: random.Random) -> int:
    """Do what a person, or a cat, might do, and return how many events that was; keys come in bursts."""
    kind = source.random()
    width, height = pilot.app.size
    place = (source.randrange(max(1, width)), source.randrange(max(1, height)))
    if kind < 0.75:
        burst = source.choices(KEYS, k=source.randint(1, 12))
        for key in burst:
            typed(pilot.app, key)
            await asyncio.sleep(0)
        await asyncio.sleep(0.02)
        return len(burst)
    if kind < 0.85:
        with contextlib.suppress(OutOfBounds, NoWidget):  # of the pilot: a screen not laid out yet
            await pilot.click(offset=place)
    elif kind < 0.94:
        wheel = source.choice((events.MouseScrollUp, events.MouseScrollDown))
        with contextlib.suppress(NoWidget):
            widget, region = pilot.app.screen.get_widget_at(*place)
            x, y = place[0] - region.x, place[1] - region.y
            widget.post_message(wheel(widget, x, y, 0, 0, 0, False, False, False, *place))
    else:
        await pilot.resize_terminal(*source.choice(SIZES))
    return 1


def lives(app: LstmtuiApp) -> bool:
    return app.is_running and app._exit is False


def whole(app: LstmtuiApp) -> bool:
    """Return whether something stands on every line, or there is nothing to paint on any more."""
    return not lives(app) or len(painted(app).splitlines()) == app.size.height


@pytest.mark.parametrize("life", range(-(-EVENTS // A_LIFE)))
async def test_nothing_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, life: int) -> None:
    text = tmp_path / "texts" / "a.txt"
    text.parent.mkdir()
    text.write_text("some text " * 500)
    monkeypatch.chdir(text.parent)
    monkeypatch.setenv("LSTMTUI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("lstmtui.data.default_corpus.text", lambda *_: b"text " * 1000)
    monkeypatch.setattr("lstmtui.data.catalogue.fetch_entry", lambda *_, **__: [])
    source = random.Random(life)
    root = tmp_path / "runs"

    def create(*_: object, **__: object) -> RunFolder:
        return make_run(root, f"made-{source.randrange(10**9)}", state="stopped")

    def fork(*_: object, **__: object) -> tuple[RunFolder, int]:
        return create(), 5

    services = Services(
        root=root, open_model=lambda run: FakeModel(), create=create, fork=fork, start=lambda run: None,
        forecaster=FakeForecaster,
    )  # fmt: skip
    done, most = 0, min(A_LIFE, EVENTS - life * A_LIFE)
    while done < most:
        live = make_run(root, f"live-{done}-{life}", cell=source.choice(("lstm", "gru", "rnn")))
        make_run(root, f"ended-{done}-{life}", state=source.choice(("finished", "failed", "diverged")))
        with alive(live):
            app = LstmtuiApp(source.choice((live, None)), screen="live", services=services)
            async with app.run_test(size=source.choice(SIZES)) as pilot:
                while done < most and lives(app):
                    done += await poke(pilot, source)
                    if source.random() < 0.1:
                        await pilot.pause(0.1)
                await until(pilot, partial(whole, app), 60)
