"""`show`."""

from __future__ import annotations

import json

from support.speech_figures import as_speech


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
