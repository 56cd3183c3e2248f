"""LSTM, GRU and RNN in float32 against PyTorch with the same weights (tests/bench/record_torch.py)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.layer_cases import worst_difference


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_outputs_and_gradients(cell):
    with np.load(Path(__file__).parent / f"torch_{cell}.npz") as recorded:
        # float32 sums of some dozen terms in another order, and other approximations of tanh
        assert worst_difference(cell, dict(recorded)) < 1e-5
