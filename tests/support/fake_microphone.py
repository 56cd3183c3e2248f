"""A microphone that gives the same samples again and again, or is gone after some."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from lstmtui.errors import LstmtuiError


class FakeMicrophone:
    """Gives a tenth of a second of half the full level at once; `blocks` of them, then it is gone."""

    def __init__(self, rate: int, blocks: int = 1_000_000) -> None:
        self.rate, self.blocks = rate, blocks
        self.closed = False

    def __enter__(self) -> FakeMicrophone:
        return self

    def __exit__(self, *of_error: Any) -> None:
        self.closed = True

    def read(self) -> bytes:
        time.sleep(0.01)
        self.blocks -= 1
        if self.blocks < 0:
            raise LstmtuiError("The microphone is gone (unplugged); connect it, and begin again.")
        return np.full(self.rate // 10, 16384, "<i2").tobytes()
