from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from lstmtui.client import daemon
from lstmtui.editor.suggestions import MAX_TEXT, Suggester
from lstmtui.errors import UsageError

ANSWER = {"candidates": [{"text": "en", "probability": 0.5}, {"text": "the", "probability": 0.1, "replaces": 3}]}


@pytest.fixture
def reports():
    return []


@pytest.fixture
def suggester(run, reports):
    found = Suggester(run, reports.append)
    yield found
    found.close()


async def test_the_daemon_is_asked_for_the_end_of_the_text(suggester, monkeypatch):
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(daemon, "ask", lambda run, question: asked.append(question) or ANSWER)
    found = await suggester.ask("x" * MAX_TEXT + "have be", 2, phrase=True)
    assert [(each.text, each.replaces) for each in found] == [("en", 0), ("the", 3)]
    assert asked[0]["text"].endswith("have be")
    assert len(asked[0]["text"]) == MAX_TEXT
    assert asked[0]["phrase"] is True


async def test_nothing_is_suggested_while_the_model_is_loaded(suggester, monkeypatch):
    ready, started = threading.Event(), []
    monkeypatch.setattr(daemon, "ask", lambda run, question: ANSWER if ready.is_set() else None)
    monkeypatch.setattr(daemon, "start", started.append)
    monkeypatch.setattr(daemon, "ask_when_ready", lambda run, question: ready.wait(5) and ANSWER)
    for _ in range(3):
        assert await suggester.ask("a", 1, phrase=False) == []
    await asyncio.sleep(0.05)
    assert started == [suggester.run]
    ready.set()
    for _ in range(100):
        if await suggester.ask("a", 1, phrase=False):
            break
        await asyncio.sleep(0.01)
    assert await suggester.ask("a", 1, phrase=False)


async def test_a_model_that_cannot_be_loaded_is_told_once_and_not_tried_for_ever(suggester, reports, monkeypatch):
    started: list[object] = []
    monkeypatch.setattr(daemon, "ask", lambda run, question: None)
    monkeypatch.setattr(daemon, "start", started.append)
    monkeypatch.setattr(daemon, "ask_when_ready", lambda run, question: None)
    for _ in range(5):
        assert await suggester.ask("a", 1, phrase=False) == []
        await asyncio.sleep(0.02)
    assert len(started) == 1
    assert len(reports) == 1
    assert "cannot be loaded" in reports[0]


async def test_an_error_of_the_run_is_told_once(suggester, reports, monkeypatch):
    def fail(run: object, question: object) -> None:
        raise UsageError("The run was trained for translation.")

    monkeypatch.setattr(daemon, "ask", fail)
    for _ in range(3):
        assert await suggester.ask("a", 1, phrase=False) == []
    assert reports == ["The run was trained for translation."]
