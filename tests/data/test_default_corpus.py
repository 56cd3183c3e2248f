"""The default corpus: prose, the same every time, from whatever part of the library is there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lstmtui.data import default_corpus
from lstmtui.errors import UsageError


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def text(cache):
    return default_corpus.text(cache).decode("ascii")


def test_the_corpus_is_about_a_megabyte_of_plain_sentences(text):
    assert 700_000 < len(text) < 3_000_000
    assert len(set(text)) < 100
    paragraphs = text.rstrip("\n").split("\n\n")
    assert len(paragraphs) == len(set(paragraphs))
    assert all(default_corpus.is_prose(paragraph) for paragraph in paragraphs)
    letters = sum(character.islower() or character == " " for character in text)
    assert letters > 0.9 * len(text)
    for word in ("the", "function", "returns", "because", "should"):
        assert f" {word} " in text


def test_validation_text_has_the_words_of_the_training_text(text):
    cut = int(0.9 * len(text))
    known = set(text[:cut].split())
    valid = text[cut:].split()
    assert sum(word in known for word in valid) > 0.9 * len(valid)


def test_the_corpus_is_cached_and_a_damaged_copy_is_made_again(text, cache):
    [stored] = cache.glob("default-*.txt")
    whole = stored.read_bytes()
    assert whole == text.encode()
    stored.write_bytes(whole[:-5])
    assert default_corpus.text(cache) == whole
    assert stored.read_bytes() == whole


@pytest.fixture
def library(tmp_path):
    """Return a small library with what the real one also has: modules that do not parse, and folders left out."""
    folder = tmp_path / "lib"
    paragraphs = "\n\n".join(
        f"The sentence with the number {i} is plain English, and it ends here." for i in range(2000)
    )
    (folder / "site-packages").mkdir(parents=True)
    (folder / "good.py").write_text(f'"""{paragraphs}"""\n')
    (folder / "site-packages" / "other.py").write_text(f'"""{paragraphs.replace("plain", "foreign")}"""\n')
    (folder / "bad.py").write_text("def (:\n")
    (folder / "latin.py").write_bytes(b"# \xff\xfe not UTF-8\n")
    return folder


def test_a_library_without_some_modules_is_enough(library):
    text = default_corpus.text(library=library)
    assert text.count(b"plain English") == 2000
    assert b"foreign" not in text


def test_topics_are_parsed_and_not_executed(library):
    topics = library / "pydoc_data" / "topics.py"
    topics.parent.mkdir()
    sentence = "The topic says that nothing in this file is ever executed by anyone."
    topics.write_text(f"raise SystemExit\ntopics = {{'one': 'One\\n***\\n\\n{sentence}'}}\n")
    assert sentence.encode() in default_corpus.text(library=library)


def test_a_python_without_its_source_is_refused(library, tmp_path):
    shutil.rmtree(library)
    Path(library).mkdir()
    with pytest.raises(UsageError, match="name a text file"):
        default_corpus.text(library=library)


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (
            "Return the “name” of the file that\n   was opened before it.",
            'Return the "name" of the file that was opened before it.',
        ),
        ("The first line of a paragraph stands here,\nand the second line ends it.", True),
        (">>> print('The example of code is not a sentence of English at all.')", False),
        ("too short.", False),
        ("assert_stmt ::= assert expression, expression and some more words here.", False),
        ("A heading that does not end in any mark and so is not a sentence", False),
        ("+----------+----------+\n| a        | b        |\n+----------+----------+", False),
    ],
)
def test_only_sentences_are_prose(block, expected):
    found = list(default_corpus.prose(block))
    if isinstance(expected, str):
        assert found == [expected]
    else:
        assert bool(found) is expected
