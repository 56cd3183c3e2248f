"""What was looked at and typed past is told until the word is done."""

from lstmtui.tui.rejected_suggestions import LOOK, RejectedSuggestions


def test_what_stood_long_enough_was_passed_over_until_the_word_is_done():
    passed = RejectedSuggestions()
    passed.show("I t", ["he", "hat", " and"], 0.0)
    passed.show("I t", ["he", "hat", " and"], 5.0)  # the phrase came: the list stands since the first
    assert passed.words("I to", LOOK) == ["the", "that"]
    passed.show("I to", ["wn"], 10.0)
    assert passed.words("I tod", 20.0) == ["the", "that", "town"]
    assert passed.words("I to", 21.0) == ["the", "that"]  # the letter is taken back, and what it passed over
    assert passed.words("I today ", 22.0) == []


def test_who_types_fast_has_passed_over_nothing():
    passed = RejectedSuggestions()
    passed.show("so ", ["much", "many"], 0.0)
    assert passed.words("so m", LOOK / 2) == []


def test_an_edit_elsewhere_passes_over_nothing():
    passed = RejectedSuggestions()
    passed.show("so ", ["much"], 0.0)
    assert passed.words("no ", 9.0) == []
    passed.show("so ", ["much"], 10.0)
    assert passed.words("so, ", 19.0) == []
    passed.show("", ["yes"], 20.0)
    assert passed.words("n", 29.0) == ["yes"]
