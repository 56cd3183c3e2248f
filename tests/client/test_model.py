import pytest
from support import tiny

import lstmtui
from lstmtui.errors import UsageError


def test_a_completer_is_loaded_by_the_name_of_a_run(tmp_path, monkeypatch):
    run = tiny.create(tmp_path, name="diary")
    assert tiny.train(run) == 0
    with lstmtui.Completer.load("diary") as completer:
        found = completer.complete("the ", k=3)
        assert 0 < len(found) <= 3
        assert isinstance(found[0], lstmtui.Candidate)
        assert completer.about["step"] == 30
        assert completer.adapt("zebulon " * 50) == 50
        completer.forget()
    assert not completer.alive
    monkeypatch.chdir(run.path.parent)
    for name in ("latest", run.path, str(run.path), "./diary"):
        lstmtui.Completer.load(name).close()
    with pytest.raises(UsageError, match="no run"):
        lstmtui.Completer.load("nope")
    with pytest.raises(AttributeError, match="nothing_such"):
        _ = lstmtui.nothing_such
