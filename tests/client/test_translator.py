"""A translator in a process of its own: translations, several of them, prefixes, errors."""

import pytest
from support.in_process import train
from support.translation_run import create

from lstmtui.client.translator import Translator
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.runs.folder import RunFolder


def test_a_process_translates(tmp_path):
    run = create(tmp_path, cell="gru", steps=20)
    train(run)
    with Translator(run) as translator:
        texts = translator.translate(["alpha beta", "gamma"])
        assert all(isinstance(text, str) for text in texts)
        assert len(texts) == 2
        assert translator.translate(["alpha beta"], prefixes=["BETA"])[0].startswith("BETA")
        ((begun,),) = translator.search(["alpha beta"], prefixes=["BETA "], replace_unknown=False)
        assert begun.prefix_probability is not None
        assert 0 < begun.prefix_probability < 1
        (found,) = translator.search(["alpha beta"], beam=4, nbest=3, max_length=5)
        assert [best.score for best in found] == sorted((best.score for best in found), reverse=True)
        assert all(len(row) == 2 for best in found for row in best.alignment)
        assert all(len(best.alignment) == len(best.target) for best in found)
        with pytest.raises(UsageError, match="one for each line"):
            translator.translate(["alpha"], prefixes=[])
        assert translator.translate([]) == []


def test_a_run_that_cannot_be_loaded_raises(tmp_path):
    with pytest.raises(LstmtuiError):
        Translator(RunFolder(tmp_path / "none"))
