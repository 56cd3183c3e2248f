"""Help on the focused part."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from support.prepared_run import make_run
from support.screens import SIZES, live_screen, painted, until

from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.widgets.loss_chart import LossChart

Open = Callable[..., LstmtuiApp]


async def test_help_starts_with_the_focused_part(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app(run).run_test(size=(120, 60)) as pilot:
        screen = await live_screen(pilot)
        screen.query_one(LossChart).focus()
        await pilot.press("f1")
        await until(pilot, lambda: "escape closes" in painted(pilot.app))
        text = painted(pilot.app)
        assert text.index("The chart has the focus") < text.index("thin line is training")
        assert text.index("chart.left") < text.index("live.resume")


async def test_help_fits_every_size(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app(run).run_test(size=(200, 60)) as pilot:
        await live_screen(pilot)
        await pilot.press("f1")
        await until(pilot, lambda: "escape closes" in painted(pilot.app))
        for size in SIZES:
            await pilot.resize_terminal(*size)
            text = painted(pilot.app)
            assert len(text.splitlines()) == size[1]
            assert "sample" in text or size[0] < 20, size
            assert "thin line is training" in text or size[1] < 24, size


async def test_a_word_leaves_the_keys_that_have_to_do_with_it(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app(run).run_test(size=(120, 60)) as pilot:
        await live_screen(pilot)
        await pilot.press("f1", *"zoom")
        await until(pilot, lambda: "chart.closer" in painted(pilot.app))
        text = painted(pilot.app)
        assert re.search(r"│  The chart +│", text)
        assert "live.gradients" not in text
        await pilot.press(*"xyz")
        await until(pilot, lambda: "No key has to do with 'zoomxyz'" in painted(pilot.app))
        await pilot.press("escape")
        await live_screen(pilot)
