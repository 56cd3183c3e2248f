"""lstmtui corpora: data on stdout, narration on stderr."""

from __future__ import annotations

import hashlib
import json

import pytest
from typer.testing import CliRunner

from lstmtui.cli.corpora import app
from lstmtui.data import catalogue
from lstmtui.errors import LstmtuiError, UsageError


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("LSTMTUI_CACHE", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def test_list_has_every_kind_of_text(run):
    result = run("list")
    assert result.exit_code == 0
    for name in ("default", "reber", "ptb", "enwik8"):
        assert f"\n{name} " in result.stdout
    assert result.stderr == ""


def test_list_as_json(run):
    rows = {row["name"]: row for row in json.loads(run("list", "--json").stdout)}
    assert rows["default"]["here"] is True
    assert rows["ptb"]["here"] is False
    assert rows["tinyshakespeare"]["bytes"] == 1_115_394


def test_show_prints_every_fact(run):
    text = run("show", "ptb").stdout
    for fact in ("fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf", "82.7", "Zaremba", "perplexity"):
        assert fact in text
    assert json.loads(run("show", "text8", "--json").stdout)["fractions"] == [0.9, 0.05, 0.05]
    assert "depth=8" in run("show", "brackets").stdout
    assert "PSF" in run("show", "default").stdout


def test_an_unknown_name_is_a_usage_error(run):
    for command in ("show", "fetch"):
        assert isinstance(run(command, "nope").exception, UsageError)


def test_fetch_prints_where_the_files_are(run, tmp_path):
    entry = catalogue.get_entry("tinyshakespeare")
    path = catalogue.file_path(entry, entry.files[0], tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x" * entry.files[0].bytes)
    # The right size and the wrong content: thrown away, and said.
    assert isinstance(run("fetch", "tinyshakespeare").exception, LstmtuiError)
    assert not path.exists()

    book = catalogue.get_entry("war-and-peace")
    path = catalogue.file_path(book, book.files[0], tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"Well, Prince")
    result = run("fetch", "war-and-peace")
    assert result.stdout == f"{path}\n"
    assert hashlib.sha256(b"Well, Prince").hexdigest() in result.stderr
    assert "lstmtui train war-and-peace" in result.stderr
    [got] = json.loads(run("fetch", "war-and-peace", "--json").stdout)
    assert got["proven"] is False
