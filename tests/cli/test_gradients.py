"""`lstmtui gradients`: what is asked, and told."""

from __future__ import annotations

import json

import pytest
from support.fake_inspector import FakeInspector
from support.prepared_run import make_run

from lstmtui.cli import main


@pytest.fixture
def model(monkeypatch):
    class Model(FakeInspector):
        def __init__(self, run):
            super().__init__()

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.close()

        def _gradients(self, text, lags):
            asked.append(lags)
            return super()._gradients(text)

    asked = []
    monkeypatch.setattr("lstmtui.client.model.Model", Model)
    return asked


def test_gradients_are_printed_in_words_and_as_json(tmp_path, model, capsys):
    make_run(tmp_path / "runs", "diary")
    assert main(["gradients", "diary", "--lags", "60"]) == 0
    said = capsys.readouterr().out
    assert "diary  lstm, step 1200" in said
    assert "layer 1  dL/dh holds: 17 % of lag 1" in said
    assert "layer 2  dL/dc holds" in said
    assert "half-life 12 steps" in said
    assert main(["gradients", "diary", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["run"], len(told["h"][0])) == ("diary", 60)
    assert model == [60, 100]
    assert main(["gradients", "nobody"]) == 2
