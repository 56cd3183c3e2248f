"""Options of the search of a recogniser."""

import pytest

from lstmtui.cli.search_options import search_options
from lstmtui.errors import UsageError


def test_what_is_not_given_is_left_to_the_engine(run):
    run.config.write_text("")
    assert search_options(None, None, None, None) == {}
    assert search_options(4, str(run.path), None, None) == {"beam": 4, "lm": run.path}


@pytest.mark.parametrize(
    ("beam", "lm", "weight", "words"),
    [(None, None, 0.5, "name one with --lm"), (1, "x", None, "--beam 2 or more"), (None, "x", None, "x")],
)
def test_what_does_not_fit_is_refused(beam, lm, weight, words, tmp_path):
    with pytest.raises(UsageError, match=words):
        search_options(beam, lm, weight, tmp_path)
