import json
from contextlib import nullcontext

import numpy as np
import pytest

from lstmtui import config
from lstmtui.engine import backend
from lstmtui.engine.benchmark import bench, roofline
from lstmtui.engine.benchmark.bench import SHAPES, Shape
from lstmtui.engine.benchmark.profile import Part, Profile
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


def test_the_peak_is_measured_on_real_multiply_adds():
    sums = np.arange(roofline.CHAINS, dtype=np.float32)
    for _ in range(3):
        sums = sums * np.float32(0.5) + 1
    assert roofline.multiply_adds(3, 0.5, 1.0) == roofline.LANES * sums.sum()


def test_the_peak_counts_two_operations_for_a_multiply_add(monkeypatch):
    clock = iter([10.0, 10.5, 20.0, 20.25])
    monkeypatch.setattr(roofline.time, "perf_counter", lambda: next(clock))
    assert roofline.peak(1, turns=2) == pytest.approx(2e-9 * roofline.LANES * roofline.CHAINS * roofline.ROUNDS / 0.25)


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


def test_a_profile_has_every_part_of_a_step_and_restores_the_kernels():
    before = backend.CPU.linear
    workload = bench.make_workload("gru", TINY, 1, dropout=0.25, weight_drop=0.25)
    rows = bench.profile(workload, 0.0, bench.Limits(1.0, 1.0))
    assert backend.CPU.linear is before
    assert "pack" not in vars(workload.network)
    parts = {row["part"]: row for row in rows}
    expected = {"weights: packing", "dropout", "inputs: product", "layers: forward"}
    expected |= {"softmax: product and loss", "softmax: gradients"}
    expected |= {"layers: backward", "layers: gradient of weights", "inputs: gradient", "embedding: gradient"}
    assert expected | {"optimizer: norm", "optimizer: update", "the rest"} <= set(parts)
    assert all(row["milliseconds"] >= 0 for row in rows)
    # Multiply-adds: 2 layers, 15 positions, 12 x 4 weights; at 1 GFLOP/s and 1 GB/s bytes are the limit.
    forward = parts["layers: forward"]
    assert forward["limit"] == "memory"
    (row,) = [part.row(1, 1e-3, 1e9) for part in [Part("x", flops=2 * 2 * 15 * 12 * 4)]]
    assert row["limit_milliseconds"] == pytest.approx(2 * 2 * 15 * 48 / 1e6 * 1e3, abs=1e-3)


def test_profiling_changes_no_bit():
    def losses(timed):
        workload = bench.make_workload("lstm", TINY, 1)
        with Profile().of(workload.network) if timed else nullcontext():
            return [workload.step() for _ in range(5)]

    assert losses(True) == losses(False)


def test_bandwidth_counts_two_arrays_in_and_one_out(monkeypatch):
    monkeypatch.setattr(roofline, "ARRAY_SIZE", 100)
    clock = iter([10.0, 10.5, 20.0, 20.25])
    monkeypatch.setattr(roofline.time, "perf_counter", lambda: next(clock))
    assert roofline.bandwidth(2, turns=2) == pytest.approx(1e-9 * 12 * 100 / 0.25)


def test_settings_accept_every_named_shape():
    for shape in SHAPES.values():
        s = shape.settings("lstm")
        assert bench.parse_shape(str(shape)) == shape
        config.check_together(config.Settings(**s.flat()))
