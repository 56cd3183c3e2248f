"""The speed of training is measured."""

from __future__ import annotations

import json

import pytest

from lstmtui import config
from lstmtui.engine.benchmark import bench
from lstmtui.engine.benchmark.bench import SHAPES, Shape
from lstmtui.errors import UsageError

TINY = Shape(2, 4, V=7, B=3, T=5)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("2x512xV65xB32xT100", Shape(2, 512, 65, 32, 100)),
        ("1x8", Shape(1, 8, 65, 32, 32)),
        ("3x8xT9", Shape(3, 8, 65, 32, 9)),
        ("words-medium", Shape(2, 650, 10_000, 20, 35)),
    ],
)
def test_shapes_are_parsed(text, shape):
    assert bench.parse_shape(text) == shape
    assert bench.parse_shape(str(shape)) == shape


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not a shape"),
        ("2x", "is not a shape"),
        ("2x8xT5xB5", "is not a shape"),
        ("word-medium", "words-medium"),
        ("0x8", "layers must be at least 1"),
        ("2x8xV1", "vocabulary must be at least 2"),
        ("2x99999999999999999999", "too large"),
    ],
)
def test_text_that_is_not_a_shape_raises(text, words):
    with pytest.raises(UsageError, match=words):
        bench.parse_shape(text)


@pytest.mark.parametrize(
    ("cell", "weights"),
    [
        ("rnn", 2 * 2 * 4 * 4 + 7 * 4),  # two layers, W_ih and W_hh of one block (4, 4) each; softmax (7, 4)
        ("lstm", 2 * 2 * 16 * 4 + 7 * 4),
        ("peephole", 2 * 2 * 16 * 4 + 7 * 4),  # the peepholes are in no product
        ("coupled", 2 * 2 * 12 * 4 + 7 * 4),
        ("gru", 2 * 2 * 12 * 4 + 7 * 4),
    ],
)
def test_operations_are_six_for_each_weight_in_a_product(cell, weights):
    assert bench.flops_per_token(cell, TINY) == 6 * weights


def test_a_result_has_all_figures_of_a_cell_and_shape(monkeypatch):
    seconds = iter([0.0005, 0.001])
    monkeypatch.setattr(bench, "median", lambda step, at_least: (step(), next(seconds))[1])
    found = bench.measure("lstm", TINY, threads=1, seconds=1.0, limits=bench.Limits(0.1))
    assert found == {
        "cell": "lstm",
        "shape": "2x4xV7xB3xT5",
        "L": 2,
        "H": 4,
        "V": 7,
        "B": 3,
        "T": 5,
        "device": "cpu",
        "threads": 1,
        "precision": "float32",
        "milliseconds": 0.5,
        "tokens_per_second": 30_000.0,
        "gflops": 0.051,
        "peak_gflops": 0.1,
        "share": 0.5112,  # 6 operations for 284 weights and 15 tokens in 0.5 ms are 51.12 million a second
        "step_microseconds": 1000.0,
    }


def test_the_timed_step_lowers_the_loss():
    step = bench.training_step("gru", TINY, threads=1)
    losses = [step() for _ in range(300)]
    assert losses[-1] < 0.9 * losses[0]


def test_a_network_larger_than_memory_raises():
    with pytest.raises(UsageError, match=r"2x65536xV65xB32xT32: rnn needs about \d+\.\d GB"):
        bench.training_step("rnn", bench.parse_shape("2x65536"), threads=1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--cells", "lstn"], "did you mean 'lstm'"),
        (["--cells", ""], "cell must be one of"),
        (["--shapes", "big"], ", ".join(SHAPES)),
        (["--threads", "0"], "at least 1"),
        (["--seconds", "nan"], "--seconds"),
        (["--seconds", "0"], "--seconds"),
        (["--seconds", "soon"], "--seconds"),
        (["--precision", "float16"], "precision must be one of"),
        (["--device", "gpu"], "device must be one of"),
    ],
)
def test_a_wrong_option_is_one_sentence_and_exit_code_2(capsys, arguments, words):
    assert bench.main(arguments) == 2
    said = json.loads(capsys.readouterr().out)
    assert said["exit_code"] == 2
    assert words in said["error"]


def test_one_line_for_each_shape_and_cell(capsys, monkeypatch):
    monkeypatch.setattr(bench, "peak", lambda threads: 100.0 * threads)
    monkeypatch.setattr(bench, "median", lambda step, seconds: 0.25)
    assert (
        bench.main(
            [
                "--cells",
                "rnn,gru",
                "--shapes",
                "1x4,1x5",
                "--threads",
                "2",
                "--seconds",
                "0.1",
                "--precision",
                "float32",
                "--device",
                "cpu",
            ]
        )
        == 0
    )
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["shape"][:3], line["cell"]) for line in lines] == [
        ("1x4", "rnn"), ("1x4", "gru"), ("1x5", "rnn"), ("1x5", "gru"),
    ]  # fmt: skip
    assert {line["peak_gflops"] for line in lines} == {200.0}


def test_settings_accept_every_named_shape():
    for shape in SHAPES.values():
        s = shape.settings("lstm")
        assert bench.parse_shape(str(shape)) == shape
        config.check_together(config.Settings(**s.flat()))
