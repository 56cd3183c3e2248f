"""The card of a run."""

from __future__ import annotations

import dataclasses
import json

from support import tiny
from support.bare_run import bare_run

from lstmtui.common.files import to_json
from lstmtui.reports.card import OWN, PRIVACY, card, card_lines
from lstmtui.runs import base


def test_it_names_each_text_with_its_licence(tmp_path):
    run = bare_run(tmp_path, "diary")
    settings = tiny.run_settings().changed(corpus=("default", "wikitext-2", "/home/me/mail\x1b.txt"))
    found = card(run, settings)
    assert [(each["title"][:8], each["licence"]) for each in found["data"]] == [
        ("English ", "PSF License Version 2"),
        ("wikitext", "CC BY-SA"),
        ("mail\u241b.tx", OWN),
    ]
    lines = card_lines(found)
    assert [name for name, _ in lines if name] == ["data", "size", "limits", "privacy"]
    assert lines[-1] == ("privacy", PRIVACY)
    assert "recite" in lines[-2][1]


def test_limits_follow_the_purpose(tmp_path):
    settings = tiny.run_settings()
    settings = dataclasses.replace(settings, data=dataclasses.replace(settings.data, purpose="speech"))
    assert "microphone" in card(bare_run(tmp_path, "digits"), settings)["limits"][0]


def test_a_run_that_begins_with_it_names_its_texts_too(tmp_path):
    start = bare_run(tmp_path / base.FOLDER, base.NAME)
    found = card(bare_run(tmp_path, "mine"), tiny.run_settings().changed(start=str(start.path)))
    assert found["about"] == "begins with the weights of run 'base'"
    assert [each["title"].partition(",")[0] for each in found["data"]][-3] == "Tatoeba"
    other = tiny.run_settings().changed(start=str(tmp_path / "diary"))
    assert len(card(bare_run(tmp_path, "next"), other)["data"]) == 1


def test_the_run_that_comes_with_the_program_has_its_own(tmp_path):
    found = card(bare_run(tmp_path / base.FOLDER, base.NAME), tiny.run_settings())
    assert json.loads(to_json(found))["trained"] == "2026-11-30"
    for data in found["data"]:
        assert {"title", "licence", "attribution", "home", "changes"} == set(data)
    assert any("CC BY 2.0" in line and "Tatoeba" in line for _, line in card_lines(found))
    assert {name for name, _ in card_lines(found)} >= {"about", "trained", "data", "size", "limits", "privacy"}
