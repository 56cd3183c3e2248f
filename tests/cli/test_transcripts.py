"""Forms of a transcript: what is written at once, and what at the end."""

import json

from support.fake_transcriber import SEGMENTS

from lstmtui.cli.transcripts import Lines, Objects, Rows, SegmentObjects, Subtitles
from lstmtui.client.transcriber import Transcript

WHOLE = Transcript(6.0, SEGMENTS)


def written(capsys, form):
    """Return what is written before the end of a recording, and at it."""
    for segment in SEGMENTS:
        form.segment(segment)
    before = capsys.readouterr().out
    form.end("a.wav", WHOLE)
    return before, capsys.readouterr().out


def test_lines_and_subtitles_come_at_once_rows_and_objects_at_the_end(capsys):
    assert written(capsys, Lines()) == ("open it\nnow\n", "")
    assert written(capsys, Rows()) == ("", "a.wav\topen it now\n")
    before, after = written(capsys, Objects())
    assert (before, json.loads(after)["seconds"]) == ("", 6.0)
    before, after = written(capsys, Subtitles())
    assert before.count(" --> ") == 2
    assert after == ""


def test_objects_of_a_stream_have_the_words_of_their_segment(capsys):
    before, _ = written(capsys, SegmentObjects())
    first, second = map(json.loads, before.splitlines())
    assert [word["text"] for word in first["words"]] == ["open", "it"]
    assert (second["start"], second["end"], second["text"]) == (4.0, 5.0, "now")


def test_a_reason_stands_in_place_of_a_transcript_where_there_is_room(capsys):
    for form in (Lines(), Rows(), Subtitles()):
        form.failed("a.wav", "It is a picture.")
    assert capsys.readouterr().out == ""
    Objects().failed("a.wav", "It is a picture.")
    assert json.loads(capsys.readouterr().out) == {"file": "a.wav", "error": "It is a picture."}
