import pytest
import tiny

from lstmtui.engine import setup
from lstmtui.errors import UsageError


def test_products_that_the_processor_has_not_are_refused_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(setup, "HAS_BFLOAT16", False)
    s = tiny.settings(tiny.corpus(tmp_path), precision="bfloat16")
    with pytest.raises(UsageError, match="bfloat16 products are compiled"):
        setup.build(s, None)  # nothing of the corpus is looked at before
