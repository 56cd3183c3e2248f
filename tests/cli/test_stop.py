from __future__ import annotations


def test_stop_waits_for_the_end(lstmtui, live_run):
    said = lstmtui("stop", "live")
    assert said.code == 0
    assert said.err == "Run 'live' is stopped at step 4; 'lstmtui resume live' continues it.\n"
