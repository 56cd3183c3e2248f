"""sample, complete and evaluate: what is asked of a model, and how its answers are given."""

from __future__ import annotations

import json
import time

import pytest
from support import fake_model

from lstmtui.client import daemon


@pytest.fixture(autouse=True)
def run(make_run):
    return make_run("diary", top_k=7)


def test_sample_asks_with_the_settings_of_the_run(lstmtui):
    said = lstmtui("sample", "diary", "-n", "3", "--prompt", "Once", "--seed", "5")
    assert (said.code, said.out, said.err) == (0, "Onceab\x1bab\x1bab\x1b\n", "")
    assert fake_model.asked == [
        {"op": "sample", "prompt": "Once", "length": 3, "temperature": 0.8, "top_k": 7, "top_p": 1.0, "seed": 5}
    ]


def test_sample_takes_its_text_as_an_argument(lstmtui):
    assert lstmtui("sample", "diary", "Once", "-n", "1").out == "Onceab\x1b\n"
    said = lstmtui("sample", "diary", "Once", "--prompt", "Twice")
    assert said.code == 2
    assert "once" in said.err


def test_several_samples_differ_and_stand_apart(lstmtui):
    said = lstmtui("sample", "diary", "Once", "-n", "1", "--count", "3", "--seed", "5")
    assert said.out == "Onceab\x1b\n---\nOnceab\x1b\n---\nOnceab\x1b\n"
    assert [question["seed"] for question in fake_model.asked] == [5, 6, 7]
    assert not any("line" in question for question in fake_model.asked)


def test_several_lines_need_nothing_between_them(lstmtui):
    assert lstmtui("sample", "diary", "-n", "1", "--count", "2", "--line").out == "ab\x1b\nab\x1b\n"
    assert all(question["line"] for question in fake_model.asked)


def test_samples_as_json(lstmtui):
    said = lstmtui("sample", "diary", "Once", "-n", "2", "--count", "2", "--seed", "5", "--json")
    assert [json.loads(line) for line in said.out.splitlines()] == [
        {"prompt": "Once", "text": "ab\x1bab\x1b", "seed": seed} for seed in (5, 6)
    ]


def test_sample_is_safe_on_a_terminal(lstmtui, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert "\x1b" not in lstmtui("sample", "diary", "-n", "3").out


def test_without_a_seed_every_sample_differs(lstmtui):
    lstmtui("sample", "diary", "-n", "1")
    lstmtui("sample", "diary", "-n", "1")
    assert fake_model.asked[0]["seed"] != fake_model.asked[1]["seed"]


@pytest.mark.parametrize("zero", ["0", "0.0", "-0"])
def test_temperature_zero_takes_the_likeliest(lstmtui, zero):
    assert lstmtui("sample", "diary", "-n", "1", "--temperature", zero).code == 0
    assert fake_model.asked[0]["top_k"] == 1
    assert fake_model.asked[0]["temperature"] == 1.0


def test_top_k_beyond_the_vocabulary_is_all_of_it(lstmtui):
    said = lstmtui("sample", "diary", "-n", "1", "--top-k", "1000000")
    assert said.code == 0
    assert "exceeds the vocabulary of 65 tokens" in said.err
    assert fake_model.asked[0]["top_k"] == 65


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--temperature", "inf"], "--temperature: temperature must be a finite number"),
        (["--temperature", "nan"], "finite"),
        (["--temperature", "-1"], "more than 0"),
        (["--temperature", "hot"], "a number"),
        (["--top-k", "-1"], "at least 0"),
        (["--top-p", "0"], "more than 0"),
        (["--top-p", "1.1"], "at most 1"),
        (["-n", "-5"], "--length: sample_length must be at least 0"),
        (["--seed", "x"], "whole number"),
    ],
)
def test_bad_sampling_is_refused(lstmtui, options, words):
    said = lstmtui("sample", "diary", *options)
    assert said.code == 2
    assert words in said.err
    assert said.err.count("\n") == 1
    assert fake_model.asked == []


def test_complete_ranks(lstmtui):
    said = lstmtui("complete", "diary", "The ", "-k", "2")
    assert said.code == 0
    assert [line.split() for line in said.out.splitlines()] == [["50.0%", "word0␤"], ["25.0%", "word1␤"]]


def test_complete_json(lstmtui):
    answer = json.loads(lstmtui("complete", "diary", "The ", "-k", "1", "--phrase", "--json").out)
    assert answer["candidates"] == [{"text": "word0 more\n", "probability": 0.5}]
    assert answer["milliseconds"] >= 0


def test_complete_without_candidates(lstmtui):
    said = lstmtui("complete", "diary", "nothing")
    assert (said.code, said.out) == (0, "")
    assert said.err


@pytest.mark.parametrize("arguments", [[], ["The ", "--stdin"]])
def test_complete_wants_a_text_or_lines(lstmtui, arguments):
    said = lstmtui("complete", "diary", *arguments)
    assert said.code == 2
    assert "--stdin" in said.err


def test_complete_serves_lines_and_survives_bad_ones(start_process):
    server = start_process("complete", "diary", "--stdin", "-k", "2")
    lines = [
        '{"text": "The "}',
        '{"text": "a", "k": 1, "phrase": true}',
        "",
        "not json",
        "[" * 100_000,
        '"text"',
        "{}",
        '{"text": 3}',
        '{"text": "a", "k": 0}',
        '{"text": "a", "k": 1e9}',
        '{"text": "a", "k": true}',
        '{"text": "a", "phrase": 1}',
        '{"text": "a", "kk": 1}',
        '{"text": "explode"}',
        '{"text": "last", "k": 1}',
    ]
    out, err = server.communicate("\n".join(lines) + "\n", timeout=30)
    answers = [json.loads(line) for line in out.splitlines()]
    assert server.returncode == 0
    assert len(answers) == len(lines) - 1
    assert len(answers[0]["candidates"]) == 2
    assert answers[1]["candidates"] == [{"text": "word0 more\n", "probability": 0.5}]
    assert all(set(answer) == {"error"} for answer in answers[2:-1])
    assert "candidates" in answers[-1]
    assert "Traceback" not in err


def test_each_line_is_answered_before_the_next_is_sent(start_process):
    server = start_process("complete", "diary", "--stdin")
    assert server.stdin is not None
    assert server.stdout is not None
    for _ in range(200):
        server.stdin.write('{"text": "a"}\n')
        server.stdin.flush()
        assert "candidates" in json.loads(server.stdout.readline())
    server.stdin.close()
    assert server.wait(20) == 0


def test_a_server_whose_reader_is_gone_ends_quietly(start_process):
    server = start_process("complete", "diary", "--stdin")
    assert server.stdin is not None
    assert server.stdout is not None
    assert server.stderr is not None
    server.stderr.readline()
    server.stdout.close()
    deadline = time.monotonic() + 20
    while server.poll() is None and time.monotonic() < deadline:
        try:
            server.stdin.write('{"text": "a"}\n')
            server.stdin.flush()
        except BrokenPipeError:
            break
    assert server.wait(20) == 141
    assert "Traceback" not in server.stderr.read()


def test_evaluate(lstmtui, text_file):
    said = lstmtui("evaluate", "diary", text_file)
    assert said.code == 0
    assert said.out == "1.5000 nats per token, perplexity 4.48, 2.1640 bits per character (25.0% <unk>)\n"
    assert "25.0% of it is not in the run's vocabulary" in said.err
    answer = json.loads(lstmtui("evaluate", "diary", text_file, "--json").out)
    assert answer["run"] == "diary"
    assert answer["nll"] == 1.5


def test_evaluate_dynamically_is_told_apart(lstmtui, text_file):
    said = lstmtui("evaluate", "diary", text_file, "--dynamic", "--dynamic-lr", "0.001")
    assert said.code == 0
    assert said.out.splitlines()[0].startswith("1.5000 nats per token")
    assert said.out.splitlines()[1].startswith("dynamic: 1.2500 nats per token")
    assert "0.2500 nats per token better (rms rule, learning rate 0.001, decay 0.02, every 20 tokens)" in said.err
    assert fake_model.asked[-1]["dynamic"] == {"rule": None, "lr": 0.001, "decay": None}
    assert json.loads(lstmtui("evaluate", "diary", text_file, "--dynamic", "--json").out)["dynamic"]["nll"] == 1.25


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--dynamic-lr", "1"], "belong to --dynamic"),
        (["--dynamic", "--autocomplete"], "leave one out"),
        (["--dynamic", "--dynamic-rule", "adam"], "rms or sgd"),
    ],
)
def test_dynamic_evaluation_refuses_what_makes_no_sense(lstmtui, text_file, options, words):
    said = lstmtui("evaluate", "diary", text_file, *options)
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert words in said.err
    assert fake_model.asked == []


def test_evaluate_refuses_a_file_before_it_loads_the_model(lstmtui, tmp_path):
    said = lstmtui("evaluate", "diary", tmp_path / "nope.txt")
    assert said.code == 2
    assert "nope.txt" in said.err
    assert fake_model.asked == []


def test_complete_leaves_out_what_is_improbable(lstmtui):
    said = lstmtui("complete", "diary", "The ", "-k", "3", "--threshold", "0.2")
    assert [line.split()[0] for line in said.out.splitlines()] == ["50.0%", "25.0%"]
    assert lstmtui("complete", "diary", "The ", "--threshold", "0.9").out == ""


def test_complete_plain_is_the_candidates_alone(lstmtui):
    assert lstmtui("complete", "diary", "The ", "-k", "2", "--plain").out == "word0\nword1\n"


@pytest.mark.parametrize("option", ["--warm", "--plain", "--threshold=0.5"])
def test_complete_refuses_what_goes_with_a_text_for_lines(lstmtui, option):
    said = lstmtui("complete", "diary", "--stdin", option)
    assert said.code == 2
    assert "go with TEXT" in said.err


def test_complete_warm_asks_who_stands_by_and_else_leaves_somebody_behind(lstmtui, monkeypatch):
    begun, answer = [], {"candidates": [{"text": "at once", "probability": 0.5}]}
    monkeypatch.setattr(daemon, "ask", lambda run, question: None)
    monkeypatch.setattr(daemon, "start", lambda run: begun.append(run.name))
    assert "word0" in lstmtui("complete", "diary", "The ", "--warm").out
    assert begun == ["diary"]
    fake_model.asked.clear()
    monkeypatch.setattr(daemon, "ask", lambda run, question: dict(answer) if question["text"] == "The " else None)
    assert lstmtui("complete", "diary", "The ", "--warm").out == " 50.0%  at once\n"
    assert begun == ["diary"]
    assert fake_model.asked == []


def test_evaluate_autocomplete(lstmtui, text_file):
    said = lstmtui("evaluate", "diary", text_file, "--autocomplete", "--apart", "--adapt", "--words", "9")
    assert said.code == 0
    lines = {line[:26].strip(): line[26:].split() for line in said.out.splitlines()}
    assert lines["saved, 1 suggestion"] == ["49.1%"] * 3
    assert lines["saved, 3 suggestions"] == ["60.2%"] * 3
    assert lines["each once, 3"] == ["60.2%"] * 3
    assert lines["precision at 0.3"] == ["-"] * 3
    assert "p50 1.2, p90 2.5, p99 10.0" in said.out
    assert fake_model.asked[0] == {
        "op": "autocomplete", "files": [str(text_file)], "apart": True, "words": 9, "threshold": 0.3, "adapt": True,
    }  # fmt: skip
    answer = json.loads(lstmtui("evaluate", "diary", text_file, "--autocomplete", "--json").out)
    assert (answer["run"], answer["words"], answer["savings"]["3"]) == ("diary", 1234, 0.602)


def test_every_figure_of_the_report_is_defined_in_its_help(lstmtui, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    told = " ".join(lstmtui("evaluate", "--help").out.split())
    for name in (
        "saved = ",
        "each once = ",
        "hit = ",
        "MRR = ",
        "coverage = ",
        "precision = ",
        "ghost = ",
        "latency = ",
        "one keystroke",
    ):
        assert name in told, name


@pytest.mark.parametrize("options", [["--apart"], ["--adapt"], ["--autocomplete", "--threshold", "2"]])
def test_evaluate_refuses_options_that_make_no_sense(lstmtui, text_file, options):
    said = lstmtui("evaluate", "diary", text_file, *options)
    assert said.code == 2
    assert fake_model.asked == []


def test_adapt(lstmtui, text_file):
    said = lstmtui("adapt", "diary", text_file, "--weights")
    assert said.code == 0
    assert "1,234 words" in said.err
    assert "from 4.500 to 4.250" in said.err
    assert lstmtui("adapt", "diary", "--reset").err == "The profile is forgotten.\n"
    assert json.loads(lstmtui("adapt", "diary", text_file, "--json").out) == {"run": "diary", "words": 1234}
    assert [a["op"] for a in fake_model.asked] == ["adapt", "forget", "adapt"]


def test_a_profile_is_shown_and_parts_of_it_forgotten(lstmtui):
    said = lstmtui("adapt", "diary", "--show")
    assert said.code == 0
    assert "1,234 words  /home/a␛.txt" in said.out
    assert "not in the training text:\n  teh, zebulon ×12\n" in said.out
    assert "most often:\n  the ×99\n" in said.out
    assert "1,200 words" in lstmtui("adapt", "diary", "--forget", "teh").err
    assert fake_model.asked[-1] == {"op": "forget", "what": "teh"}
    said = lstmtui("adapt", "diary", "--forget", "nope")
    assert said.code == 2
    assert "no word and no file 'nope'" in said.err
    assert json.loads(lstmtui("adapt", "diary", "--show", "--json").out)["unknown"] == [["teh", 1], ["zebulon", 12]]


@pytest.mark.parametrize(
    "arguments",
    [[], ["--reset", "--weights"], ["nope.txt"], ["--show", "--reset"], ["--forget", ""], ["--show", "--weights"]],
)
def test_adapt_refuses_what_makes_no_sense(lstmtui, arguments):
    assert lstmtui("adapt", "diary", *arguments).code == 2
    assert lstmtui("adapt", "diary", "--reset", "file.txt").code == 2
    assert fake_model.asked == []
