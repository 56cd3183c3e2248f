"""Which unit multiplies bfloat16, and why."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest
from lstm_kernels.cpu.microkernel import tile_permission
from lstm_kernels.cpu.microkernel.tile_permission import choose_unit, request_tiles

TILES = {"amx-tile": True, "amx-bf16": True}


@pytest.mark.parametrize("features", [TILES, {}])
def test_vectors_are_the_default_and_the_twin_runs_anywhere(features):
    assert choose_unit(None, features)[0] == "vectors"
    assert choose_unit("vectors", features)[0] == "vectors"
    assert choose_unit("twin", features)[0] == "twin"
    assert choose_unit("tils", features) == ("vectors", "LSTM_KERNELS_UNIT is 'tils', and can be vectors, tiles, twin")


@pytest.mark.parametrize("allowed", [True, False])
def test_tiles_need_the_unit_and_the_leave_to_use_it(allowed, monkeypatch):
    monkeypatch.setattr(tile_permission, "request_tiles", lambda: allowed)
    assert choose_unit("tiles", {"amx-tile": True}) == ("vectors", "this processor has no tile unit")
    unit, reason = choose_unit("tiles", TILES)
    assert unit == ("tiles" if allowed else "vectors")
    assert ("does not allow" in reason) is not allowed


def test_a_system_without_the_request_refuses_it(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert request_tiles() is False


def test_asking_for_the_unit_never_ends_the_process():
    """Whatever the kernel answers, in a process of its own."""
    program = "from lstm_kernels.cpu.microkernel.tile_permission import request_tiles; print(request_tiles())"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert ran.stdout.strip() in ("True", "False"), ran.stderr
