"""Texts that were typed and not cleared yet."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import RunFolder
from lstmtui.tui.drafts import Draft

TEXT = "می\u200cخواهم\u2028\r\n\tone \x1b[31m👨\u200d👩\u200d👧\n"


def test_a_text_is_there_again_as_it_was_for_its_user_alone(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "runs" / "diary")
    draft = Draft(tmp_path / "typed", run)
    assert draft.read() == ""
    draft.text = TEXT
    draft.write()
    assert Draft(tmp_path / "typed", run).read() == TEXT
    assert stat.S_IMODE(draft.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(draft.path.parent.stat().st_mode) == 0o700
    assert not (tmp_path / "runs").exists()  # nothing in the folder of the run


def test_each_run_has_its_own(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        draft = Draft(tmp_path / "typed", RunFolder(tmp_path / folder / "diary"))
        assert draft.read() == ""
        draft.text = folder
        draft.write()
    assert Draft(tmp_path / "typed", RunFolder(tmp_path / "a" / "diary")).read() == "a"


def test_a_cleared_text_leaves_no_file(tmp_path: Path) -> None:
    draft = Draft(tmp_path / "typed", RunFolder(tmp_path / "diary"))
    draft.read()
    draft.text = "secret"
    draft.write()
    draft.text = ""
    draft.write()
    assert os.listdir(tmp_path / "typed") == []


def test_a_text_that_cannot_be_read_is_not_replaced(tmp_path: Path) -> None:
    draft = Draft(tmp_path / "typed", RunFolder(tmp_path / "diary"))
    draft.path.mkdir(parents=True)  # no regular file
    with pytest.raises(LstmtuiError, match="cannot be read"):
        draft.read()
    draft.write()  # nothing was typed
    draft.text = "new"
    with pytest.raises(LstmtuiError, match="is not saved"):
        draft.write()
    assert draft.path.is_dir()


def test_a_text_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "typed").write_text("in the way")
    draft = Draft(tmp_path / "typed", RunFolder(tmp_path / "diary"))
    draft._written, draft.text = "", "new"
    with pytest.raises(LstmtuiError, match="cannot be saved"):
        draft.write()
