"""A background process rests long enough after its work."""

from __future__ import annotations

import os

from lstmtui.engine import processor_share
from lstmtui.engine.processor_share import ProcessorShare


def test_the_share_is_kept_over_work_and_rests():
    wall, used = [100.0], [7.0]
    share = ProcessorShare(0.1, lambda: wall[0], lambda: used[0])
    total = 0.0
    for work, other in ((0.5, 0.0), (0.02, 0.3), (0.0, 1.0), (2.0, 0.5)):  # seconds of work, and of waiting in between
        used[0] += work
        wall[0] += work + other
        rest = share.rest()
        assert rest >= 0
        wall[0] += rest
        total += work
        assert total <= 0.1 * (wall[0] - 100.0) + 1e-9


def test_idle_time_is_not_saved_up_for_later():
    wall, used = [0.0], [0.0]
    share = ProcessorShare(0.5, lambda: wall[0], lambda: used[0])
    wall[0] = 1000.0
    assert share.rest() == 0.0
    wall[0], used[0] = 1001.0, 1.0
    assert share.rest() == 1.0


def test_every_other_process_goes_first(monkeypatch):
    asked = []
    monkeypatch.setattr(os, "nice", asked.append)
    processor_share.give_way()
    assert asked == [19]
