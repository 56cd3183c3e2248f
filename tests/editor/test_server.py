"""The language server as a process, with a daemon of the tests."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support import tiny
from support.language_client import LanguageClient

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from support import fake_daemon
fake_daemon.install()
from lstmtui.cli import main
sys.exit(main(["lsp", *sys.argv[2:]]))
"""
NOTE = "file:///nowhere/note.txt"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The folder of a run that has not been trained; the daemon of the tests answers for it."""
    folder = tmp_path_factory.mktemp("editor")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LSTMTUI_RUNS", str(folder / "runs"))
        tiny.create(folder, "diary")
    return folder / "runs"


@pytest.fixture(scope="module")
def client(runs):
    with new_client(runs) as found:
        found.settings = {"candidates": 2, "phrase": False, "threshold": "high"}
        found.initialise()
        yield found


def new_client(runs: Path) -> LanguageClient:
    program = [sys.executable, "-c", PROGRAM, str(Path(__file__).parents[1]), "diary"]
    return LanguageClient(program, {"LSTMTUI_RUNS": str(runs)})


def at(line: int, character: int) -> dict[str, int]:
    return {"line": line, "character": character}


def open_note(client: LanguageClient, text: str) -> None:
    document = {"uri": NOTE, "languageId": "plaintext", "version": 1, "text": text}
    client.tell("textDocument/didOpen", {"textDocument": document})


def change(client: LanguageClient, version: int, *changes: dict[str, Any]) -> None:
    about = {"uri": NOTE, "version": version}
    client.tell("textDocument/didChange", {"textDocument": about, "contentChanges": list(changes)})


def complete(client: LanguageClient, position: dict[str, int]) -> list[dict[str, Any]]:
    answer = client.ask("textDocument/completion", {"textDocument": {"uri": NOTE}, "position": position})
    return answer["result"]["items"]


def ghost(client: LanguageClient, position: dict[str, int]) -> list[str]:
    params = {"textDocument": {"uri": NOTE}, "position": position, "context": {"triggerKind": 2}}
    return [item["insertText"] for item in client.ask("textDocument/inlineCompletion", params)["result"]["items"]]


def test_what_it_offers_and_how_it_ends(runs):
    client = new_client(runs)
    capabilities = client.initialise()
    assert capabilities["textDocumentSync"]["change"] == 2
    assert capabilities["inlineCompletionProvider"] is not None
    assert capabilities["completionProvider"]["triggerCharacters"] == [" "]
    open_note(client, "a secret word")
    assert complete(client, at(0, 13))
    assert client.finish() == (0, b"")


def test_settings_come_from_the_editor(client):
    assert "lstmtui.threshold must be" in client.notices.get(timeout=20)["params"]["message"]
    open_note(client, "the ca")
    assert len(complete(client, at(0, 6))) == 2
    assert ghost(client, at(0, 6)) == ["-1"]
    for settings, found in (({"enabled": False}, []), ({"enabled": True, "phrase": True}, ["-1 and more"])):
        client.settings = settings
        client.tell("workspace/didChangeConfiguration", {"settings": None})
        deadline = time.monotonic() + 20  # the server asks for them first
        while ghost(client, at(0, 6)) != found and time.monotonic() < deadline:
            time.sleep(0.01)
        assert ghost(client, at(0, 6)) == found


def test_a_completion_replaces_the_word_from_its_beginning(client):
    open_note(client, "😀 日本 the ca")
    first, second = complete(client, at(0, 12))[:2]
    assert first["label"] == "ca-1"
    assert first["textEdit"] == {"range": {"start": at(0, 10), "end": at(0, 12)}, "newText": "ca-1"}
    assert first["filterText"] == "ca"
    assert first["sortText"] < second["sortText"]


def test_a_misspelt_word_is_replaced_and_never_grey(client):
    open_note(client, "😀 teh")
    (item,) = complete(client, at(0, 6))
    assert item["textEdit"] == {"range": {"start": at(0, 3), "end": at(0, 6)}, "newText": "the"}
    assert ghost(client, at(0, 6)) == []


def test_grey_text_is_likely_and_not_inside_a_word(client):
    open_note(client, "the ca t rare")
    assert ghost(client, at(0, 6)) == ["-1 and more"]
    assert ghost(client, at(0, 5)) == []
    assert ghost(client, at(0, 13)) == []


def test_a_request_that_is_cancelled_is_answered_as_such(client):
    open_note(client, "slow")
    params = {"textDocument": {"uri": NOTE}, "position": at(0, 4)}
    numbers = [client.send("textDocument/completion", params) for _ in range(5)]
    for number in numbers[:4]:
        client.tell("$/cancelRequest", {"id": number})
    answers = [client.answer(number) for number in numbers]
    assert all(answer["error"]["code"] == -32800 for answer in answers[1:4])
    assert answers[4]["result"]["items"]


def test_a_failing_run_is_told_once(client):
    open_note(client, "broken")
    for _ in range(3):
        assert complete(client, at(0, 6)) == []
    assert "The run is damaged." in client.notices.get(timeout=20)["params"]["message"]
    assert client.notices.empty()


def test_random_edits_never_drift(client):
    """The daemon of the tests tells what text it was asked about, which must be the editor's."""
    source = random.Random(3)
    lines = ["x"]
    open_note(client, "x")
    for version in range(2, 150):
        line = source.randrange(len(lines))
        row = lines[line]
        column = source.randint(0, len(row))
        start = at(line, len(row[:column].encode("utf-16-le")) // 2)
        if source.random() < 0.3 and column < len(row):
            end, new = at(line, start["character"] + len(row[column].encode("utf-16-le")) // 2), ""
            lines[line] = row[:column] + row[column + 1 :]
        else:
            end, new = start, source.choice(["a", "😀", "é", "\n", "日本", "\u2028"])
            lines[line : line + 1] = (row[:column] + new + row[column:]).split("\n")
        change(client, version, {"range": {"start": start, "end": end}, "text": new})
    last = at(len(lines) - 1, len(lines[-1].encode("utf-16-le")) // 2)
    change(client, 200, {"range": {"start": last, "end": last}, "text": " echo"})
    last["character"] += 5
    wanted = "\n".join(lines) + " echo"
    assert [item["detail"] for item in complete(client, last)] == [f"{len(wanted)}00%"]


def test_what_is_not_open_has_no_text(client, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("echo")
    params = {"textDocument": {"uri": secret.as_uri()}, "position": at(0, 4)}
    found = client.ask("textDocument/completion", params)["result"]["items"]
    assert [item["label"] for item in found][:1] == ["-1"]
