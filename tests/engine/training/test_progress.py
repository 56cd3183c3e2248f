import json
import math

import pytest

from lstmtui.common.files import FormatError, to_json
from lstmtui.engine.training.progress import Interval, Progress


def test_json_round_trip_is_exact():
    p = Progress(step=3, seconds=0.1 + 0.2, best_nll=1 / 3, live={"lr": 1e-3}, interval=Interval(2, 0.7, 1.3, 1))
    assert Progress.from_dict(json.loads(to_json(p.as_dict()))) == p
    assert Progress.from_dict(json.loads(to_json(Progress().as_dict()))).best_nll == math.inf


def test_invalid_progress_raises():
    for wrong in ({}, {"step": 1}, {**Progress().as_dict(), "interval": {"stops": 1}}):
        with pytest.raises(FormatError):
            Progress.from_dict(wrong)
