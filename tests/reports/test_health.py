"""Health of runs: real ones are in `tests/fixtures/health.json`, and made ones stand for what these do not have."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from support import tiny

from lstmtui.config import CELLS
from lstmtui.reports import health
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.snapshot import RunSnapshot, TrainPoint, ValidPoint

UNIGRAM, VOCABULARY = 3.3, 64
"""Of the characters of Shakespeare: guessing all alike costs 4.16 nats."""


def run(
    losses: Sequence[float],
    *,
    ratio: float = 5e-3,
    lr: float = 6e-3,
    valid: Sequence[float] = (),
    saturated: dict[str, float] | None = None,
    every: int = 10,
    status: dict[str, Any] | None = None,
    state: str = "training",
    **settings: object,
) -> RunSnapshot:
    """Return a run with one training point each `every` steps, and evaluations that end with the last one."""
    step = every * len(losses)
    train = tuple(
        TrainPoint(
            step=every * n, tokens=1, seconds=1, loss=loss, lr=lr, grad_norm=1, clipped=0, tokens_per_second=1,
            memory_mb=1, update_ratio=ratio,
        )
        for n, loss in enumerate(losses, 1)
    )  # fmt: skip
    points = tuple(
        ValidPoint(step=step - every * back, seconds=1, best=False, figures={"nll": nll, "perplexity": 1.0})
        for back, nll in zip(range(len(valid) - 1, -1, -1), valid, strict=True)
    )
    told = {"step": step, "vocabulary": VOCABULARY, "unigram_nll": UNIGRAM, "saturated": saturated, **(status or {})}
    chosen = tiny.run_settings(**{"hidden": 64, "lr": lr, **settings})
    return RunSnapshot(run=RunFolder(Path("x")), state=state, train=train, valid=points, status=told, settings=chosen)


LSTM = ("i", "f", "g", "o")


def all_of(share: float) -> dict[str, float]:
    return dict.fromkeys(LSTM, share)


def falling(start: float, end: float, points: int) -> list[float]:
    return [end + (start - end) * math.exp(-4 * n / points) for n in range(points)]


@pytest.mark.parametrize(
    ("made", "level", "word"),
    [
        (lambda: run(falling(3.3, 1.9, 40), saturated=all_of(0.6)), "good", "healthy"),
        (lambda: run([12.5, 25.2, 30.0, 30.2, 32.3], ratio=0.08, lr=10.0), "sick", "lr too high"),
        (lambda: run([9.8, 7.3, 5.5, 4.4, 3.9], ratio=0.005, lr=10.0), "sick", "lr too high"),
        (lambda: run([3.9, 3.8, 3.9], ratio=0.02, lr=0.5), "sick", "lr too high"),
        (lambda: run([math.inf, math.nan, math.inf], lr=10.0), "sick", "lr too high"),
        (lambda: run([3.3] * 5, ratio=8e-7, lr=1e-6), "sick", "lr too low"),
        (lambda: run([3.3] * 30), "sick", "learns nothing"),
        (lambda: run([*[3.3] * 20, *[3.2] * 10], hidden=1), "sick", "too small"),
        (lambda: run([3.4] * 30, saturated=all_of(1.0), lr=10.0), "sick", "saturated"),
        (lambda: run(falling(3.3, 2.0, 40), saturated=all_of(0.99)), "sick", "saturated"),
        (lambda: run([*falling(3.3, 2.0, 40), 2.9, 3.0, 3.0, 3.0]), "doubtful", "loss rises"),
        (lambda: run([3.3] * 5), "unknown", "too early to say"),
        (lambda: run([30.0]), "unknown", "too early to say"),
        (lambda: run([]), "unknown", ""),
        (lambda: run([30.0] * 9, purpose="memory"), "unknown", ""),
        (lambda: run([3.0], state="diverged"), "sick", "diverged"),
    ],
)
def test_runs_are_judged(made: Callable[[], RunSnapshot], level: str, word: str) -> None:
    found = health.judge(made())
    assert (found.level, found.word) == (level, word)
    assert bool(found.finding) == (level in ("sick", "doubtful"))


def test_one_bad_batch_is_no_illness() -> None:
    losses = falling(3.3, 1.9, 40)
    losses[30] = 12.0
    for end in range(2, 41):
        assert health.judge(run(losses[:end])).level in ("good", "unknown")


def test_a_text_whose_parts_differ_is_not_sick() -> None:
    """Chinese after English: the training loss rises, and that of validation does not."""
    assert health.judge(run([*falling(3.3, 2.0, 40), 3.5, 3.6, 3.6], valid=[2.5, 2.2, 2.2])).level == "good"


def test_saturation_is_of_the_gates_that_can_saturate() -> None:
    mingru = run(falling(3.3, 2.0, 40), saturated={"z": 0.5, "n": 0.0}, cell="mingru")
    assert health.saturation(mingru) == 0.5
    assert health.judge(run(falling(3.3, 2.0, 40), saturated={"z": 0.99, "n": 0.0}, cell="mingru")).word == "saturated"
    assert health.saturation(run([3.0])) is None
    for hostile in ([1], {"i": "x"}, {"i": math.nan}, {"i": 7}, {}):
        assert health.saturation(run([3.0], status={"saturated": hostile})) is None


def test_one_saturated_gate_is_no_illness() -> None:
    gates = {**all_of(0.6), "i": 1.0}
    assert health.judge(run(falling(3.3, 2.0, 40), saturated=gates)).level == "good"


def test_a_loss_without_the_frequencies_of_tokens_is_compared_with_guessing_alike() -> None:
    """Runs of older versions do not record them, and those of translation have none."""
    old: dict[str, Any] = {"unigram_nll": None}
    assert health.judge(run([4.9] * 4, status=old)).word == "lr too high"
    assert health.judge(run([3.3] * 40, status=old)).word == "too early to say"
    assert health.judge(run(falling(4.1, 2.0, 40), status=old)).word == "healthy"
    assert health.judge(run([9.0] * 4, purpose="speech", status=old)).level == "unknown"


def test_a_learning_rate_is_proposed_in_the_direction_that_helps() -> None:
    (_, high), (_, low) = (
        health.judge(made).sentences for made in (run([30.0] * 5, lr=10.0), run([3.3] * 5, ratio=8e-7, lr=1e-6))
    )
    assert high == "To change: a lower learning rate (10 now; 0.002 to 0.012 is chosen without --lr)."
    assert "a higher learning rate" in low
    assert "(0.008 now; --lr 0.0008)" in health.judge(run([30.0] * 5, lr=8e-3)).change
    assert "--lr 1)" in health.judge(run([30.0] * 5, lr=10.0, optimizer="sgd")).change


def test_a_sick_run_is_not_told_what_would_help_a_good_one() -> None:
    sick = run([9.8, 7.3, 5.5, 4.4, 3.9], ratio=0.005, lr=10.0, valid=[12.4, 4.1], state="finished")
    assert not any("more time" in sentence for sentence in health.advice(sick))
    good = run(falling(3.3, 1.9, 40), valid=[2.2, 2.0], state="finished", status={"steps": 400})
    assert "more time" in health.advice(good)[-1]


def test_a_run_that_overfits_is_doubtful_and_has_the_advice_of_overfitting() -> None:
    found = health.judge(run(falling(3.3, 1.0, 40), valid=[1.5, 1.6, 1.7, 1.8]))
    assert (found.level, found.word) == ("doubtful", "overfits at 370")
    assert "memorises" in found.finding
    assert "--dropout" in found.change


def test_the_record_is_json() -> None:
    from lstmtui.common.files import to_json

    record = health.health_record(run([30.0] * 5, lr=10.0, saturated=all_of(1.0)))
    assert record["word"] == "lr too high"
    assert record["saturated"] == 1
    assert record["uniform_nll"] == pytest.approx(math.log(VOCABULARY))
    assert "100 % of its gate values" in to_json(record)


MEASURED: dict[str, Any] = json.loads((Path(__file__).parents[1] / "fixtures" / "health.json").read_text())
"""Figures of real runs of 100 to 1200 steps, one point each 10 steps, good ones of all cells and sick ones."""


def measured(name: str, step: int) -> RunSnapshot:
    """Return one of these runs as it was at a step."""
    it = MEASURED[name]
    train = tuple(
        TrainPoint(
            step=at, tokens=at, seconds=1, loss=loss, lr=lr, grad_norm=norm, clipped=clipped, tokens_per_second=1,
            memory_mb=1, update_ratio=ratio,
        )
        for at, loss, lr, ratio, norm, clipped in it["train"]
        if at <= step
    )  # fmt: skip
    valid = tuple(
        ValidPoint(step=at, seconds=1, best=False, figures={"nll": nll, "perplexity": 1.0})
        for at, nll in it["valid"]
        if at <= step
    )
    saturated = next((of for at, of in reversed(it["saturated"]) if at <= step), None)
    last = it["train"][-1][0]
    told = {"step": step, "steps": last, "saturated": saturated}
    told |= {field: it[field] for field in ("vocabulary", "unigram_nll")}
    chosen = tiny.run_settings(**{name: it[name] for name in ("cell", "hidden", "layers", "tokens", "lr", "clip")})
    state = "finished" if step == last else "training"
    return RunSnapshot(run=RunFolder(Path("x")), state=state, train=train, valid=valid, status=told, settings=chosen)


def judged(name: str) -> dict[int, health.Health]:
    return {point[0]: health.judge(measured(name, point[0])) for point in MEASURED[name]["train"]}


def of(expected: str) -> list[str]:
    return [name for name, it in MEASURED.items() if it["expected"] == expected]


@pytest.mark.parametrize("name", of("good"))
def test_a_good_run_is_never_called_sick(name: str) -> None:
    found = judged(name)
    assert {one.level for one in found.values()} <= {"good", "unknown"}
    assert list(found.values())[-1].level == "good"
    assert "more time" in " ".join(health.advice(measured(name, max(found))))


@pytest.mark.parametrize("name", [*of("lr too high"), *of("lr too low")])
def test_a_wrong_learning_rate_is_told_within_50_steps_and_to_the_end(name: str) -> None:
    found = {step: one for step, one in judged(name).items() if step >= 50}
    assert {one.level for one in found.values()} == {"sick"}
    wanted = "a lower learning rate" if MEASURED[name]["expected"] == "lr too high" else "a higher learning rate"
    assert all(one.change.startswith(wanted) for one in found.values())


@pytest.mark.parametrize("name", of("too small"))
def test_a_network_of_one_unit_is_told_to_be_larger(name: str) -> None:
    found = judged(name)
    assert {one.word for step, one in found.items() if step >= 200} == {"too small"}
    assert {one.level for step, one in found.items() if step < 200} <= {"good", "unknown"}


@pytest.mark.parametrize("name", of("overfits"))
def test_a_run_that_memorises_its_text_is_told_so(name: str) -> None:
    last = list(judged(name).values())[-1]
    assert (last.level, last.word.split()[0]) == ("doubtful", "overfits")
    assert last.change


def test_good_runs_of_all_cells_were_measured() -> None:
    assert {MEASURED[name]["cell"] for name in of("good")} == set(CELLS)
