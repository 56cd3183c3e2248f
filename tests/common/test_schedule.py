import itertools

import pytest

from lstmtui.common.schedule import Turn, dropout_factor, fraction_done, lr_factor


def curve(kind="cosine", steps=1000, warmup=100, end=0.01):
    return [lr_factor(k, steps=steps, warmup=warmup, kind=kind, end=end) for k in range(1, steps + 1)]


def test_warms_up_linearly_to_the_peak():
    assert curve()[:100] == pytest.approx([k / 100 for k in range(1, 101)])


def test_cosine_falls_from_the_peak_to_the_end():
    falling = curve()[99:]
    assert falling == sorted(falling, reverse=True)
    assert falling[0] == 1
    assert falling[450] == pytest.approx((1 + 0.01) / 2, abs=1e-9)
    assert falling[-1] == pytest.approx(0.01)


def test_constant_stays_at_the_peak():
    assert set(curve("constant")[99:]) == {1.0}


def test_a_short_run_still_reaches_its_peak():
    assert max(curve(steps=20)) == 1
    assert max(curve(steps=1)) == 1
    assert curve(steps=5, warmup=0)[0] > 0


def test_a_turn_continues_the_curve_and_ends_at_the_last_step():
    turns = [Turn(400, fraction_done(400, steps=1000, warmup=100), 700)]
    turns.append(Turn(500, fraction_done(500, steps=1000, warmup=100, turns=turns), 2000))
    curve = [lr_factor(k, steps=1000, warmup=100, kind="cosine", end=0.01, turns=turns) for k in range(1, 2001)]
    assert curve[:400] == [lr_factor(k, steps=1000, warmup=100, kind="cosine", end=0.01) for k in range(1, 401)]
    falling = curve[99:]
    assert falling == sorted(falling, reverse=True)
    assert max(a - b for a, b in itertools.pairwise(falling)) < 0.006  # no jump: the steepest is pi / 2 in 600 steps
    assert curve[-1] == pytest.approx(0.01)


def test_dropout_rises_from_a_tenth_to_its_full_rate():
    assert [dropout_factor(done, 0.5) for done in (-0.1, 0.0, 0.25, 0.5, 1.0)] == pytest.approx(
        [0.1, 0.1, 0.55, 1.0, 1.0]
    )


def test_constant_dropout_is_in_force_from_the_first_step():
    assert {dropout_factor(done, 0.0) for done in (-0.1, 0.0, 0.3, 1.0)} == {1.0}
