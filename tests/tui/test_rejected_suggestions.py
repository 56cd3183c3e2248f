"""What was looked at and typed past is told until the word is done."""

from lstmtui.tui.rejected_suggestions import MIN_READING_SECONDS, RejectedSuggestions


def test_what_stood_long_enough_was_passed_over_until_the_word_is_done():
    rejected = RejectedSuggestions()
    rejected.show("I t", ["he", "hat", " and"], 0.0)
    rejected.show("I t", ["he", "hat", " and"], 5.0)  # the phrase came: the list stands since the first
    assert rejected.words("I to", MIN_READING_SECONDS) == ["the", "that"]
    rejected.show("I to", ["wn"], 10.0)
    assert rejected.words("I tod", 20.0) == ["the", "that", "town"]
    assert rejected.words("I to", 21.0) == ["the", "that"]  # the letter is taken back, and what it rejected over
    assert rejected.words("I today ", 22.0) == []


def test_who_types_fast_has_passed_over_nothing():
    rejected = RejectedSuggestions()
    rejected.show("so ", ["much", "many"], 0.0)
    assert rejected.words("so m", MIN_READING_SECONDS / 2) == []


def test_an_edit_elsewhere_passes_over_nothing():
    rejected = RejectedSuggestions()
    rejected.show("so ", ["much"], 0.0)
    assert rejected.words("no ", 9.0) == []
    rejected.show("so ", ["much"], 10.0)
    assert rejected.words("so, ", 19.0) == []
    rejected.show("", ["yes"], 20.0)
    assert rejected.words("n", 29.0) == ["yes"]
