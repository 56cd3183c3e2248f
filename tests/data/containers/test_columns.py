from __future__ import annotations

import json

import pytest

from lstmtui.data.containers.budget import Budget
from lstmtui.data.containers.columns import recognises, texts
from lstmtui.errors import UsageError


def read(tmp_path, name, content, field="text"):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return b"".join(texts(path, name, field, Budget(name, 1000))).decode()


def test_json_lines_by_key_and_by_key_within_a_key(tmp_path):
    rows = [{"text": "one"}, {"text": 5}, {"other": 1}, {"text": " two\nlines "}, [1]]
    content = "".join(json.dumps(row) + "\n" for row in rows) + "\n"
    assert read(tmp_path, "a.jsonl", content) == "one\ntwo\nlines\n"
    assert read(tmp_path, "a.ndjson", '{"m": {"text": "in"}, "a.b": "as it is"}\n', "m.text") == "in\n"
    assert read(tmp_path, "a.ndjson", '{"m": {"text": "in"}, "a.b": "as it is"}\n', "a.b") == "as it is\n"


def test_columns_of_tables_with_any_delimiter(tmp_path):
    assert read(tmp_path, "a.csv", '\ufeffid,text\n1,"a, b"\n2,"c\nd"\n3,\n') == "a, b\nc\nd\n"
    assert read(tmp_path, "a.tsv", "id\ttext\n1\tone\n") == "one\n"
    assert read(tmp_path, "a.csv", "id;text\n1;one\n") == "one\n"
    assert recognises("A.CSV")
    assert not recognises("a.txt")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"text": "a"}\n{broken\n', "damaged in line 2"),
        ("a.jsonl", '{"body": "a"}\n', "it has body"),
        ("a.jsonl", "", "no rows"),
        ("a.csv", "id,body\n1,a\n", "it has id, body"),
        ("a.csv", "text\n" + "x" * (1 << 25), "cannot be read as a table"),
        ("a.jsonl", "[" * 100_000 + "\n", "damaged in line 1"),
    ],
)
def test_bad_tables_are_one_sentence(tmp_path, name, content, message):
    with pytest.raises(UsageError, match=message) as raised:
        read(tmp_path, name, content)
    assert "\n" not in str(raised.value)


def test_other_encodings_are_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("text\ngr\xfcn\n".encode("latin-1"))
    with pytest.raises(UsageError, match="not UTF-8"):
        list(texts(path, "a.csv", "text", Budget("a", 100)))
