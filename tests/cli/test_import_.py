from __future__ import annotations

import pytest

from lstmtui.client import exchange
from lstmtui.errors import CorruptError

ABOUT = {
    "cell": "gru",
    "layers": 2,
    "hidden": 8,
    "vocabulary": 256,
    "tokens": "bytes",
    "parameters": 1234,
    "step": 7,
    "purpose": "text",
}


@pytest.fixture
def asked(monkeypatch):
    """The arguments of every import; nothing is imported."""
    asked = []

    def import_model(path, run, tokenizer=None):
        asked.append((path, run.name, tokenizer))
        if path.name == "bad.pt":
            raise CorruptError("bad.pt is damaged.")
        return ABOUT

    monkeypatch.setattr(exchange, "import_model", import_model)
    return asked


def test_a_run_is_called_like_the_file_or_as_it_is_wanted(lstmtui, asked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.safetensors").write_bytes(b"")
    said = lstmtui("import", "net.safetensors")
    assert (said.code, said.out) == (0, "net\n")
    assert "gru, 2 x 8, 256 bytes, 1,234 parameters. 'lstmtui sample net'" in said.err
    (tmp_path / "t.json").write_bytes(b"")
    assert lstmtui("import", tmp_path, "--name", "other", "--tokenizer", "t.json").out == "other\n"
    assert asked == [(tmp_path / "net.safetensors", "net", None), (tmp_path, "other", tmp_path / "t.json")]


def test_what_cannot_be_imported_is_one_sentence(lstmtui, asked, tmp_path, make_run):
    make_run("diary")
    (tmp_path / "bad.pt").write_bytes(b"")
    for arguments, code in (
        (["missing.pt"], 2), ([tmp_path / "bad.pt"], 3), ([tmp_path, "--name", "diary"], 2),
        ([tmp_path, "--name", "a/b"], 2), ([""], 2), ([], 2),
    ):  # fmt: skip
        said = lstmtui("import", *arguments)
        assert (said.code, said.out, said.err.count("\n")) == (code, "", 1), arguments
