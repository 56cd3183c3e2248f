"""The operation that translates: answers, and requests that it refuses."""

import pytest
from support.in_process import train
from support.translation_run import create

from lstmtui.engine import tasks
from lstmtui.engine.inference.loaded_translator import load
from lstmtui.engine.services.translate import MAX_BEAM, Service
from lstmtui.engine.tasks.translation import TranslationTask
from lstmtui.errors import UsageError
from lstmtui.protocol import MAX_LINE_CHARACTERS


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(tasks.TASKS, "memory", TranslationTask)
        run = create(tmp_path_factory.mktemp("runs"), cell="gru", steps=20)
        train(run)
    return Service(load(run))


def test_answers_hold_text_scores_tokens_and_alignment(service):
    (answer,) = service.answers({"lines": ["alpha beta", ""], "nbest": 2})
    first, empty = answer["translations"]
    assert len(first) == 2
    assert set(first[0]) == {
        "text", "score", "log_probability", "source", "target", "alignment", "unknown", "prefix_probability"
    }  # fmt: skip
    assert first[0]["prefix_probability"] is None
    assert (first[0]["source"], empty[0]["source"]) == (["alpha", "beta"], [])


def test_characters_never_seen_and_prefixes_of_unknown_words_are_translated(service):
    (answer,) = service.answers({"lines": ["\u4f60\u597d \0 alpha"], "prefixes": ["nie gesagt"]})
    assert answer["translations"][0][0]["text"].startswith("nie gesagt")


@pytest.mark.parametrize(
    "request_",
    [
        {"lines": ["a"], "beam": 0},
        {"lines": ["a"], "beam": MAX_BEAM + 1},
        {"lines": ["a"], "beam": 2, "nbest": 3},
        {"lines": ["a"], "alpha": -1},
        {"lines": ["a"], "max_length": 0},
        {"lines": ["a"], "prefixes": ["b", "c"]},
        {"lines": ["a\nb"]},
        {"lines": ["a" * (MAX_LINE_CHARACTERS + 1)]},
        {"lines": "a"},
        {},
    ],
    ids=[
        "no beam",
        "wide beam",
        "more best than beam",
        "negative alpha",
        "no length",
        "prefixes for others",
        "line end",
        "long line",
        "no list",
        "no lines",
    ],
)
def test_requests_that_cannot_be_answered_raise_in_a_sentence(service, request_):
    with pytest.raises(UsageError) as raised:
        list(service.answers(request_))
    assert str(raised.value).endswith((".", ")."))
