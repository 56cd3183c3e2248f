"""Each screen with its colours, at three sizes, compared with what was stored when it was last reviewed.

After a change that is meant, store the new screens with `SNAPSHOTS=write pytest -n0 tests/tui/test_snapshots.py`, and
review them in the diff: characters first, then the styles of each row, then the colours.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from support.fake_captioner import FakeCaptioner
from support.fake_inspector import FakeInspector, flow, measured
from support.fake_transcriber import FakeTranscriber
from support.fake_translator import FakeTranslator
from support.prepared_run import NOW, alive, make_run
from support.screens import FakeForecaster, FakeModel, until
from support.styled_screen import styled_screen
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from lstmtui import manual
from lstmtui.client.model import Candidate
from lstmtui.common.npz import pack
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.services import Services
from lstmtui.tui.textual_patches.screen_text import screen_text

STORED = Path(__file__).parent / "snapshots"
SIZES = ((80, 24), (120, 40), (200, 60))
EVENTS = (
    {"event": "started", "at": NOW - 60},
    {"event": "saved", "step": 600, "at": NOW - 30},
    {"event": "set", "key": "lr", "before": 0.006, "value": 0.003, "step": 500, "at": NOW - 40},
    {"event": "rolled back", "step": 850, "lr_scale": 0.5, "at": NOW - 20},
    {"event": "evaluated", "step": 1200, "nll": 1.52, "best": True, "at": NOW - 2},
)
PAGES = {
    "getting-started": "# Getting started\n\nTrain on a *text* with `lstmtui train`.\n\n## Next\n\n- type\n- watch\n",
    "cells": "# Cells\n\n| cell | for |\n|---|---|\n| lstm | most texts |\n\n    h_t = o * tanh(c_t)\n",
}
TRANSCRIPTS = (
    "reference   two nine zero four\ntranscript  too nine four one\n\nreference   five six\ntranscript  five six\n\n"
    "reference   seven\ntranscript  "
)
CAPTIONS = (
    "picture      a.png\ncaption      red circle\nreference    red circle\n\n"
    "picture      b.png\ncaption      a circle\nreference    blue square with a rather long name\n\n"
    "picture      c.png\ncaption      \nreference    green\n\n"
    "picture      d.png\ncaption      red\nreference    black square"
)
SCREENS: dict[str, tuple[bool, tuple[str, ...], str]] = {
    "runs": (False, (), "Loss of"),
    "new": (False, ("n",), "The text to train on"),
    "corpus": (False, ("n", "enter"), "diary.txt"),
    "compare": (False, ("c",), "Results"),
    "live": (True, (), "Gates by"),
    "live-options": (True, ("y", "s", "a", "v", "v", "]"), "units by training time"),
    "live-distribution": (True, ("v", "v", "v"), "values by training time"),
    "live-scatter": (True, ("v", "v", "v", "v", "v"), "each unit"),
    "live-translation": (True, (), "a token reads"),
    "live-translation-gates": (True, ("v", "v", "]"), "training time"),
    "live-speech": (True, (), "Transcripts at"),
    "live-speech-errors": (True, ("u", "v", "v"), "Errors in percent"),
    "live-captions": (True, (), "Captions at"),
    "steer": (True, ("e",), "learning rate"),
    "fork": (True, ("f",), "begins at"),
    "sample": (True, ("w",), "temperature"),
    "gradients": (True, ("g",), "Half-life"),
    "inspect": (True, ("i",), "Read 32 tokens"),
    "type": (True, ("t",), "▸1"),
    "translate": (True, ("t", *"one two three", "tab", "tab"), "THREE"),
    "caption": (True, ("t", *"cat.png", "enter"), "a cat"),
    "transcribe-speech": (True, ("t", *"a.wav", "enter"), "open it"),
    "help": (True, ("f1",), "escape closes"),
    "manual": (True, ("f1", "f1"), "Getting started"),
    "confirm": (True, ("ctrl+x",), "end its engine"),
}
"""Whether a run is opened, the keys that lead to the screen, and a text on it."""
PURPOSES = {"translat": "translation", "speech": "speech", "caption": "captions"}
"""What the run is for, by a part of the screen's name."""


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Stop the clock and the cursors, and return a folder of runs whose name is the same everywhere."""
    stopped = SimpleNamespace(time=lambda: NOW, strftime=time.strftime, localtime=time.gmtime)
    for module in ("lstmtui.common.units", "lstmtui.tui.wording", "lstmtui.tui.widgets.bars"):
        monkeypatch.setattr(f"{module}.time", stopped)
    for widget in (Input, TextArea):
        monkeypatch.setattr(widget, "cursor_blink", False)
    monkeypatch.setattr(manual, "pages", lambda: {name: page[2:].partition("\n")[0] for name, page in PAGES.items()})
    monkeypatch.setattr(manual, "read", PAGES.__getitem__)
    monkeypatch.setattr("lstmtui.tui.screens.new_run.NewRunScreen._forecast", _no_forecast)
    for screen in ("type.Type", "translate.Translate", "transcribe.Transcribe", "caption.Caption"):  # milliseconds
        monkeypatch.setattr(f"lstmtui.tui.screens.{screen}Screen._set_status", lambda *_, **__: None)
    monkeypatch.setenv("LSTMTUI_CACHE", str(tmp_path / "cache"))
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    (here / "diary.txt").write_text("Dear diary, nothing happened today.")
    return Path("runs")


def _no_forecast(self: object, settings: object, number: int) -> None:
    """Leave the plan empty: its figures follow the recipe, which other tests check."""


class FakeModelToInspect(FakeInspector):
    """A model that completes texts as well."""

    def complete(self, text: str, *, k: int = 5, phrase: bool = False, passed: Sequence[str] = ()) -> list[Candidate]:
        return FakeModel().complete(text, k=k, phrase=phrase, passed=passed)


async def settled(pilot: Pilot[None], sign: str) -> str:
    """Return the screen once it contains `sign` and no longer changes."""
    last, same = "", 0
    for _ in range(200):
        await pilot.pause(0.04)
        now = styled_screen(pilot.app)
        last, same = now, same + 1 if now == last and sign in now else 0
        if same >= 4:
            return last
    raise AssertionError(f"the screen still changes, or has no {sign!r}:\n{last}")


@pytest.mark.parametrize("name", SCREENS)
async def test_the_screen_is_the_stored_one(root: Path, name: str) -> None:
    opens, keys, sign = SCREENS[name]
    measured(make_run(root, "mail-lstm", state="finished", step=2900, beat=NOW - 100), flow(2900, decay=0.95))
    make_run(root, "novel-gru", state="stopped", cell="gru", tokens="words", beat=NOW - 7300)
    purpose = next((purpose for part, purpose in PURPOSES.items() if part in name), "text")
    said = {"speech": TRANSCRIPTS, "captions": CAPTIONS}
    samples = {"samples": (said[purpose],)} if purpose in said else {}
    made = make_run(root, "diary-lstm", beat=NOW, events=EVENTS, probes=8, purpose=purpose, **samples)
    run = measured(made, flow(600), flow(1200, decay=0.9))
    if purpose == "captions":
        pixels = np.stack([np.full((8, 8, 3), 60 * n, np.uint8) for n in range(4)])
        (run.probes / "pictures.npz").write_bytes(pack({"pixels": pixels}))
    services = Services(
        root=root,
        open_model=lambda run: FakeModelToInspect(),
        open_translator=FakeTranslator,
        open_transcriber=FakeTranscriber,
        open_captioner=FakeCaptioner,
        start=lambda run: None,
        forecaster=FakeForecaster,
    )
    app = LstmtuiApp(run if opens else None, screen="live", services=services)
    with alive(run):
        async with app.run_test(size=SIZES[-1]) as pilot:
            await until(pilot, lambda: "1,240" in screen_text(app))
            await pilot.press(*("space" if key == " " else key for key in keys))
            for size in reversed(SIZES):
                await pilot.resize_terminal(*size)
                painted = await settled(pilot, sign)
                stored = STORED / f"{name}-{size[0]}x{size[1]}.txt"
                if os.environ.get("SNAPSHOTS") == "write":
                    STORED.mkdir(exist_ok=True)
                    stored.write_text(painted, encoding="utf-8")
                assert painted == stored.read_text(encoding="utf-8")
