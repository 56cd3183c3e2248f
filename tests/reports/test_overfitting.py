from pathlib import Path

import pytest
from support import tiny

from lstmtui.reports import overfitting
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.snapshot import RunSnapshot, TrainPoint, ValidPoint

OVERFITTED = [(2, 1.5), (1.2, 1.6), (1.0, 1.7), (0.8, 1.8)]


def evaluated(tmp_path: Path, losses: list[tuple[float, float]], **more: object) -> RunSnapshot:
    """Return a run with one point of training and one evaluation each hundred steps."""
    train = tuple(
        TrainPoint(
            step=100 * i, tokens=1, seconds=1, loss=loss, lr=1, grad_norm=1, clipped=0, tokens_per_second=1, memory_mb=1
        )
        for i, (loss, _) in enumerate(losses, 1)
    )
    valid = tuple(
        ValidPoint(step=100 * i, seconds=1, best=False, figures={"nll": nll, "perplexity": 1.0})
        for i, (_, nll) in enumerate(losses, 1)
    )
    return RunSnapshot(**{"run": RunFolder(tmp_path), "state": "training", "train": train, "valid": valid, **more})


@pytest.mark.parametrize(
    ("losses", "size", "verdict"),
    [
        ([(2.0, 2.05)], 0.05, "healthy"),
        ([(2.0, 2.2), (1.9, 2.1)], 0.15, "growing"),
        ([(2.2, 2.0)], -0.2, "valid is ahead"),
        ([(1.0, 2.0), (1.0, 1.5)], 0.5, "wide"),
        ([(1.0, 1.5), (1.0, 1.6)], 0.6, "memorised"),
        (OVERFITTED, 0.55, "overfits at 100"),
        ([(1.5, 1.5), (1.5, 1.5), (1.5, 1.5), (1.5, 1.5)], 0.0, "no better lately"),
    ],
)
def test_the_gap_has_a_verdict(tmp_path: Path, losses: list[tuple[float, float]], size: float, verdict: str) -> None:
    found = overfitting.generalisation_gap(evaluated(tmp_path, losses))
    assert found is not None
    assert found == (pytest.approx(size, abs=0.011), verdict)


def test_there_is_no_gap_before_both_losses_are_known(tmp_path: Path) -> None:
    assert overfitting.generalisation_gap(RunSnapshot(run=RunFolder(tmp_path), state="training")) is None
    assert overfitting.generalisation_gap(evaluated(tmp_path, [(float("nan"), 2.0)])) is None


def ended(tmp_path: Path, losses: list[tuple[float, float]], *, steps: int | None = None, copied=None, **settings):
    """Return a run that has finished, with the words on it."""
    step = 100 * len(losses)
    chosen = tiny.run_settings(**{"hidden": 256, "dropout": 0.0, "weight_drop": 0.0, "minutes": 3.0, **settings})
    status = {"step": step, "steps": steps or step, "result": {"copied": copied}}
    return evaluated(tmp_path, losses, state="finished", settings=chosen, status=status)


def shared(characters: int, usual: float | None) -> dict:
    return {"characters": characters, "text": "a line\x1b that was read", "usual": usual, "of": 2000}


def test_memorising_is_reported_with_what_to_change(tmp_path):
    first, last = overfitting.advice(ended(tmp_path, OVERFITTED))
    assert first == (
        "It memorises its text: validation was best at step 100, and training loss is 0.55 nats per token lower now. "
        "The weights of that best step are the ones that are used."
    )
    assert last == (
        "To change: --weight-drop 0.3, more dropout (--dropout 0.2), a schedule that ends there (--steps 120), "
        "a smaller network (--hidden 128), or more text."
    )


@pytest.mark.parametrize(("purpose", "corpus"), [("speech", "recordings"), ("captions", "pictures")])
def test_what_a_run_memorises_is_named(tmp_path, purpose, corpus):
    first, last = overfitting.advice(ended(tmp_path, OVERFITTED, purpose=purpose))
    assert first.startswith(f"It memorises its {corpus}: ")
    assert last.endswith(f"or more {corpus}.")


def test_regularisers_in_use_are_not_proposed_again(tmp_path):
    last = overfitting.advice(ended(tmp_path, OVERFITTED, dropout=0.5, weight_drop=0.3, tokens="words"))[-1]
    assert "--dropout" not in last.replace("--embedding-dropout", "")
    assert "--weight-drop" not in last
    assert "--embedding-dropout 0.1" in last


def test_words_that_still_improve_are_not_advised_more_noise(tmp_path):
    better = [(2.0, 3.0), (1.5, 2.5)]
    last = overfitting.advice(ended(tmp_path, better, tokens="words"))[-1]
    assert "--activation-reg 2 --temporal-reg 1" in last
    assert "drop" not in last
    assert "--weight-drop" in overfitting.advice(ended(tmp_path, better, tokens="chars"))[-1]
    assert "reg" not in overfitting.advice(ended(tmp_path, better, tokens="words", activation_reg=2.0))[-1]


def test_early_stopping_is_reported(tmp_path):
    first = overfitting.advice(ended(tmp_path, OVERFITTED, steps=5000))[0]
    assert first == "Stopped early, at step 400 of 5,000: 3 evaluations brought no improvement (--patience)."


def test_a_run_that_still_improves_is_advised_to_resume(tmp_path):
    found = overfitting.advice(ended(tmp_path, [(2.0, 2.05), (1.9, 1.95)]))
    assert found == [
        "To change: it was still improving, so more time (resume it with --minutes 3) helps, "
        "then a larger network (--hidden 512)."
    ]
    run = ended(tmp_path, [(2.0, 2.05), (1.9, 1.95)])
    run.status.update(parameters=900_000, tokens=3_000_000, epoch=20)  # six for each token of the text
    assert overfitting.advice(run) == [
        "To change: it was still improving, so more time (resume it with --minutes 3) helps."
    ]
    assert "for as long as validation follows" in overfitting.advice(ended(tmp_path, [(2.0, 2.2), (1.9, 2.1)]))[-1]
    assert "less dropout (now 0.3)" in overfitting.advice(ended(tmp_path, [(2.2, 2.0), (2.1, 1.9)], dropout=0.3))[-1]


@pytest.mark.parametrize(("length", "option"), [({"steps": 200}, "--steps 200"), ({"epochs": 2.0}, "--steps 200")])
def test_the_proposed_extension_is_the_length_of_the_run(tmp_path, length, option):
    found = overfitting.advice(ended(tmp_path, [(2.0, 2.05), (1.9, 1.95)], **{"minutes": None, **length}))
    assert f"(resume it with {option})" in found[0]


@pytest.mark.parametrize(("tokens", "warned"), [(1, True), (499, True), (500, False), (0, False), (None, False)])
def test_few_validation_tokens_are_called_chance_and_give_no_other_advice(tmp_path, tokens, warned):
    run = ended(tmp_path, OVERFITTED)
    run.status["valid_tokens"] = tokens
    found = overfitting.advice(run)
    assert ("chance" in found[0]) == warned
    assert ("To change" in found[-1]) != warned


def test_there_is_no_advice_before_the_gap_is_known(tmp_path):
    assert overfitting.advice(evaluated(tmp_path, [])) == []
    assert overfitting.overfitting_record(evaluated(tmp_path, []))["word"] is None


@pytest.mark.parametrize(
    ("characters", "usual", "recites"),
    [(39, 10, False), (40, 10, True), (60, 31, False), (62, 31, True), (41, None, True)],
)
def test_far_longer_copies_than_usual_are_recited(tmp_path, characters, usual, recites):
    run = ended(tmp_path, [(2.0, 2.05), (1.9, 1.95)], copied=shared(characters, usual))
    found = overfitting.copied_text(run)
    assert found is not None
    assert found.recites == recites
    recited = [sentence for sentence in overfitting.advice(run) if "recite" in sentence]
    assert len(recited) == recites
    assert not any("\x1b" in sentence for sentence in recited)


@pytest.mark.parametrize("copied", [None, 5, {}, {"characters": "9", "text": "x", "usual": 1, "of": 2}])
def test_a_damaged_status_gives_no_copied_text(tmp_path, copied):
    assert overfitting.copied_text(ended(tmp_path, OVERFITTED, copied=copied)) is None
