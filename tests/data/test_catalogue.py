"""The catalogue, and fetching from a server on this machine."""

from __future__ import annotations

import hashlib
import http.server
import io
import re
import threading
import zipfile
from functools import partial

import pytest
from support.corpora import prepare

from lstmtui.data import catalogue, formal_languages
from lstmtui.data.catalogue import CatalogueEntry, CatalogueFile, fetch_entry
from lstmtui.data.reading import resolve_names
from lstmtui.errors import LstmtuiError, UsageError

TEXT = b"words of a set\n" * 100


def digest(data: bytes, kind: str = "sha256") -> str:
    return hashlib.new(kind, data).hexdigest()


@pytest.fixture
def server(tmp_path):
    """Serve tmp_path/site and return its address."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "set.txt").write_bytes(TEXT)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("inner/train", TEXT)
        zipped.writestr("inner/valid", TEXT[:30])
    (site / "set.zip").write_bytes(archive.getvalue())
    (site / "torn.zip").write_bytes(archive.getvalue()[:200])

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


def entry(*files: CatalogueFile, name: str = "aset") -> CatalogueEntry:
    return CatalogueEntry(
        name=name, title="", licence="", home="https://example.org", tokens="chars", metric="", files=files
    )


def plain(server: str, **known) -> CatalogueFile:
    return CatalogueFile(role="train", name="set.txt", url=f"{server}/set.txt", **known)


def member(server: str, role: str, **known) -> CatalogueFile:
    return CatalogueFile(role=role, name=f"{role}.txt", member=f"inner/{role}", url=f"{server}/set.zip", **known)


def left_in(folder) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_every_entry_is_complete():
    assert {"ptb", "wikitext-2", "wikitext-103", "text8", "enwik8", "tinyshakespeare"} <= set(catalogue.entries())
    for name, known in catalogue.entries().items():
        assert re.fullmatch(r"[a-z0-9-]+", name)
        assert not formal_languages.is_generator(name)
        assert known.title
        assert known.licence
        assert known.metric
        assert known.tokens in ("bytes", "chars", "words")
        assert known.home.startswith("https://")
        roles = [file.role for file in known.files]
        assert roles == ["train", "valid", "test"] or (roles == ["train"] and sum(known.fractions) == pytest.approx(1))
        for file in known.files:
            assert file.url.startswith("https://")
            assert "/" not in file.name
            assert re.fullmatch(r"([0-9a-f]{64})?", file.sha256)
            assert re.fullmatch(r"([0-9a-f]{32})?", file.md5)
            assert re.fullmatch(r"([0-9a-f]{40})?", file.sha1)
            assert re.fullmatch(r"([0-9a-f]{64})?", file.archive_sha256)
            assert bool(file.archive_sha256) <= bool(file.member)
            assert file.has_digest or file.no_digest
        for figure in known.reference:
            assert set(figure) == {"model", "value", "source"}


@pytest.mark.parametrize("kind", ["sha256", "sha1", "md5"])
def test_a_file_is_fetched_verified_and_stored(kind, server, tmp_path):
    progress: list[float] = []
    chosen = entry(plain(server, bytes=len(TEXT), **{kind: digest(TEXT, kind)}))
    assert not catalogue.is_fetched(chosen, tmp_path)
    [got] = fetch_entry(chosen, tmp_path, lambda what, done: progress.append(done))
    assert got.path.read_bytes() == TEXT
    assert (got.sha256, got.verified) == (digest(TEXT), True)
    assert catalogue.is_fetched(chosen, tmp_path)
    assert left_in(tmp_path / "corpora") == {"set.txt"}
    assert progress[-1] == 1.0


def test_members_of_one_archive_are_unpacked(server, tmp_path):
    archive = digest((tmp_path / "site" / "set.zip").read_bytes())
    chosen = entry(member(server, "train", archive_sha256=archive), member(server, "valid", sha256=digest(TEXT[:30])))
    assert [got.path.read_bytes() for got in fetch_entry(chosen, tmp_path)] == [TEXT, TEXT[:30]]
    assert left_in(tmp_path / "corpora") == {"train.txt", "valid.txt"}


def test_a_present_file_is_not_fetched_again(server, tmp_path):
    chosen = entry(plain(server, sha256=digest(TEXT)))
    fetch_entry(chosen, tmp_path)
    (tmp_path / "site" / "set.txt").unlink()
    [got] = fetch_entry(chosen, tmp_path)
    assert got.verified


def test_a_file_without_a_digest_is_not_verified(server, tmp_path):
    [got] = fetch_entry(entry(plain(server)), tmp_path)
    assert (got.sha256, got.verified) == (digest(TEXT), False)


@pytest.mark.parametrize("known", [{"sha256": "0" * 64}, {"sha1": "0" * 40}, {"md5": "0" * 32}, {"bytes": 7}])
def test_a_file_with_another_digest_is_deleted(known, server, tmp_path):
    with pytest.raises(LstmtuiError, match="not the file the catalogue knows"):
        fetch_entry(entry(plain(server, **known)), tmp_path)
    assert left_in(tmp_path / "corpora") == set()


def test_an_archive_with_another_digest_is_deleted(server, tmp_path):
    with pytest.raises(LstmtuiError, match="not the file the catalogue knows"):
        fetch_entry(entry(member(server, "train", archive_sha256="0" * 64)), tmp_path)
    assert left_in(tmp_path / "corpora") == set()


def test_a_damaged_or_changed_archive_is_refused(server, tmp_path):
    torn = CatalogueFile(role="train", name="x", member="inner/train", url=f"{server}/torn.zip")
    with pytest.raises(LstmtuiError, match="damaged"):
        fetch_entry(entry(torn), tmp_path)
    with pytest.raises(LstmtuiError, match="has no file inner/test"):
        fetch_entry(entry(member(server, "test")), tmp_path)


def test_network_failures_are_reported(server, tmp_path):
    with pytest.raises(LstmtuiError, match="the server answered 404"):
        fetch_entry(entry(CatalogueFile(role="train", name="x", url=f"{server}/nothing")), tmp_path)
    with pytest.raises(LstmtuiError, match=r"127\.0\.0\.1:1 \(no connection\); try again with a network"):
        fetch_entry(entry(plain("http://127.0.0.1:1")), tmp_path)


def test_an_unwritable_cache_is_reported(server, tmp_path):
    (tmp_path / "corpora").write_text("in the way")
    with pytest.raises(LstmtuiError, match="cannot be kept"):
        fetch_entry(entry(plain(server)), tmp_path)


def test_an_unfetched_set_names_the_command(tmp_path):
    with pytest.raises(UsageError, match="lstmtui corpora fetch ptb"):
        resolve_names(["ptb"], cache=tmp_path)
    with pytest.raises(UsageError, match="no set called 'nope'"):
        catalogue.get_entry("nope")


def test_a_set_brings_its_own_split(server, tmp_path, monkeypatch):
    chosen = entry(member(server, "train"), member(server, "valid"))
    monkeypatch.setattr(catalogue, "entries", lambda: {"aset": chosen})
    fetch_entry(chosen, tmp_path)
    data = prepare(train=["aset"], cache=tmp_path)
    assert (data.train.bytes, data.valid.bytes, data.test.bytes) == (len(TEXT), 30, 0)
    assert data.name == "aset"


def test_no_more_is_unpacked_or_fetched_than_the_stated_size(server, tmp_path, monkeypatch):
    (tmp_path / "site" / "set.txt").write_bytes(TEXT * 10)
    for chosen in (entry(member(server, "train", bytes=len(TEXT) - 1)), entry(plain(server, bytes=len(TEXT)))):
        with pytest.raises(LstmtuiError, match="it is larger"):
            fetch_entry(chosen, tmp_path)
        assert left_in(tmp_path / "corpora") == set()
    monkeypatch.setattr(catalogue, "MAX_BYTES", len(TEXT) - 1)
    for chosen in (entry(member(server, "train")), entry(plain(server))):
        with pytest.raises(LstmtuiError, match="it is larger"):
            fetch_entry(chosen, tmp_path)


def test_an_archive_that_states_less_than_it_holds_is_refused(server, tmp_path):
    site = tmp_path / "site" / "set.zip"
    with zipfile.ZipFile(site, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("inner/train", b"0" * (1 << 20))
    data = site.read_bytes()
    site.write_bytes(data.replace((1 << 20).to_bytes(4, "little"), len(TEXT).to_bytes(4, "little")))
    with pytest.raises(LstmtuiError):
        fetch_entry(entry(member(server, "train", bytes=len(TEXT))), tmp_path)
    assert left_in(tmp_path / "corpora") == set()
