from __future__ import annotations

import dataclasses
import math
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import tiny

from lstmtui import config
from lstmtui.config import Settings
from lstmtui.errors import CorruptError, UsageError


def test_every_field_says_what_it_is():
    for name, field in config.FIELDS.items():
        about = field.metadata
        assert about["help"], name
        assert about["help"][-1] != ".", name
        assert about["group"], name
        kind, optional = config.base_type(name)
        assert kind in (int, float, bool, str, tuple)
        assert optional == (field.default is None)


def test_every_default_passes_its_own_check():
    for name, field in config.FIELDS.items():
        if field.default is not None:
            assert config.convert(name, field.default, "here") == field.default


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("hidden", "12", 12),
        ("hidden", 12, 12),
        ("hidden", 12.0, 12),
        ("hidden", "auto", None),
        ("lr", "1e-3", 0.001),
        ("lr", 1, 1.0),
        ("tied", "yes", True),
        ("tied", "Off", False),
        ("tied", True, True),
        ("cell", "gru", "gru"),
        ("corpus", "a.txt:b.txt", ("a.txt", "b.txt")),
        ("corpus", ["a.txt"], ("a.txt",)),
        ("prompt", "auto", "auto"),
    ],
)
def test_values_become_their_type(name, raw, value):
    got = config.convert(name, raw, "here")
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("name", "raw", "words"),
    [
        ("hidden", "1.5", "a whole number"),
        ("hidden", 1.5, "a whole number"),
        ("hidden", True, "a whole number"),
        ("hidden", "", "a whole number"),
        ("hidden", [1], "a whole number"),
        ("hidden", 0, "at least 1"),
        ("hidden", 65537, "at most 65536"),
        ("hidden", float("nan"), "a whole number"),
        ("hidden", float("inf"), "a whole number"),
        ("steps", 10**400, "too large"),
        ("lr", "nan", "finite"),
        ("lr", float("-inf"), "finite"),
        ("lr", "0", "more than 0"),
        ("lr", None, "a number"),
        ("tied", "maybe", "true or false"),
        ("tied", 2, "true or false"),
        ("cell", "LSTM", "did you mean 'lstm'?"),
        ("cell", 3, "a text"),
        ("corpus", [1], "a list of names"),
        ("hiden", 3, "did you mean 'hidden'?"),
        ("zzzzzz", 3, "unknown setting"),
    ],
)
def test_bad_values_name_source_key_and_what_is_wanted(name, raw, words):
    if name == "lr" and raw is None:
        assert config.convert(name, raw, "here") is None
        return
    with pytest.raises(UsageError, match=r"^here: ") as error:
        config.convert(name, raw, "here")
    assert words in str(error.value)
    assert name in str(error.value)
    assert len(str(error.value)) < 300


def test_sources_in_order(tmp_path):
    user, given_file = tmp_path / "user.toml", tmp_path / "given.toml"
    user.write_text("hidden = 1\nlayers = 1\nbatch = 1\nbptt = 1\n")
    given_file.write_text("hidden = 2\nlayers = 2\nbatch = 2\n")
    environ = {"LSTMTUI_HIDDEN": "3", "LSTMTUI_LAYERS": "3", "LSTMTUI_RUNS": "/x", "OTHER_HIDDEN": "9"}
    s = config.resolve(
        {"hidden": "4", "layers": None}, environ=environ, config_file=given_file, user_file=user
    )  # fmt: skip
    assert (s.hidden, s.layers, s.batch, s.bptt) == (4, 3, 2, 1)


def test_a_length_given_as_option_replaces_another_kind():
    assert config.resolve({"steps": "5"}, environ={"LSTMTUI_MINUTES": "3"}).minutes is None
    with pytest.raises(UsageError, match="only one of"):
        config.resolve({}, environ={"LSTMTUI_MINUTES": "3", "LSTMTUI_STEPS": "3"})


def test_errors_name_the_source(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text("hiden = 3\n")
    with pytest.raises(UsageError, match=r"my\.toml: unknown setting 'hiden' \(did you mean 'hidden'\?\)"):
        config.resolve({}, environ={}, config_file=path)
    path.write_text("hidden = \n")
    with pytest.raises(UsageError, match=r"my\.toml: not valid TOML"):
        config.resolve({}, environ={}, config_file=path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"my\.toml: not valid TOML"):
        config.resolve({}, environ={}, config_file=path)
    with pytest.raises(UsageError, match="cannot be read"):
        config.resolve({}, environ={}, config_file=tmp_path)
    with pytest.raises(UsageError, match=r"variable LSTMTUI_HIDEN: .*\(did you mean LSTMTUI_HIDDEN\?\)"):
        config.resolve({}, environ={"LSTMTUI_HIDEN": "3"})
    with pytest.raises(UsageError, match="--dropout-in"):
        config.resolve({"dropout_in": "7"}, environ={})


def test_user_file(tmp_path, monkeypatch):
    monkeypatch.delenv("LSTMTUI_CONFIG", raising=False)
    monkeypatch.setattr("platformdirs.user_config_path", lambda *given, **named: tmp_path)
    assert config.user_file() is None
    (tmp_path / "config.toml").touch()
    assert config.user_file() == tmp_path / "config.toml"
    monkeypatch.setenv("LSTMTUI_CONFIG", str(tmp_path / "nope.toml"))
    with pytest.raises(UsageError, match=r"nope\.toml"):
        config.user_file()


def _values(name):
    kind, optional = config.base_type(name)
    about = config.FIELDS[name].metadata
    low, high = about["low"], about["high"]
    # Cc, Cs: TOML has no way to write a surrogate; the other control characters it escapes.
    text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    if about["choices"]:
        values = st.sampled_from(tuple(about["choices"]))
    elif kind is int:
        values = st.integers(low, int(high) if high is not None else 2**63 - 1)
    elif kind is float:
        values = st.floats(low, high, exclude_min=about["open_low"], allow_nan=False, allow_infinity=False)
    else:
        values = {bool: st.booleans(), str: text, tuple: st.lists(text, max_size=3).map(tuple)}[kind]
    return values | st.none() if optional else values


@given(st.fixed_dictionaries({name: _values(name) for name in config.FIELDS}))
def test_a_stored_config_comes_back_as_it_was(tmp_path_factory, values):
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
    ("text", "words"),
    [
        ("", "format None"),
        ("format = 2\n", "update lstmtui"),
        ('format = "1"\n', "update lstmtui"),
        ("format = 1\nhidden = 0\n", "at least 1"),
        ("format = 1\nhiden = 3\n", "unknown setting"),
        ("format = 1\nhidden =", "cannot be read"),
    ],
)
def test_a_damaged_config_is_told(tmp_path, text, words):
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(CorruptError) as error:
        config.load(path)
    assert words in str(error.value)


def test_a_folder_without_config_is_no_run(tmp_path):
    with pytest.raises(CorruptError, match="not a run folder"):
        config.load(tmp_path / "config.toml")


def test_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().hidden = 3


def test_weight_decay_says_what_it_is_for_each_optimizer_and_what_does_not_decay():
    words = config.FIELDS["weight_decay"].metadata["help"]
    for said in ("not of embedding, biases and peepholes", "decoupled with adamw", "added to the gradient with sgd"):
        assert said in words


def test_what_an_old_run_lacks_is_what_it_was_then(tmp_path):
    path = tmp_path / "config.toml"
    stored = config.dump(tiny.run_settings(corpus=("a.txt",))).splitlines()
    path.write_text("\n".join(line for line in stored if line.partition(" ")[0] not in config.BEFORE))
    loaded = config.load(path)
    assert config.BEFORE["split"] == "end"
    assert {name: loaded.value(name) for name in config.BEFORE} == config.BEFORE
    path.write_text(config.dump(tiny.run_settings()))
    assert config.load(path) == tiny.run_settings()


def test_names_of_files_of_any_bytes_are_kept(tmp_path):
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


@pytest.mark.parametrize("text", ["caf\udce9", "\ud83d", "a\udfff"])
def test_text_that_is_no_utf8_is_refused(text):
    with pytest.raises(UsageError, match="--prompt: prompt is not UTF-8"):
        config.resolve({"prompt": text}, environ={})
    with pytest.raises(UsageError, match="--corpus: corpus is not UTF-8"):
        config.resolve({"corpus": ("\ud83d.txt",)}, environ={})


@pytest.mark.parametrize("name", ["TEST_CACHE", "FOO", "HOME", "SECRET", "DATA"])
def test_a_variable_like_none_of_ours_is_told_without_a_far_fetched_neighbour(name):
    with pytest.raises(UsageError, match=f"LSTMTUI_{name}: there is no such variable; correct"):
        config.check_environment({f"LSTMTUI_{name}": "x", "HOME": "/"})
    with pytest.raises(UsageError, match="LSTMTUI_RUNS"):
        config.check_environment({"LSTMTUI_RUN": "/x"})
    config.check_environment({"LSTMTUI_RUNS": "/x", "LSTMTUI_TOP_K": "3", "XLSTMTUI_FOO": "1", "LSTMTUI": "2"})
