"""Options of `evaluate` that contradict each other, or that a run does not take."""

import pytest
from support import fake_model


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--dynamic-lr", "1"], "belong to --dynamic"),
        (["--apart"], "belong to --autocomplete"),
        (["--dynamic", "--autocomplete"], "leave one out"),
        (["--dynamic", "--dynamic-rule", "adam"], "rms or sgd"),
        (["--lm", "diary"], "--lm is for runs of speech; leave it out."),
        (["--beam", "3"], "--beam is for runs of translation or speech or captions; leave it out."),
    ],
)
def test_options_that_do_not_apply_raise(lstmtui, make_run, text_file, options, words):
    make_run("diary")
    said = lstmtui("evaluate", "diary", text_file, *options)
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert words in said.err
    assert fake_model.asked == []
