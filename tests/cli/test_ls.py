"""`ls`."""

from __future__ import annotations

import json
import re

from support.speech_figures import as_captions, as_speech


def test_without_runs_ls_shows_how_to_start_one(lstmtui):
    said = lstmtui("ls")
    assert (said.code, said.out) == (0, "")
    assert "lstmtui train" in said.err
    assert json.loads(lstmtui("ls", "--json").out) == []


def test_each_run_has_a_line(lstmtui, make_run):
    make_run("diary")
    make_run("novel", "stopped", cell="gru")
    lines = lstmtui("ls").out.splitlines()
    assert len(lines) == 3
    rows = {line.split()[0]: line for line in lines[1:]}
    assert "finished" in rows["diary"]
    assert "2.164 bits/char" in rows["diary"]
    assert "gru 2x256" in rows["novel"]
    assert "4/10" in rows["novel"]


def test_damaged_runs_are_listed(lstmtui, make_run):
    make_run("diary").config.write_text("not [ toml")
    make_run("other").status.write_text("{")
    said = lstmtui("ls")
    assert said.code == 0
    assert "diary" in said.out
    assert "other" in said.out


def test_runs_as_json(lstmtui, make_run):
    make_run("diary")
    (record,) = json.loads(lstmtui("ls", "--json").out)
    assert record["run"] == "diary"
    assert record["nll"] == 1.5
    assert record["step"] == 4


def test_long_lists_the_size_of_each_run(lstmtui, make_run):
    run = make_run("diary")
    (run.path / "engine.log").write_bytes(b"x" * 3_000_000)
    for option in ("-l", "--long"):
        out = lstmtui("ls", option).out
        assert "size" in out
        assert "3.0 MB" in out or "3.1 MB" in out
    assert "size" not in lstmtui("ls").out
    (record,) = json.loads(lstmtui("ls", "--long", "--json").out)
    assert record["bytes"] > 3_000_000


def test_a_narrow_terminal_has_fewer_columns_and_no_cut_figures(lstmtui, make_run, monkeypatch):
    make_run("a-rather-long-name-of-a-run-of-mine")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    for columns, long in ((80, ()), (80, ("-l",)), (60, ("-l",))):
        monkeypatch.setenv("COLUMNS", str(columns))
        lines = lstmtui("ls", *long).out.splitlines()
        assert max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in lines) <= columns
        for figure in ("4/10", "2.164 bits/char", "finished"):
            assert figure in lines[1], lines
        assert lines[1].startswith("a-rather-long-n")
        assert ("kB" in lines[1]) == bool(long)
        assert ("moon.txt" in lines[1]) == (columns > 60 and not long)
    monkeypatch.setenv("COLUMNS", "140")
    assert "a-rather-long-name-of-a-run-of-mine" in lstmtui("ls").out


def test_a_run_of_speech_has_its_error_rate(lstmtui, make_run):
    as_speech(make_run("digits"))
    assert "WER 3.1%" in lstmtui("ls").out
    (record,) = json.loads(lstmtui("ls", "--json").out)
    assert (record["nll"], record["wer"], record["cer"]) == (0.125, 0.0312, 0.0119)
    assert record["perplexity"] is None


def test_a_run_of_captions_has_its_word_f1(lstmtui, make_run):
    as_captions(make_run("icons"))
    assert "F1 58.2%" in lstmtui("ls").out
    (record,) = json.loads(lstmtui("ls", "--json").out)
    assert (record["nll"], record["f1"], record["wer"]) == (1.25, 0.5821, None)
