"""What `evaluate` measures depends on what a run is for."""

from lstmtui import config
from lstmtui.cli.evaluate import EVALUATIONS


def test_every_purpose_has_its_evaluation():
    of_text = {*config.TEXT_PURPOSES, "memory"}
    assert set(EVALUATIONS) == {"text", *config.PURPOSES} - {"autocomplete", "memory"}
    assert of_text - set(EVALUATIONS) == {"autocomplete", "memory"}
