"""`caption`, over a fake captioner."""

from __future__ import annotations

import json

import pytest
from support import fake_captioner

from lstmtui.client import captioner


@pytest.fixture(autouse=True)
def run(make_run, monkeypatch):
    monkeypatch.setattr(captioner, "Captioner", fake_captioner.FakeCaptioner)
    fake_captioner.asked.clear()
    return make_run("emoji")


def test_a_picture_is_described(lstmtui):
    said = lstmtui("caption", "emoji", "cat.png")
    assert (said.code, said.out, said.err) == (0, "cat\n", "")
    assert fake_captioner.asked == [{"files": ["cat"], "nbest": 1, "pixels": False, "beam": 5, "alpha": 1.0}]


def test_several_captions_have_their_scores(lstmtui):
    assert lstmtui("caption", "emoji", "cat.png", "--nbest", "2").out == "-0.500\tcat\n-1.500\tvery cat\n"


def test_of_several_pictures_each_line_has_the_name_and_one_that_cannot_be_read_is_reported(lstmtui):
    said = lstmtui("caption", "emoji", "cat.png", "none.png", "moving.gif")
    assert (said.code, said.out) == (2, "cat.png\tcat\nmoving.gif\tmoving\n")
    assert said.err.splitlines() == [
        "The picture none.png is missing.",
        "The picture moving.gif is animated; its first frame is used.",
    ]


def test_many_pictures_are_described_in_parts(lstmtui):
    said = lstmtui("caption", "emoji", *(f"{n}.png" for n in range(100)))
    assert [line.split("\t")[1] for line in said.out.splitlines()] == [str(n) for n in range(100)]
    assert [len(question["files"]) for question in fake_captioner.asked] == [64, 36]


def test_an_object_a_picture(lstmtui):
    said = lstmtui("caption", "emoji", "cat.png", "none.png", "--json")
    first, second = map(json.loads, said.out.splitlines())
    assert (first["picture"], first["captions"][0]["tokens"]) == ("cat.png", ["a", "cat"])
    assert first["captions"][0]["attention"][0] == [[0.9, 0.1], [0.0, 0.0]]
    assert second == {"picture": "none.png", "error": "The picture none.png is missing."}


def test_what_each_word_has_looked_at_is_drawn_beside_the_picture(lstmtui):
    lines = lstmtui("caption", "emoji", "cat.png", "--attention").out.splitlines()
    assert [line.split() for line in lines[:3]] == [["cat"], [], ["cat.png", "a", "cat"]]
    assert len(lines) == 3 + 12 + 1
    upper, lower = (lines[row].ljust(78) for row in (4, 13))
    ink = " ░▒▓█".index
    assert sum(map(ink, upper[26:38])) > 2 * sum(map(ink, lower[26:38]))  # "a" has looked at the upper left
    assert sum(map(ink, lower[64:76])) > 2 * sum(map(ink, upper[64:76]))  # "cat" at the lower right


def test_vectors_of_another_network_are_not_drawn(lstmtui):
    said = lstmtui("caption", "emoji", "vectors.npy", "--attention")
    assert said.out == "vectors\n"
    assert said.err == "There is no picture to draw: the run reads the vectors of another network.\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "No picture is given"),
        ((" ",), "An empty text names no file"),
        (("none.png",), "The picture none.png is missing."),
        (("a.png", "--nbest", "3", "--beam", "2"), "needs a beam of 3"),
        (("a.png", "--json", "--attention"), "leave --attention out"),
    ],
)
def test_what_does_not_fit_is_refused(lstmtui, arguments, words):
    said = lstmtui("caption", "emoji", *arguments)
    assert (said.code, said.out) == (2, "")
    assert words in said.err


def test_a_picture_in_the_place_of_the_run_is_named(lstmtui, tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    assert "name the run before it" in lstmtui("caption", str(tmp_path / "a.png")).err
