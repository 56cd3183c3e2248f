from __future__ import annotations

import pytest

from lstmtui.data.containers import budget
from lstmtui.errors import UsageError


def test_a_file_gives_some_times_its_size(monkeypatch):
    monkeypatch.setattr(budget, "FREE_BYTES", 100)
    bounded = budget.Budget("a.gz", 10)
    assert len(list(bounded.count([b"x" * 700, b"x" * 700, b"x" * 700]))) == 3
    with pytest.raises(UsageError, match=r"a\.gz unpacks"):
        bounded.take(1)
