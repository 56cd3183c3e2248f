from __future__ import annotations

import sys
import zipfile

import pytest

from lstmtui.data.containers.budget import Budget
from lstmtui.data.containers.documents import recognises, texts
from lstmtui.errors import UsageError

CONTAINER = '<container xmlns="urn:x"><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>'
PACKAGE = (
    '<package xmlns="http://www.idpf.org/2007/opf"><manifest><item id="a" href="one%20.xhtml"/>'
    '<item id="b" href="two.xhtml"/></manifest><spine><itemref idref="b"/><itemref idref="a"/></spine></package>'
)
PAGE = "<html><head><title>no</title></head><body><h1>{0}</h1><p>Some <i>words</i> &amp; more.</p><script>no</script>"


def book(path, **changes):
    files = {
        "mimetype": "application/epub+zip", "META-INF/container.xml": CONTAINER, "OPS/book.opf": PACKAGE,
        "OPS/one .xhtml": PAGE.format("One"), "OPS/two.xhtml": PAGE.format("Two"), **changes,
    }  # fmt: skip
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            if content is not None:
                archive.writestr(name, content, zipfile.ZIP_STORED if name == "mimetype" else None)
    return path


def read(path):
    return b"".join(texts(path, path.name, Budget(path.name, path.stat().st_size))).decode()


def test_chapters_of_a_book_come_in_its_order(tmp_path):
    path = book(tmp_path / "a.epub")
    assert recognises(path.read_bytes()[:8192], "a.epub")
    assert read(path) == "Two\nSome words & more.\n\nOne\nSome words & more.\n\n"


BOMB = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><package>&b;</package>'


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"META-INF/container.xml": None}, "container.xml"), ({"OPS/two.xhtml": None}, "two.xhtml"),
        ({"OPS/book.opf": "<package"}, "damaged"), ({"OPS/book.opf": BOMB}, "entities"),
        ({"META-INF/container.xml": "<container/>"}, "damaged"),
    ],
)  # fmt: skip
def test_a_damaged_book_is_one_sentence(tmp_path, change, message):
    with pytest.raises(UsageError, match=message) as raised:
        read(book(tmp_path / "a.epub", **change))
    assert "\n" not in str(raised.value)


def pdf(*lines: str) -> bytes:
    """Return a PDF document of one page with these lines."""
    stream = "BT /F1 12 Tf 72 720 Td 14 TL " + " ".join(f"({line}) Tj T*" for line in lines) + " ET"
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(stream)}>>stream\n{stream}\nendstream", "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]  # fmt: skip
    made, places = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(made))
        made += f"{number} 0 obj{one}endobj\n".encode()
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    end = f"xref\n0 6\n0000000000 65535 f \n{table}trailer<</Size 6/Root 1 0 R>>\nstartxref\n{len(made)}\n%%EOF"
    return made + end.encode()


def test_the_text_of_a_pdf_document(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf("The cat sat", "on the mat."))
    assert read(path) == "The cat sat\non the mat.\n\n"


@pytest.mark.parametrize("content", [b"%PDF-1.4\n", b"%PDF-1.4\n" + b"\0" * 5000, pdf("a")[:200]])
def test_a_damaged_pdf_document_is_one_sentence(tmp_path, content):
    path = tmp_path / "a.pdf"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="cannot be read as a PDF document") as raised:
        read(path)
    assert "\n" not in str(raised.value)


def test_without_the_package_one_sentence_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pypdf", None)
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf("a"))
    with pytest.raises(UsageError, match=r"lstmtui\[documents\]"):
        read(path)
