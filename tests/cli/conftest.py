"""Every test of the command line has folders of its own, a fake engine and a fake model."""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import fake_engine, fake_model

from lstmtui import config
from lstmtui.cli import main
from lstmtui.client import runs
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.lock import engine_alive
from lstmtui.runs.writer import RunWriter

TEXT = "the cat sat on the mat and looked at the moon\n" * 400


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str


Lstmtui = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [v for v in os.environ if v.startswith("LSTMTUI_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("LSTMTUI_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("LSTMTUI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def behave(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Choose how the fake engine behaves."""

    def choose(behaviour: str) -> None:
        assert behaviour in fake_engine.BEHAVIOURS
        monkeypatch.setattr(runs, "start", functools.partial(fake_engine.start, behaviour=behaviour))
        monkeypatch.setenv("FAKE_ENGINE", behaviour)

    return choose


@pytest.fixture
def lstmtui(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, behave: Callable[[str], None]
) -> Lstmtui:
    """Run one command line in this process, over the fakes."""
    behave("finish")
    monkeypatch.setattr("lstmtui.client.model.Model", fake_model.FakeModel)
    fake_model.asked.clear()
    fake_engine.asked_for_more.clear()

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = main([str(a) for a in arguments])
        said = capsys.readouterr()
        return Outcome(code, said.out, said.err)

    return run


def process(*arguments: str, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
    """Start the same command line as a process of its own."""
    program = str(Path(__file__).parents[1] / "support" / "fake_cli.py")
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, program, *arguments], stdin=pipe, stdout=pipe, stderr=stderr, text=True
    )  # fmt: skip


@pytest.fixture
def start_process() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Give `process`, and end what it started."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
        started.append(process(*arguments, stderr=stderr))
        return started[-1]

    yield begin
    for one in started:
        one.kill()
        one.wait()
        for pipe in filter(None, (one.stdin, one.stdout, one.stderr)):
            with contextlib.suppress(OSError):  # what was still to be sent to it
                pipe.close()


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    path = tmp_path / "moon.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture
def make_run(tmp_path: Path, text_file: Path) -> Callable[..., RunFolder]:
    """Make a run that has finished, or has been left in `state`."""

    def make(name: str = "diary", state: str = "finished", **settings: object) -> RunFolder:
        chosen = config.Settings(corpus=(str(text_file),), **settings)  # type: ignore[arg-type]
        run = runs.create(chosen, name=name)
        writer = RunWriter(run)
        fake_engine.write_steps(writer)
        writer.status(state=state, result=fake_engine.RESULT)
        writer.close()
        return run

    return make


@pytest.fixture
def live_run(make_run: Callable[..., RunFolder]) -> Iterator[RunFolder]:
    """A run with a fake engine at work on it."""
    run = make_run("live", "stopped")
    run.status.unlink()
    engine = fake_engine.start(run, behaviour="wait")
    while not (engine_alive(run) and run.status.exists()):
        assert engine.poll() is None, run.log.read_text()
    yield run
    engine.kill()
    engine.wait()
