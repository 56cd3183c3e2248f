"""`show`."""

from __future__ import annotations

import json

from support.speech_figures import as_captions, as_speech

from lstmtui.common.files import write_atomically


def test_a_run_is_shown(lstmtui, make_run):
    make_run("diary")
    out = lstmtui("show", "diary").out
    for words in ("diary  finished", "4 of 10", "1,234", "1.5000 nats per token", "learning", "a sample", "hidden"):
        assert words in out or words == "learning"
    assert "lstm" in out


def test_the_latest_run_is_shown_as_json(lstmtui, make_run):
    make_run("diary")
    record = json.loads(lstmtui("show", "--json").out)
    assert record["run"] == "diary"
    assert record["settings"]["hidden"] == 256
    assert record["sample"]["text"] == "a sample \x07of text"


def test_a_run_of_speech_has_error_rates_and_transcripts(lstmtui, make_run):
    as_speech(make_run("digits"))
    out = lstmtui("show", "digits").out
    assert "WER 3.1%, CER 1.2%, 0.1250 nats per token (best, step 3)" in out
    assert "\ntranscripts at step " in out


def test_a_run_of_captions_has_its_word_f1_and_captions(lstmtui, make_run):
    as_captions(make_run("icons"))
    out = lstmtui("show", "icons").out
    assert "F1 58.2%, exact 25.3%, 1.2500 nats per token, perplexity 3.49 (best, step 3)" in out
    assert "\ncaptions at step " in out


def test_a_run_that_does_not_learn_is_called_so_and_is_not_told_to_train_longer(lstmtui, make_run):
    run = make_run("diary")
    with run.metrics.open("w") as file:
        for step in (10, 20, 30, 40, 50):
            point = {"split": "train", "step": step, "tokens": 1, "seconds": 1, "loss": 30.0, "lr": 10.0, "clipped": 0}
            file.write(json.dumps({**point, "grad_norm": 1, "tokens_per_second": 1, "memory_mb": 1}) + "\n")
    write_atomically(
        run.status, json.dumps({**json.loads(run.status.read_text()), "step": 50, "vocabulary": 64}).encode()
    )
    out = lstmtui("show", "diary").out
    assert "health         lr too high" in out
    assert "It does not learn: its loss of 30.00 is above 4.16" in out
    assert "more time" not in out
    record = json.loads(lstmtui("show", "diary", "--json").out)
    assert record["health"]["level"] == "sick"
    assert record["guard"]["advice"][0] == record["health"]["finding"]
