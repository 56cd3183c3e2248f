"""Hostile strings through every widget that shows foreign text; THOROUGH=1 sends 100,000 of them."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.text import Text
from support import tiny
from support.fake_captioner import FakeCaptioner
from support.fake_inspector import FakeInspector, flow, measured
from support.fake_microphone import FakeMicrophone
from support.fake_transcriber import FakeTranscriber
from support.hostile_text import strings
from support.prepared_run import alive, make_run
from support.screens import FakeForecaster, control_characters, painted, until
from textual.app import App, ComposeResult
from textual.events import Paste

from lstmtui.client.captioner import Described
from lstmtui.client.model import Candidate
from lstmtui.client.transcriber import Segment, Transcript, Word
from lstmtui.common.files import append_json_line
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.reader import RunReader
from lstmtui.runs.snapshot import Posteriors, RunSnapshot, Sample, Saturation, TrainPoint
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.messages import GateWindow
from lstmtui.tui.screens.caption import CaptionScreen
from lstmtui.tui.screens.compare import CompareScreen
from lstmtui.tui.screens.confirm import ConfirmScreen
from lstmtui.tui.screens.corpus import CorpusScreen
from lstmtui.tui.screens.fork import ForkScreen
from lstmtui.tui.screens.gradients import GradientsScreen
from lstmtui.tui.screens.inspect import InspectScreen
from lstmtui.tui.screens.live import LiveScreen
from lstmtui.tui.screens.new_run import NewRunScreen
from lstmtui.tui.screens.runs import RunsScreen
from lstmtui.tui.screens.sample import SampleScreen
from lstmtui.tui.screens.save_text import SaveTextScreen
from lstmtui.tui.screens.steer import SteerScreen
from lstmtui.tui.screens.text_input import TextInputScreen
from lstmtui.tui.screens.transcribe import TranscribeScreen
from lstmtui.tui.screens.type import TypeScreen
from lstmtui.tui.services import Services
from lstmtui.tui.widgets.bars import EventLine, ProgressLine, TitleBar
from lstmtui.tui.widgets.candidates import Candidates
from lstmtui.tui.widgets.coded_text import CodedText
from lstmtui.tui.widgets.fields import Field, Form, LineInput, Picker, Selector
from lstmtui.tui.widgets.figures import Figures
from lstmtui.tui.widgets.gate_map import GateMap
from lstmtui.tui.widgets.line_chart import LineChart
from lstmtui.tui.widgets.loss_chart import LossChart
from lstmtui.tui.widgets.panels import SamplePanel
from lstmtui.tui.widgets.posterior_map import PosteriorMap
from lstmtui.tui.widgets.run_columns import RunCells, columns, row
from lstmtui.tui.widgets.token_map import Row, TokenMap
from lstmtui.tui.widgets.transcripts import Transcripts
from lstmtui.tui.widgets.typing_area import TypingArea

PARTS = 50 if os.environ.get("THOROUGH") else 1
COUNT = 2_000 if os.environ.get("THOROUGH") else 1_200
"""Strings of each part."""
EACH = 36
"""Strings that one frame shows."""
SCREENS = 5 if os.environ.get("THOROUGH") else 1
"""Rounds over all screens, each with other strings."""


class Everything(App[None]):
    """Every widget that shows what others wrote."""

    CSS = """
    LossChart, GateMap, SamplePanel, Figures, EventLine { height: 6; }
    LineChart, CodedText, TokenMap, Candidates, HalfLives, TypingArea, PosteriorMap, Transcripts { height: 4; }
    """

    def compose(self) -> ComposeResult:
        yield TitleBar()
        yield ProgressLine()
        yield EventLine()
        yield Figures()
        yield LossChart()
        yield GateMap()
        yield SamplePanel()
        yield PosteriorMap()
        yield Transcripts()
        yield LineChart()
        yield CodedText()
        yield TokenMap()
        yield Candidates()
        yield TypingArea()
        with Form():
            yield Field("choice", Selector(("a",), "a"), about="x")
            yield Field("opener", Picker("a"))
            yield Field("entry", LineInput("", id="entry", placeholder="a"))

    def show(self, base: RunSnapshot, said: list[str]) -> None:
        s = said
        self.query_one(TitleBar).title, self.query_one(TitleBar).remark, self.query_one(TitleBar).state = (
            s[0],
            s[1],
            s[2],
        )
        settings = tiny.run_settings(corpus=(s[3], s[4]), tokens=s[5], cell=s[6])
        status = {**base.status, "preparing": s[7], "preparing_done": 0.5}
        point = TrainPoint(
            step=9, tokens=9, seconds=1, loss=2, lr=0.1, grad_norm=1, clipped=0, tokens_per_second=9, memory_mb=1
        )
        events: tuple[dict[str, Any], ...] = (
            {"event": "answered", "message": s[8]},
            {"event": s[9], "step": 3, s[10]: s[11], "at": s[12]},
            {"event": "set", "key": s[13], "value": s[14], "before": s[15], "step": 5},
        )
        seen = RunSnapshot(
            run=RunFolder(base.run.path), state="preparing", message=s[16], settings=settings, status=status,
            train=(point,), samples=(Sample(step=1, temperature=1.0, prompt=s[17], text=s[18]),), events=events,
        )  # fmt: skip
        for kind in (ProgressLine, Figures, LossChart):
            self.query_one(kind).snapshot = seen
        self.query_one(EventLine).events = events
        self.query_one(EventLine).waiting = ""
        self.query_one(SamplePanel).samples = seen.samples
        half = np.full((1, 2, 4), 0.5, np.float32)
        gates = self.query_one(GateMap)
        gates.probes = (Saturation(step=1, gates=(s[19], s[20]), left=half, right=half),)
        gates.window = GateWindow(step=1, gates=(s[19], s[20]), values=np.full((1, 2, 3, 4), 0.7), text=tuple(s[21:24]))
        gates.view = ("units", "time", "history", "window", "scatter")[len(s[0]) % 5]
        labels = ("", *s[19:24])
        heard = Posteriors(1, np.eye(6, dtype=np.float32), labels, s[17], s[18])
        self.query_one(PosteriorMap).probes = (heard,)
        self.query_one(Transcripts).pairs = ((s[17], s[18]), (s[19], s[19]))
        self.query_one(Selector).values = (s[0], s[1])
        self.query_one(Selector).value = s[0]
        self.query_one(Picker).value = s[1]
        self.query_one("#entry", LineInput).value = s[2]
        self.query_one(LineChart).said = s[24]
        text = self.query_one(CodedText)
        text.pieces, text.values, text.cursor = tuple(s[25:29]), (0.5, -0.5), 1
        tokens = self.query_one(TokenMap)
        tokens.pieces, tokens.rows = tuple(s[25:29]), (Row("a", lambda token: 0.5, lambda token: "0.5"),)
        listed = self.query_one(Candidates)
        listed.candidates = () if len(s[29]) % 5 == 0 else tuple(Candidate(one, 0.2) for one in s[29:33])
        listed.empty_text = s[33]
        area = self.query_one(TypingArea)
        area.clear()
        area.focus()
        area.post_message(Paste(s[34]))
        area.insert_candidate(s[35])


@pytest.mark.parametrize("part", range(PARTS))
async def test_no_widget_lets_anything_through(tmp_path: Any, part: int) -> None:
    base = RunReader(make_run(tmp_path, state="stopped")).refresh()
    all_of_them = strings(part, COUNT)
    app = Everything()
    async with app.run_test(size=(100, 50)) as pilot:
        for start in range(0, COUNT, EACH):
            said = all_of_them[start : start + EACH]
            app.show(base, said + ["x"] * (EACH - len(said)))
            await pilot.pause()
            found = control_characters(painted(app))
            assert not found, (found, said)


def test_no_cell_of_the_table_lets_anything_through(tmp_path: Any) -> None:
    base = RunReader(make_run(tmp_path, state="stopped")).refresh()
    known = RunCells()
    for said in strings(99, 200):
        settings = tiny.run_settings(corpus=(said,), tokens=said, cell=said)
        run = RunSnapshot(
            run=RunFolder(tmp_path / said.replace("\0", "")), state=said, settings=settings, status=base.status
        )
        (of,) = known.of([run])
        texts = row(run, of, columns(400, [of]), {}, marked=True)
        assert all(isinstance(cell, Text) for cell in texts)
        assert control_characters("".join(cell.plain for cell in texts)) == set(), said


def as_file_name(said: str) -> str:
    """Return `said` as Linux lets a file be called: with control characters and a byte that is no text."""
    return encodable(said).replace("/", "").replace("\0", "")[:40] + "\udcff"


def encodable(said: str) -> str:
    return said.encode("utf-8", "ignore").decode()


class HostileModel(FakeInspector):
    """Answers with hostile text, whatever is asked."""

    def __init__(self, said: Iterator[str]) -> None:
        super().__init__()
        self.said = said
        self.about |= {"tokens": next(said), "cell": next(said)}

    def complete(self, text: str, *, k: int = 5, phrase: bool = False, passed: Iterable[str] = ()) -> list[Candidate]:
        return [Candidate(next(self.said), 0.5 / n) for n in range(1, 2 if phrase else 6)]

    def adapt(self, text: str) -> int:
        raise LstmtuiError(next(self.said))

    def forget(self) -> None:
        raise LstmtuiError(next(self.said))

    def _inspect(self, text: str) -> dict[str, Any]:
        pieces = [next(self.said) for _ in range(len(text))]
        return {**super()._inspect(text), "pieces": pieces}

    def _inspect_units(self, text: str, layer: int, part: str) -> dict[str, Any]:
        tokens = [next(self.said) for _ in range(self.units)]
        return {**super()._inspect_units(text, layer, part), "token": tokens}


class HostileTranscriber(FakeTranscriber):
    """Hears hostile words, and has hostile labels."""

    def __init__(self, said: Iterator[str]) -> None:
        super().__init__(None)
        self.said = said
        self.about = self.about | {"labels": ["", *(next(said) for _ in range(8))]}

    def transcribe(self, file: Path, *, on_segment: Any = None, on_progress: Any = None, **options: Any) -> Transcript:
        on_segment(self._segment())
        on_progress(0.5, 1.0)
        if len(next(self.said)) % 2:
            raise UsageError(next(self.said))
        return Transcript(2.0, (self._segment(),))

    def _segment(self) -> Segment:
        words = tuple(Word(next(self.said), 0.1, 0.2, 0.4) for _ in range(3))
        probable = bytes([0, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0])
        return Segment(0.0, 1.0, next(self.said), words, bytes(range(200)), probable)


class HostileCaptioner(FakeCaptioner):
    """Says hostile words of every picture."""

    def __init__(self, said: Iterator[str]) -> None:
        super().__init__(None)
        self.said = said

    def describe(self, files: Sequence[str | Path], *, nbest: int = 1, pixels: bool = False) -> list[Described]:
        (found,) = super().describe(["cat.png"], nbest=nbest, pixels=pixels)
        captions = tuple(
            dataclasses.replace(one, text=next(self.said), tokens=tuple(next(self.said) for _ in one.tokens))
            for one in found.captions
        )
        return [dataclasses.replace(found, captions=captions, note=next(self.said))]


class HostileForecaster(FakeForecaster):
    """Refuses with hostile text."""

    def __init__(self, said: Iterator[str]) -> None:
        super().__init__()
        self.error = LstmtuiError(next(said))


def hostile_run(root: Path, said: Iterator[str], state: str) -> RunFolder:
    """Return a run all of whose files hold hostile text."""

    def n() -> str:
        return encodable(next(said))

    toml = n()
    run = make_run(
        root, as_file_name(n()), state=state, message=n(), samples=(n(), n()), corpus=(toml,), prompt=toml,
        events=[{"event": "answered", "message": n(), "ok": True, "request": n()}, {"event": n(), "step": 3, n(): n()},
                {"event": "set", "key": n(), "value": n(), "before": n(), "step": 5}],
        status={"preparing": n(), "compiling": n(), "live": {"prompt": n(), "lr": n()}, "result": n(), "host": n()},
    )  # fmt: skip
    for path, key in ((run.events, "message"), (run.samples, "text")):  # JSON can escape halves of characters
        with path.open("a") as file:
            file.write(json.dumps({"event": "answered", "step": 1, "temperature": 1, "prompt": "", key: next(said)}))
            file.write("\n")
    measured(run, dataclasses.replace(flow(100), cell=n()))
    gates = np.array([n(), n(), n(), n()])
    half = np.full((2, 4, 6), 0.5, np.float32)
    np.savez(run.probes / "saturation-99999999.npz", step=1, gates=gates, left=half, right=half)
    np.savez(run.probes / "window.npz", step=1, gates=gates, values=np.full((2, 4, 3, 6), 0.7, np.float16), tokens=[1])
    return run


VISITS: dict[str, tuple[Callable[[RunFolder, Services, Iterator[str]], Any], tuple[str, ...]]] = {
    "runs": (lambda run, services, said: RunsScreen(services), ("m", "down", "m", "o", "slash", "x", "enter")),
    "live": (lambda run, services, said: LiveScreen(run, services), ("v", "v", "v", "v", "left", "u", "z", "z", "f1")),
    "steer": (lambda run, services, said: LiveScreen(run, services), ("e", "tab", "enter")),
    "fork": (lambda run, services, said: ForkScreen(RunReader(run).refresh()), ("down", "x")),
    "sample": (lambda run, services, said: SampleScreen(next(said), next(said)), ("enter",)),
    "gradients": (lambda run, services, said: GradientsScreen(run.path, services), ("left", "s")),
    "inspect": (
        lambda run, services, said: InspectScreen(run.path, services),
        ("right", "o", "v", "shift+right", "f", "n"),
    ),
    "compare": (lambda run, services, said: CompareScreen(sorted(services.root.iterdir()), services), ("c", "x", "s")),
    "type": (lambda run, services, said: TypeScreen(run, services), ("a", "down", "tab", "f2", "f3", "f4", "f8")),
    "transcribe": (
        lambda run, services, said: TranscribeScreen(run, tiny.run_settings(tokens=next(said)), services),
        ("x", "enter", "down", "tab", "f2", "f2", "f4", "f1"),
    ),
    "caption": (
        lambda run, services, said: CaptionScreen(run, tiny.run_settings(tokens=next(said)), services),
        ("x", "enter", "right", "right", "down", "right", "f4", "f1"),
    ),
    "new": (lambda run, services, said: NewRunScreen(services), ("tab", "right")),
    "corpus": (lambda run, services, said: CorpusScreen((next(said),), services.root), ("tab", "tab", "down", "down")),
    "question": (lambda run, services, said: ConfirmScreen("Delete", next(said)), ()),
    "save": (lambda run, services, said: SaveTextScreen(next(said), next(said)), ("x", "enter")),
    "text": (lambda run, services, said: TextInputScreen("a"), ("tab", "x", "enter")),
}
"""Every screen: how it is made, and keys that bring more of it to sight."""


def test_every_screen_is_visited() -> None:
    from lstmtui.tui import screens

    files = {path.stem for path in Path(screens.__path__[0]).glob("*.py")}
    bases = {"__init__", "arranged", "base", "charted", "model_screen", "polling", "starting"}
    # These show what a person types, or texts of the manual.
    others = {
        "confirm", "text_input", "new_run", "jump", "help", "manual", "steer", "save_text", "translate",
        "typing_screen",
    }  # fmt: skip
    assert files - bases - others <= set(VISITS)


@pytest.mark.parametrize("round_", range(SCREENS))
@pytest.mark.parametrize("name", VISITS)
async def test_no_screen_lets_anything_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, round_: int
) -> None:
    said = cycle(strings(1000 + round_, 400))
    root = tmp_path / "runs"
    run = hostile_run(root, said, "training")
    hostile_run(root, said, next(said))
    monkeypatch.chdir(root)
    services = Services(
        root=root, open_model=lambda run: HostileModel(said), start=lambda run: None,
        forecaster=lambda: HostileForecaster(said), open_transcriber=lambda run: HostileTranscriber(said),
        open_captioner=lambda run: HostileCaptioner(said), open_microphone=FakeMicrophone,
    )  # fmt: skip
    make, keys = VISITS[name]
    app = LstmtuiApp(services=services)

    def clean() -> bool:
        text = painted(app)
        assert control_characters(text) == set(), (name, control_characters(text))
        return True

    with alive(run):
        async with app.run_test(size=(120, 40)) as pilot:
            if name != "runs":
                app.push_screen(make(run, services, said))
            await pilot.pause(0.3)
            for key in keys:
                clean()
                await pilot.press(key)
                app.screen.post_message(Paste(next(said)))
                app.show_message(next(said), error=True)
                await pilot.pause()
            if isinstance(app.screen, SteerScreen):
                append_json_line(
                    run.events,
                    {"event": "answered", "request": encodable(next(said)), "message": encodable(next(said))},
                )
                await pilot.pause(0.3)
            await until(pilot, clean)
            await pilot.resize_terminal(40, 12)
            await pilot.pause()
            clean()
