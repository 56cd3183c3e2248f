"""Settings are merged from options, environment and files."""

from __future__ import annotations

import pytest

from lstmtui import config
from lstmtui.errors import UsageError


def test_options_precede_environment_precedes_files(tmp_path):
    user, given_file = tmp_path / "user.toml", tmp_path / "given.toml"
    user.write_text("hidden = 1\nlayers = 1\nbatch = 1\nbptt = 1\n")
    given_file.write_text("hidden = 2\nlayers = 2\nbatch = 2\n")
    environ = {"LSTMTUI_HIDDEN": "3", "LSTMTUI_LAYERS": "3", "LSTMTUI_RUNS": "/x", "OTHER_HIDDEN": "9"}
    s = config.resolve(
        {"hidden": "4", "layers": None}, environ=environ, config_file=given_file, user_file=user
    )  # fmt: skip
    assert (s.hidden, s.layers, s.batch, s.bptt) == (4, 3, 2, 1)


def test_a_length_as_option_replaces_another_kind_of_length():
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


def test_the_user_file_is_optional_unless_its_variable_is_set(tmp_path, monkeypatch):
    monkeypatch.delenv("LSTMTUI_CONFIG", raising=False)
    monkeypatch.setattr("platformdirs.user_config_path", lambda *given, **named: tmp_path)
    assert config.user_file() is None
    (tmp_path / "config.toml").touch()
    assert config.user_file() == tmp_path / "config.toml"
    monkeypatch.setenv("LSTMTUI_CONFIG", str(tmp_path / "nope.toml"))
    with pytest.raises(UsageError, match=r"nope\.toml"):
        config.user_file()


@pytest.mark.parametrize("text", ["caf\udce9", "\ud83d", "a\udfff"])
def test_text_that_is_not_utf8_raises(text):
    with pytest.raises(UsageError, match="--prompt: prompt is not UTF-8"):
        config.resolve({"prompt": text}, environ={})
    with pytest.raises(UsageError, match="--corpus: corpus is not UTF-8"):
        config.resolve({"corpus": ("\ud83d.txt",)}, environ={})


@pytest.mark.parametrize("name", ["TEST_CACHE", "FOO", "HOME", "SECRET", "DATA"])
def test_an_unknown_variable_raises_and_names_a_similar_one_only_if_there_is_one(name):
    with pytest.raises(UsageError, match=f"LSTMTUI_{name}: there is no such variable; correct"):
        config.check_environment({f"LSTMTUI_{name}": "x", "HOME": "/"})
    with pytest.raises(UsageError, match="LSTMTUI_RUNS"):
        config.check_environment({"LSTMTUI_RUN": "/x"})
    config.check_environment({"LSTMTUI_RUNS": "/x", "LSTMTUI_TOP_K": "3", "XLSTMTUI_FOO": "1", "LSTMTUI": "2"})
