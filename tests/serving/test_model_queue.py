import threading

import pytest

from lstmtui.errors import LstmtuiError
from lstmtui.serving.model_queue import MAX_IN_ROW, Asker


@pytest.fixture
def asker():
    found = Asker()
    yield found
    found.close()


def test_urgent_questions_come_first_and_others_are_not_kept_out(asker):
    order: list[str] = []
    for name, begun, count in (("begun", True, 3), ("urgent", False, 2 * MAX_IN_ROW)):
        answers = [asker.submit(lambda name=name: order.append(name) or {}, begun=begun) for _ in range(count)]
    asker.start()
    answers[-1].result(5)
    assert order[: 2 * MAX_IN_ROW + 1] == ["urgent"] * MAX_IN_ROW + ["begun"] + ["urgent"] * MAX_IN_ROW


def test_an_error_is_that_of_its_question_alone(asker):
    asker.start()
    wrong = asker.submit(lambda: {}["missing"])
    right = asker.submit(lambda: {"text": "a"})
    with pytest.raises(KeyError):
        wrong.result(5)
    assert right.result(5) == {"text": "a"}


def test_what_waits_is_cancelled_at_the_end(asker):
    asker.start()
    running, done = threading.Event(), threading.Event()
    first = asker.submit(lambda: running.set() or (done.wait(5) and {"text": "a"}))
    waiting = asker.submit(dict)
    assert running.wait(5)
    asker.close()
    done.set()
    assert first.result(5) == {"text": "a"}
    assert waiting.cancelled()
    with pytest.raises(LstmtuiError, match="ended"):
        asker.submit(dict).result(5)
