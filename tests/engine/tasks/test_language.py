import math

import pytest
from support import tiny

from lstmtui.data.corpus import tokenise_corpus
from lstmtui.engine.tasks import language
from lstmtui.errors import UsageError


def test_an_unsupported_precision_raises_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(language, "HAS_BFLOAT16", False)
    s = tiny.settings(tiny.corpus(tmp_path), precision="bfloat16")
    task = language.LanguageTask(s, None, lambda: None)
    task.data = tokenise_corpus(s.data)
    with pytest.raises(UsageError, match="bfloat16 products are compiled"):
        task.build()


def test_the_status_has_the_loss_of_guessing_by_frequency(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("ab" * 800 + "\n")
    s = tiny.settings(text, valid_fraction=0.1)
    task = language.LanguageTask(s, None, lambda: None)
    task.data = tokenise_corpus(s.data)
    assert task.status["unigram_nll"] == pytest.approx(math.log(2), abs=0.01)
