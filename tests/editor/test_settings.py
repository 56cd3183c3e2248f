import pytest

from lstmtui.editor.settings import EditorSettings, read


def test_settings_of_the_editor_replace_the_defaults():
    found, wrong = read(
        {"candidates": 3, "threshold": 1, "phrase": False, "run": "diary", "enabled": None}, EditorSettings()
    )
    assert found == EditorSettings(candidates=3, threshold=1, phrase=False, run="diary")
    assert wrong == []
    assert read(None, found) == (found, [])


@pytest.mark.parametrize(
    ("name", "value"),
    [("candidates", 0), ("candidates", 2.5), ("candidates", True), ("threshold", "high"), ("threshold", 2), ("run", 5),
     ("phrase", 1), ("enabled", "no")],
)  # fmt: skip
def test_a_wrong_value_is_named_and_not_used(name, value):
    found, (sentence,) = read({name: value}, EditorSettings())
    assert found == EditorSettings()
    assert sentence.startswith(f"lstmtui.{name} must be ")


def test_unknown_settings_are_named():
    assert "treshold" in read({"treshold": 0.5}, EditorSettings())[1][0]
    assert read([1], EditorSettings())[1]
