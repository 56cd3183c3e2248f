import random

import pytest

from lstmtui.serving.stop_sequences import StopFilter


@pytest.mark.parametrize(
    ("stop", "pieces", "passed", "stopped"),
    [
        ((), ["ab", "c"], ["ab", "c", ""], False),
        (("\n",), ["ab", "c\nd"], ["ab", "c", ""], True),
        (("END",), ["xE", "N", "x"], ["x", "", "ENx", ""], False),
        (("END",), ["xE", "ND", "y"], ["x", "", "", ""], True),
        (("ab", "bc"), ["a", "bc"], ["", "", ""], True),
        (("aab",), ["aaa", "b"], ["a", "", ""], True),
        (("END",), ["xEN"], ["x", "EN"], False),
    ],
)
def test_text_is_passed_on_up_to_a_stop_sequence(stop, pieces, passed, stopped):
    one = StopFilter(stop)
    assert [*map(one.add, pieces), one.rest()] == passed
    assert one.stopped is stopped


def test_the_text_is_the_same_however_it_is_cut():
    source = random.Random(4)
    for _ in range(300):
        text = "".join(source.choices("ab", k=40))
        stop = ["".join(source.choices("ab", k=source.randint(2, 6))) for _ in range(2)]
        one, passed, at = StopFilter(stop), "", 0
        while at < len(text) and not one.stopped:
            size = source.randint(1, 5)
            passed += one.add(text[at : at + size])
            at += size
        passed += one.rest()
        ends = [text.find(sequence) for sequence in stop if sequence in text]
        if one.stopped:
            assert all(sequence not in passed for sequence in stop)
            assert text.startswith(passed)
            assert any(text.startswith(sequence, len(passed)) for sequence in stop)
        else:
            assert (passed, ends) == (text, [])
