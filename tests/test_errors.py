"""Every kind of error has an exit code of its own."""

from __future__ import annotations

import pytest

from lstmtui import errors


@pytest.mark.parametrize("code", range(1, 7))
def test_each_exit_code_names_one_kind_of_error(code):
    kind = errors.ERROR_BY_EXIT_CODE[code]
    assert issubclass(kind, errors.LstmtuiError)
    assert kind("x").exit_code == code


def test_a_file_that_cannot_be_read_counts_as_damaged():
    assert errors.UnreadableError("x").exit_code == errors.CorruptError.exit_code
