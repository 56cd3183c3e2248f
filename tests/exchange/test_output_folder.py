from __future__ import annotations

import pytest

from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.exchange.output_folder import new_folder


def test_a_folder_appears_when_it_is_complete(tmp_path):
    with new_folder(tmp_path / "out") as draft:
        (draft / "a").write_text("1")
        assert not (tmp_path / "out").exists()
    assert (tmp_path / "out" / "a").read_text() == "1"
    assert len(list(tmp_path.iterdir())) == 1


def test_nothing_remains_of_a_failure_and_nothing_is_overwritten(tmp_path):
    with pytest.raises(ValueError, match="no"), new_folder(tmp_path / "out"):
        raise ValueError("no")
    assert not list(tmp_path.iterdir())
    (tmp_path / "out").mkdir()
    with pytest.raises(UsageError, match="exists already"), new_folder(tmp_path / "out"):
        pass
    with pytest.raises(LstmtuiError, match="cannot be written"), new_folder(tmp_path / "nowhere" / "out"):
        pass
