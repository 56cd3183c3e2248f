import pytest
from support import tiny

from lstmtui import config
from lstmtui.errors import UsageError
from lstmtui.runs.start import settings_from_start


@pytest.fixture
def start(tmp_path, root):
    return tiny.create(tmp_path, "start", cell="gru", hidden=12, tokens="words", purpose="autocomplete")


def test_the_network_and_the_purpose_are_those_of_the_start(start):
    found = settings_from_start(config.Settings(seed=9), start, {"seed"})
    assert (found.cell, found.hidden, found.layers, found.tokens) == ("gru", 12, 2, "words")
    assert (found.purpose, found.seed, found.steps) == ("autocomplete", 9, None)
    assert found.start == str(start.path.resolve())


def test_a_purpose_that_is_given_stays(start):
    assert settings_from_start(config.Settings(purpose="text"), start, {"purpose"}).purpose == "text"


def test_settings_of_another_network_are_refused(start):
    same = config.Settings(hidden=12)
    assert settings_from_start(same, start, {"hidden"}).hidden == 12
    with pytest.raises(UsageError, match=r"--hidden 13 is not what the network of run 'start' has \(12\)"):
        settings_from_start(config.Settings(hidden=13), start, {"hidden"})


def test_a_start_is_for_texts_alone(tmp_path, start):
    with pytest.raises(UsageError, match="trained on text, not for speech"):
        settings_from_start(config.Settings(purpose="speech"), start, {"purpose"})
