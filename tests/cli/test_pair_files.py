"""The second file of a parallel text behind one option."""

import pytest

from lstmtui.cli.pair_files import with_second_files

FOR = ("--for", "translation")


@pytest.mark.parametrize(
    ("given", "parsed"),
    [
        ([*FOR, "a", "b", "--valid", "c", "d", "--test", "e", "f"],
         [*FOR, "a", "b", "--valid", "c", "--valid", "d", "--test", "e", "--test", "f"]),
        (["--for=translation", "a", "--valid", "c", "--minutes", "3"],
         ["--for=translation", "a", "--valid", "c", "--minutes", "3"]),
        ([*FOR, "--valid", "c", "a", "b"], [*FOR, "--valid", "c", "a", "b"]),
        ([*FOR, "--json", "a", "b", "--valid", "c", "d"], [*FOR, "--json", "a", "b", "--valid", "c", "--valid", "d"]),
        (["a", "--valid", "c", "d"], ["a", "--valid", "c", "d"]),
    ],
)  # fmt: skip
def test_a_second_file_gets_the_option(given, parsed):
    assert with_second_files(given, flags={"--json"}) == parsed
