"""Damaged and hostile checkpoints: an engine rejects them with its own error, or trains on with them."""

from __future__ import annotations

import os

import pytest
from support import hostile_checkpoints, tiny

from lstmtui.engine import checkpoint
from lstmtui.errors import CorruptError


def test_20_000_hostile_checkpoints_are_rejected_or_loaded(tmp_path):
    campaign = hostile_checkpoints.Campaign(hostile_checkpoints.prepared(tiny.create(tmp_path, dropout=0.0)), seed=20)
    for _ in range(20_000):
        campaign.one()
    assert sum(campaign.seen.values()) == 20_000
    assert campaign.seen["metadata: loaded"] > 100  # with a valid digest, so that the code behind it is reached
    assert campaign.seen["metadata: refused"] > 1000


@pytest.mark.parametrize("kind", ["FIFO", "link", "folder"])
def test_anything_but_a_file_raises_at_once(tmp_path, kind):
    path = tmp_path / "step-00000001.safetensors"
    if kind == "FIFO":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    with pytest.raises(CorruptError, match=f"it is a {kind}, where a file belongs"):
        checkpoint.load(path)
