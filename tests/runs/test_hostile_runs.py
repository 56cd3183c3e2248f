"""Damaged and hostile run folders raise errors of the project, and the other runs are still shown."""

from __future__ import annotations

from support import hostile_runs
from support.prepared_run import make_run

from lstmtui.runs.probes import read_saturation
from lstmtui.runs.reader import RunReader


def test_a_damaged_run_raises_no_foreign_error_and_hides_no_other(tmp_path):
    campaign = hostile_runs.Campaign(tmp_path, seed=3)
    for _ in range(60):
        campaign.one()
    assert campaign.seen["refused"] > 10
    assert campaign.seen["shown"] > 10


def test_values_of_wrong_types_in_a_status_are_left_out(tmp_path):
    status = {"step": "x", "result": {"valid": {"nll": "x", "tokens": [], "whole": False}, "test": 3}, "epoch": {}}
    run = make_run(tmp_path, state="finished", status=status)
    snapshot = RunReader(run).refresh()
    assert (snapshot.step, snapshot.status["result"]) == (0, {"valid": {}})
    assert "epoch" not in snapshot.status


def test_a_probe_with_a_flipped_byte_is_read_or_left_out(tmp_path):
    run = make_run(tmp_path, probes=1, hidden=2)
    (path,) = run.probes.iterdir()
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 5]) + whole[at + 1 :])
        assert len(read_saturation(run)) <= 1
