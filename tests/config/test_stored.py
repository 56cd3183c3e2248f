"""Settings are stored in a run's `config.toml`."""

from __future__ import annotations

import math
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import tiny

from lstmtui import config
from lstmtui.errors import CorruptError


def _values(name):
    kind, optional = config.base_type(name)
    metadata = config.FIELDS[name].metadata
    low, high = metadata["low"], metadata["high"]
    # Cc, Cs: TOML has no way to write a surrogate; the other control characters it escapes.
    text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    if metadata["choices"]:
        values = st.sampled_from(tuple(metadata["choices"]))
    elif kind is int:
        values = st.integers(low, int(high) if high is not None else 2**63 - 1)
    elif kind is float:
        values = st.floats(low, high, exclude_min=metadata["open_low"], allow_nan=False, allow_infinity=False)
    else:
        values = {bool: st.booleans(), str: text, tuple: st.lists(text, max_size=3).map(tuple)}[kind]
    return values | st.none() if optional else values


@given(st.fixed_dictionaries({name: _values(name) for name in config.FIELDS}))
def test_stored_settings_load_unchanged(tmp_path_factory, values):
    length = {**dict.fromkeys(config.LENGTHS), "steps": values["steps"] or 1}
    chosen = {name: value for name, value in {**values, **length}.items() if value is not None}
    settings = tiny.run_settings(**chosen)
    path = tmp_path_factory.mktemp("run") / "config.toml"
    path.write_bytes(config.dump(settings).encode())
    loaded = config.load(path)
    for name in config.FIELDS:
        kept, read = settings.value(name), loaded.value(name)
        assert kept == read
        assert not isinstance(kept, float) or math.copysign(1, kept) == math.copysign(1, read)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "format None"),
        ("format = 2\n", "update lstmtui"),
        ('format = "1"\n', "update lstmtui"),
        ("format = 1\nhidden = 0\n", "at least 1"),
        ("format = 1\nhiden = 3\n", "unknown setting"),
        ("format = 1\nhidden =", "cannot be read"),
    ],
)
def test_a_damaged_config_raises(tmp_path, text, message):
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(CorruptError) as error:
        config.load(path)
    assert message in str(error.value)


def test_a_folder_without_config_raises(tmp_path):
    with pytest.raises(CorruptError, match="not a run folder"):
        config.load(tmp_path / "config.toml")


def test_settings_that_an_older_run_lacks_have_their_values_of_then(tmp_path):
    path = tmp_path / "config.toml"
    for purpose in ("text", "captions"):
        stored = config.dump(tiny.run_settings(corpus=("a.txt",), purpose=purpose)).splitlines()
        path.write_text("\n".join(line for line in stored if line.partition(" ")[0] not in config.BEFORE))
        loaded = config.load(path)
        unused = {"edges": 9, "punctuation": "apart"}  # by other purposes, which have the defaults
        of_captions = {} if purpose == "captions" else unused
        assert {name: loaded.value(name) for name in config.BEFORE} == {**config.BEFORE, **of_captions}
    assert (config.BEFORE["split"], config.BEFORE["punctuation"]) == ("end", "attached")
    path.write_text(config.dump(tiny.run_settings()))
    assert config.load(path) == tiny.run_settings()


def test_file_names_of_any_bytes_are_stored_and_loaded(tmp_path):
    names = tuple(
        os.fsdecode(name) for name in (b"/tmp/caf\xe9.txt", b"/a%20b", "/é".encode(), b"/\xff\xfe#?", b"reber")
    )
    path = tmp_path / "config.toml"
    path.write_bytes(config.dump(tiny.run_settings(corpus=names, valid=names[:1])).encode())
    assert config.load(path).data.corpus == names
    assert config.load(path).data.valid == names[:1]
    assert "file:///tmp/caf%E9.txt" in path.read_text()
    assert '"/a%20b"' in path.read_text()
    (tmp_path / "given.toml").write_text(path.read_text().replace("format = 1\n", ""))
    assert config.resolve({}, environ={}, config_file=tmp_path / "given.toml").corpus == names
