from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.fake_text_model import FakeTextModel
from support.served import Served


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Served(FakeTextModel()) as running:
        yield running


@pytest.fixture
def slow() -> Iterator[Served]:
    with Served(FakeTextModel(delay=0.02)) as running:
        yield running
