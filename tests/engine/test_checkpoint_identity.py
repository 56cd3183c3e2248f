"""A checkpoint belongs to the settings and the tokenizer that it was written with."""

from __future__ import annotations

import pytest

from lstmtui.engine.checkpoint_identity import check_identity
from lstmtui.errors import CorruptError


def test_identity_names_what_differs():
    expected = {"cell": "lstm", "tokenizer": "abc"}
    check_identity(dict(expected), expected, "it")
    with pytest.raises(CorruptError, match="cell 'gru', not 'lstm'"):
        check_identity({"cell": "gru", "tokenizer": "abc"}, expected, "it")
    with pytest.raises(CorruptError, match="another tokenizer"):
        check_identity({"cell": "lstm", "tokenizer": "abd"}, expected, "it")
    with pytest.raises(CorruptError):
        check_identity(None, expected, "it")
