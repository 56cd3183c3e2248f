"""Operations of completion, with runs that train on and runs that are deleted."""

import shutil
import threading
import time
import weakref

import numpy as np
import pytest

from lstmtui.engine import checkpoint
from lstmtui.engine.autocomplete import operations, store
from lstmtui.engine.autocomplete.operations import Autocomplete
from lstmtui.engine.autocomplete.profile import Profile
from lstmtui.engine.inference.loaded_model import load
from lstmtui.engine.nn.incremental import IncrementalModel
from lstmtui.engine.nn.plain_steps import PlainModel
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.runs import base, watching
from lstmtui.runs.watching import Watched


def ask(autocomplete, op, **fields):
    *_, answer = autocomplete.operations()[op](**fields)
    return answer


def texts(answer):
    return [c["text"] for c in answer["candidates"]]


def test_without_the_text_there_is_no_index_and_completion_works(run, monkeypatch):
    def gone(s):
        raise UsageError("There is no file text.txt.")

    monkeypatch.setattr(store, "training_text", gone)
    assert store.text_index(run, load(run).settings) is None
    assert texts(ask(Autocomplete(load(run)), "complete", text="the c"))


def test_a_profile_changes_completions_until_it_is_forgotten(run, tmp_path):
    before = checkpoint.newest(run).tensors
    autocomplete = Autocomplete(load(run))
    plain = ask(autocomplete, "complete", text="the z")
    assert "ebulon" not in texts(plain)
    mail = tmp_path / "mail.txt"
    mail.write_text("dear zebulon greets the zebulon\n" * 100)
    assert ask(autocomplete, "adapt", files=[str(mail)])["words"] == 500
    assert ask(autocomplete, "adapt", text="and more") == {"words": 502, "new": 2}
    assert ask(autocomplete, "adapt", text="and more") == {"words": 502, "new": 0}
    shown = ask(autocomplete, "profile")
    assert [(text["name"], text["words"]) for text in shown["texts"]] == [(str(mail), 500), ("typed", 2)]
    assert shown["often"][0] == ("zebulon", 200)
    assert ("zebulon", 200) in shown["unknown"]
    assert "the" not in dict(shown["unknown"])
    forgotten = {"forgotten": True, "left_out": False, "words": 501, "new": -1}
    assert ask(autocomplete, "forget", what="more") == forgotten
    assert ask(autocomplete, "forget", what="nope") == {"forgotten": False, "left_out": False}
    with pytest.raises(UsageError, match="files or a text"):
        ask(autocomplete, "adapt")
    adapted = ask(autocomplete, "complete", text="the z")
    assert texts(adapted)[0] == "ebulon"
    assert texts(ask(Autocomplete(load(run)), "complete", text="the z"))[0] == "ebulon"
    after = checkpoint.newest(run).tensors
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert ask(autocomplete, "forget")["forgotten"]
    assert ask(autocomplete, "complete", text="the z")["candidates"] == plain["candidates"]
    assert not ask(autocomplete, "forget")["forgotten"]


def test_a_watched_file_that_is_forgotten_is_left_out_until_it_is_learnt_by_name(run, tmp_path):
    autocomplete, mail = Autocomplete(load(run)), tmp_path / "mail.txt"
    mail.write_text("dear zebulon")
    ask(autocomplete, "adapt", files=[str(mail)])
    watching.save(run, Watched([str(tmp_path)]))
    answer = ask(autocomplete, "forget", what=str(mail))
    assert (answer["forgotten"], answer["left_out"]) == (True, True)
    assert watching.left_out(run) == {str(mail)}
    ask(autocomplete, "adapt", files=[str(mail)])
    assert watching.left_out(run) == set()


def test_a_profile_that_cannot_be_written_raises(run):
    run.autocomplete.write_text("a file, where a folder should be")
    with pytest.raises(LstmtuiError, match="cannot be written"):
        Profile(run).learn(b"some words")


def test_a_better_checkpoint_is_loaded_while_typing(run, monkeypatch):
    monkeypatch.setattr(operations, "CHECK_SECONDS", 0.0)
    autocomplete = Autocomplete(load(run))
    first = ask(autocomplete, "complete", text="the ")
    best, step = checkpoint.best(run), checkpoint.newest(run).step + 7
    checkpoint.save(run, step, best.tensors, {k: v for k, v in best.about.items() if k not in ("format", "step")})
    checkpoint.mark_best(run, step, "nll", 0.1)
    deadline = time.monotonic() + 20
    while (answer := ask(autocomplete, "complete", text="the "))["step"] != step:
        assert time.monotonic() < deadline
        assert answer["step"] == first["step"]
    assert answer["candidates"] == first["candidates"]


def test_a_profile_that_another_process_changes_counts_for_the_next_answer(run, monkeypatch):
    monkeypatch.setattr(operations, "PROFILE_SECONDS", 60.0)
    autocomplete = Autocomplete(load(run))
    plain = ask(autocomplete, "complete", text="the z")
    completer = autocomplete._completer
    Profile(run).learn({"/mail.txt": b"dear zebulon greets the zebulon\n" * 100})
    assert texts(ask(autocomplete, "complete", text="the z"))[0] == "ebulon"
    Profile(run).reset()
    assert ask(autocomplete, "complete", text="the z")["candidates"] == plain["candidates"]
    assert autocomplete._completer is completer  # with what it knows of the text at hand


def test_no_answer_waits_for_a_large_profile(run, monkeypatch):
    monkeypatch.setattr(operations, "PROFILE_SECONDS", 0.0)
    loads, may_load, build = [], threading.Event(), operations.load_profile
    monkeypatch.setattr(operations, "load_profile", lambda run: loads.append(1) or (may_load.wait(60) and build(run)))
    autocomplete = Autocomplete(load(run))
    plain = ask(autocomplete, "complete", text="the z")
    Profile(run).learn({"/mail.txt": b"dear zebulon greets the zebulon\n" * 100})
    for _ in range(3):
        assert ask(autocomplete, "complete", text="the z")["candidates"] == plain["candidates"]
    may_load.set()
    autocomplete._loading.join()
    assert texts(ask(autocomplete, "complete", text="the z"))[0] == "ebulon"
    assert loads == [1]


def test_a_damaged_newer_checkpoint_is_ignored(run, monkeypatch):
    monkeypatch.setattr(operations, "CHECK_SECONDS", 0.0)
    autocomplete = Autocomplete(load(run))
    first = ask(autocomplete, "complete", text="the ")
    for path in checkpoint.list_paths(run):
        path.write_bytes(b"damaged")
    checkpoint.mark_best(run, first["step"], "nll", 0.0)
    for _ in range(5):
        assert ask(autocomplete, "complete", text="the ")["candidates"] == first["candidates"]
        if autocomplete._loading is not None:
            autocomplete._loading.join()


def test_a_deleted_run_goes_on_answering(run, monkeypatch):
    monkeypatch.setattr(operations, "CHECK_SECONDS", 0.0)
    autocomplete = Autocomplete(load(run))
    first = ask(autocomplete, "complete", text="the ")
    shutil.rmtree(run.path)
    for text in ("the ", "the c", "the ca", "the "):
        answer = ask(autocomplete, "complete", text=text)
    assert answer["candidates"] == first["candidates"]


def test_a_loaded_completer_holds_the_weights_once(run):
    t = load(run)
    weights = weakref.ref(t.weights.flat)
    moments = checkpoint.best(run).tensors.keys() - checkpoint.best(run, only=("weights.",)).tensors.keys()
    assert any(name.startswith("m.") for name in moments)
    autocomplete = Autocomplete(t)
    first = ask(autocomplete, "complete", text="the ")
    assert weights() is None
    assert np.isfinite(t.weights.flat).all()  # read again on demand
    assert ask(autocomplete, "complete", text="the ")["candidates"] == first["candidates"]


def test_reading_the_weights_of_a_deleted_run_raises(run):
    t = load(run)
    ask(Autocomplete(t), "complete", text="the ")
    shutil.rmtree(run.path)
    with pytest.raises(UsageError, match="no checkpoint"):
        _ = t.weights


def test_savings_are_measured_by_network_index_and_adaptation(run, tmp_path):
    text = tmp_path / "more.txt"
    text.write_text("the cat sat on the mat\nzebulon sat in the rain\n" * 10)
    answer = ask(Autocomplete(load(run)), "autocomplete", files=[str(text)], apart=True, adapt=True)
    assert answer["words"] == 110
    assert answer["characters"] == 10 * (22 + 23)
    assert answer["adapted"]["savings"]["1"] > answer["savings"]["1"]
    assert set(answer["network"]) == set(answer["adapted"])
    assert set(answer["latency_ms"]) == {"p50", "p90", "p99"}


@pytest.mark.parametrize("fields", [{"threshold": 2.0}, {"threshold": -1}])
def test_a_threshold_out_of_range_raises(run, tmp_path, fields):
    text = tmp_path / "more.txt"
    text.write_text("some words")
    with pytest.raises(UsageError, match="threshold"):
        ask(Autocomplete(load(run)), "autocomplete", files=[str(text)], **fields)


def test_a_text_without_words_raises(run, tmp_path):
    text = tmp_path / "none.txt"
    text.write_text("... !!\n")
    with pytest.raises(UsageError, match="no words"):
        ask(Autocomplete(load(run)), "autocomplete", files=[str(text)])


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "      ", "\n\n\n", "\x00\x1b]0;x\x07", "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc"),
        *("\u0627\u0644 \u0627\u0644", "e\u0301te\u0301 e\u0301", "\u202e\u200d", "\u6f22" * 300),
    ],
)
def test_any_text_is_answered(run, text):
    answer = ask(Autocomplete(load(run)), "complete", text=text, k=3)
    assert all(c["text"].isprintable() for c in answer["candidates"])


def test_a_megabyte_is_completed_from_its_end(run):
    autocomplete = Autocomplete(load(run))
    end = "the cat sat on the "
    long = ask(autocomplete, "complete", text="words of no end " * 70_000 + end)
    assert texts(long)
    steps = autocomplete._completer.stepper.steps
    assert steps < 3000
    ask(autocomplete, "complete", text="words of no end " * 70_000 + end + "m")
    # A few tokens are read ahead of the next anchor, and no more.
    assert autocomplete._completer.stepper.steps <= steps + 8


class Compiler:
    """A process that compiles until it is told to end."""

    code: int | None = None

    def poll(self):
        return self.code


def test_the_base_run_answers_before_its_kernels_are_compiled(run, tmp_path, monkeypatch):
    expected = ask(Autocomplete(load(run)), "complete", text="the c")
    copy = base.copy_in(tmp_path)
    shutil.copytree(run.path, copy.path)
    compiler, begun = Compiler(), []
    monkeypatch.setattr(operations, "is_compiled", lambda *_: bool(begun))
    monkeypatch.setattr(operations, "begin_compiling", lambda run: begun.append(run) or compiler)
    autocomplete = Autocomplete(load(copy))
    found = ask(autocomplete, "complete", text="the c")
    assert begun == [copy]
    assert isinstance(autocomplete._completer.stepper._reader, PlainModel)
    assert texts(found) == texts(expected)
    compiler.code = 0
    assert texts(ask(autocomplete, "complete", text="the c")) == texts(expected)
    assert isinstance(autocomplete._completer.stepper._reader, IncrementalModel)
    assert begun == [copy]
