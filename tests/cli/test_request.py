from __future__ import annotations

import pytest

from lstmtui.common.files import read_json_lines


@pytest.mark.parametrize("operation", ["pause", "continue", "save", "undo", "rewind"])
def test_a_request_reaches_the_engine_and_its_answer_comes_back(lstmtui, live_run, operation):
    said = lstmtui(operation, "live")
    assert (said.code, said.err) == (0, f"{operation} it is\n")
    assert [r["op"] for r in read_json_lines(live_run.requests)[0]] == [operation]


@pytest.mark.parametrize("arguments", [["pause"], ["stop"], ["set", "diary", "lr=1"]])
def test_a_stopped_run_is_refused(lstmtui, make_run, arguments):
    make_run("diary", "stopped")
    said = lstmtui(*arguments)
    assert said.code == 2
    assert "'lstmtui resume diary'" in said.err
