"""Events in words."""

from __future__ import annotations

import pytest

from lstmtui.tui import event_words


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"event": "finished", "step": 3869, "valid": 1.45035}, "finished at step 3,869: valid 1.450 nats"),
        ({"event": "finished", "step": 9, "test": 1.5}, "finished at step 9: test 1.500 nats"),
        ({"event": "finished", "step": 9}, "finished at step 9"),
        (
            {"event": "finished", "step": 9, "valid": 0.5, "test": 0.431, "decides": "f1"},
            "finished at step 9: valid word F1 0.500, test word F1 0.431",
        ),
        ({"event": "evaluated", "step": 9, "loss": 0.25}, "evaluated at step 9: loss 0.250"),
        ({"event": "evaluated", "step": 9, "f1": 0.431, "best": True},
         "evaluated at step 9: word F1 0.431, the best so far"),
        ({"event": "finished", "step": 9, "valid": 1.5, "decides": "{0}"}, "finished at step 9: valid {0} 1.500"),
        ({"event": "prepared", "pictures": 2986, "vocabulary": 1500}, "read 2,986 pictures to train on"),
        ({"event": "prepared", "pairs": 29000, "vocabulary": 8000}, "read 29,000 pairs to train on"),
        (
            {"event": "extended", "step": 1500, "steps": 3000, "lr": 0.0031875797592069263},
            "extended at step 1,500: steps 3000, lr 0.00319",
        ),
        ({"event": "planned", "steps": 30, "seconds_per_step": None}, "planned 30 steps"),
        ({"event": "planned", "steps": 30, "seconds_per_step": 0.04}, "planned 30 steps of 0.040 s"),
        (
            {"event": "replanned", "step": 9, "steps": 3000, "before": 20},
            "re-planned at step 9: 3,000 steps fit the time, not 20",
        ),
    ],
)  # fmt: skip
def test_an_event_in_words(event: dict[str, object], said: str) -> None:
    assert event_words.describe(event) == said
