"""What is said at a run's end: the commands that go on from there."""

import dataclasses

import pytest
from support.prepared_run import make_run
from support.speech_figures import as_captions, as_speech

from lstmtui.cli import ending
from lstmtui.runs.reader import RunReader


def snapshot(folder, **status):
    return RunReader(make_run(folder, "x", state="finished", steps=400, step=400, status=status)).refresh()


@pytest.mark.parametrize(
    ("beginning", "shown"),
    [
        ("The cat ", '"The cat "'),
        ("宇宙洪荒", '"宇宙洪荒"'),
        ("'Tis all ", '"\'Tis all "'),
        ('say "no" ', "'say \"no\" '"),
        ("`rm` $x ", "'`rm` $x '"),
        ("a\x1b[31m", '"If the object has a "'),  # nothing that a terminal obeys: the run's own words then
        (None, '"If the object has a "'),
    ],
)
def test_the_beginning_of_the_text_is_what_is_completed_quoted_for_the_shell(tmp_path, beginning, shown):
    first, second, third = ending.what_next(snapshot(tmp_path, beginning=beginning), "x", "finished")
    assert first.startswith(f"\nNext: lstmtui complete x {shown} ")
    assert second.startswith("      lstmtui type x ")
    assert third.startswith("      lstmtui resume x --steps 400 ")


def test_a_stopped_run_is_not_offered_further_training(tmp_path):
    assert len(list(ending.what_next(snapshot(tmp_path), "x", "stopped"))) == 2


def test_a_run_without_recent_improvement_is_not_offered_further_training(tmp_path):
    seen = snapshot(tmp_path)
    worse = [dataclasses.replace(seen.valid[-1], step=step, figures={"nll": 9.0}) for step in (500, 600, 700)]
    seen = dataclasses.replace(seen, valid=(*seen.valid, *worse))
    assert len(list(ending.what_next(seen, "x", "finished"))) == 2


def test_figures_of_a_part_mention_it():
    assert ending.part_of({"tokens": 1234, "whole": False}) == " (of 1,234 tokens spread over it)"
    assert ending.part_of({"tokens": 1234, "whole": True}) == ending.part_of({"tokens": 1234}) == ""


def test_a_run_of_speech_transcribes(tmp_path, capsys):
    run = as_speech(make_run(tmp_path, "x", state="finished", steps=400, step=400))
    seen = RunReader(run).refresh()
    first, second, *_ = ending.what_next(seen, "x", "finished")
    assert first.startswith("\nNext: lstmtui transcribe x FILE ")
    assert second.startswith("      lstmtui transcribe x --microphone ")
    seen = dataclasses.replace(seen, status={"result": {"sample": "reference  a", "test": {"nll": 1.0, "wer": 0.5}}})
    ending.conclude(seen, "x", "finished", 0, as_json=False)
    said = capsys.readouterr()
    assert "Test: WER 50.0%, 1.0000 nats per token\n" in said.err
    assert "Transcripts:\n" in said.err


def test_a_run_of_captions_shows_its_captions(tmp_path, capsys):
    seen = RunReader(as_captions(make_run(tmp_path, "x", state="finished", steps=400, step=400))).refresh()
    seen = dataclasses.replace(seen, status={"result": {"sample": "caption  a", "test": {"nll": 1.0, "f1": 0.5}}})
    ending.conclude(seen, "x", "finished", 0, as_json=False)
    said = capsys.readouterr()
    assert "Test: F1 50.0%, 1.0000 nats per token\n" in said.err
    assert "Captions:\n" in said.err
    assert "lstmtui caption x PICTURE" in next(ending.what_next(seen, "x", "finished"))
