"""Questions asked in a thread: the newest of a kind, answers and refusals, and an end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from support.fake_inspector import FakeInspector

from lstmtui.errors import LstmtuiError
from lstmtui.tui.workers.inspection import InspectionAnswered, InspectionThread
from lstmtui.tui.workers.model_thread import ModelFailed, ModelOpened


def wait(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_answers_come_with_what_was_asked():
    posted: list[Any] = []
    questions = InspectionThread(FakeInspector, posted.append)
    questions.ask("inspect", text="ab")
    wait(lambda: len(posted) == 2)
    assert isinstance(posted[0], ModelOpened)
    assert isinstance(posted[1], InspectionAnswered)
    assert (posted[1].op, posted[1].answer["pieces"]) == ("inspect", ["a", "b"])
    questions.close()


def test_only_the_newest_of_a_kind_is_asked():
    model, posted, gate = FakeInspector(), [], threading.Event()
    answer = model.ask

    def slow(op: str, **details: Any) -> dict[str, Any]:
        gate.wait(5)
        return answer(op, **details)

    model.ask = slow  # type: ignore[method-assign]
    questions = InspectionThread(lambda: model, posted.append)
    questions.ask("inspect", text="first")
    wait(lambda: posted)
    time.sleep(0.05)
    for unit in range(50):
        questions.ask("inspect_unit", layer=0, unit=unit % 12, text="ab")
    questions.ask("inspect_units", layer=0, part="h", text="ab")
    gate.set()
    wait(lambda: len(posted) == 4)
    assert [op for op, _ in model.asked] == ["inspect", "inspect_unit", "inspect_units"]
    assert posted[2].details["unit"] == 49 % 12
    questions.close()


def test_an_error_is_told_and_the_next_question_answered():
    model, posted = FakeInspector(), []
    questions = InspectionThread(lambda: model, posted.append)
    model.error = LstmtuiError("No.")
    questions.ask("gradients")
    wait(lambda: len(posted) == 2)
    assert (posted[1].reason, posted[1].final) == ("No.", False)
    model.error = None
    questions.ask("gradients")
    wait(lambda: len(posted) == 3)
    assert isinstance(posted[2], InspectionAnswered)
    model.error, model.alive = LstmtuiError("It died."), False
    questions.ask("gradients")
    wait(lambda: len(posted) == 4)
    assert isinstance(posted[3], ModelFailed)
    assert posted[3].final


def test_closing_ends_the_model_and_silences_answers():
    model, posted, gate = FakeInspector(), [], threading.Event()

    def open_slowly() -> FakeInspector:
        gate.wait(5)
        return model

    questions = InspectionThread(open_slowly, posted.append)
    questions.ask("gradients")
    questions.close()
    gate.set()
    wait(lambda: model.closed)
    assert posted == []
