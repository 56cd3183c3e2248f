"""Each screen as it was last looked at and found good, at two sizes; SNAPSHOTS=write stores what is painted now."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from run_folder import NOW, alive, make_run
from screen_tests import FakeForecaster, FakeModel, until
from textual.pilot import Pilot

from lstmtui.tui.app import LstmtuiApp, screen_text
from lstmtui.tui.doors import Doors

STORED = Path(__file__).parent / "snapshots"
EVENTS = (
    {"event": "started", "at": NOW - 60},
    {"event": "saved", "step": 600, "at": NOW - 30},
    {"event": "set", "key": "lr", "before": 0.006, "value": 0.003, "step": 500, "at": NOW - 40},
    {"event": "rolled back", "step": 850, "lr_scale": 0.5, "at": NOW - 20},
    {"event": "evaluated", "step": 1200, "nll": 1.52, "best": True, "at": NOW - 2},
)
SCREENS: dict[str, tuple[bool, tuple[str, ...]]] = {
    "runs": (False, ()),
    "new": (False, ("n",)),
    "live": (True, ()),
    "live-looked-into": (True, ("l", "m", "a", "v", "v", "]")),
    "live-scatter": (True, ("v", "v", "v", "v")),
    "steer": (True, ("e",)),
    "fork": (True, ("f",)),
    "help": (True, ("f1",)),
}
"""Whether a run is opened, and the keys that lead there."""


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Stop the clock, and let the root of runs have the same short name everywhere."""
    stopped = SimpleNamespace(time=lambda: NOW, strftime=time.strftime, localtime=time.gmtime)
    for module in ("lstmtui.units", "lstmtui.tui.words", "lstmtui.tui.widgets.bars"):
        monkeypatch.setattr(f"{module}.time", stopped)
    monkeypatch.setattr("lstmtui.tui.screens.new_run.NewRunScreen._forecast", _forecast)
    monkeypatch.chdir(tmp_path)
    return Path("runs")


def _forecast(self: object, settings: object, number: int) -> None:
    """Leave the plan empty: its figures follow the recipe, which other tests look at."""


async def settled(pilot: Pilot[None]) -> str:
    """Return what is painted once it no longer changes."""
    last, same = "", 0
    for _ in range(200):
        await pilot.pause(0.05)
        now = screen_text(pilot.app)
        last, same = now, same + 1 if now == last else 0
        if same >= 4:
            return last
    raise AssertionError(f"never still:\n{last}")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", SCREENS)
async def test_as_it_was(still: Path, name: str, size: tuple[int, int]) -> None:
    opens, keys = SCREENS[name]
    make_run(still, "mail-lstm", state="finished", step=2900, beat=NOW - 100)
    make_run(still, "novel-gru", state="stopped", cell="gru", tokens="words", beat=NOW - 7300)
    run = make_run(still, "diary-lstm", beat=NOW, events=EVENTS, probes=8)
    doors = Doors(root=still, open_model=lambda run: FakeModel(), start=lambda run: None, forecaster=FakeForecaster)
    app = LstmtuiApp(run if opens else None, screen="live", doors=doors)
    with alive(run):
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: "1,240" in screen_text(app))
            await pilot.press(*keys)
            painted = await settled(pilot)
    stored = STORED / f"{name}-{size[0]}x{size[1]}.txt"
    if os.environ.get("SNAPSHOTS") == "write":
        STORED.mkdir(exist_ok=True)
        stored.write_text(painted, encoding="utf-8")
    assert painted == stored.read_text(encoding="utf-8")
