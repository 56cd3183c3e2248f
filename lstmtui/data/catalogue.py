"""Well-known public corpora: their catalogue, and downloads.

The catalogue is corpora/catalogue.toml, which documents its fields. Fetched files are in CACHE/corpora/NAME/.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import tomllib
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache as remember
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lstmtui.common.paths import cache_root
from lstmtui.errors import LstmtuiError, UsageError

MAX_BYTES = 1 << 30
"""The largest file whose size the catalogue does not state."""
TIMEOUT_SECONDS = 30
"""Seconds without a byte after which a download has failed."""
Report = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueFile:
    """One file of a set; an empty digest and a size of 0 are unknown."""

    role: str
    name: str
    url: str
    bytes: int = 0
    sha256: str = ""
    sha1: str = ""
    md5: str = ""
    member: str = ""
    archive_sha256: str = ""
    no_digest: str = ""
    """The reason why no digest is given."""

    @property
    def max_bytes(self) -> int:
        """The largest size that is accepted."""
        return self.bytes or MAX_BYTES

    @property
    def has_digest(self) -> bool:
        """Whether a digest is known."""
        return bool(self.sha256 or self.sha1 or self.md5 or self.archive_sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """One set of the catalogue."""

    name: str
    title: str
    licence: str
    home: str
    tokens: str
    metric: str
    files: tuple[CatalogueFile, ...]
    fractions: tuple[float, ...] = ()
    reference: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A fetched file."""

    path: Path
    sha256: str
    """The digest of the fetched file, in hex."""
    verified: bool
    """Whether a digest of the catalogue was checked."""


@remember
def entries() -> dict[str, CatalogueEntry]:
    """Return the whole catalogue by name."""
    installed = resources.files("lstmtui") / "corpora" / "catalogue.toml"
    # An editable install has the folder beside the package instead of in it.
    found = installed if installed.is_file() else Path(__file__).parents[2] / "corpora" / "catalogue.toml"
    tables = tomllib.loads(found.read_text("utf-8"))
    return {
        name: CatalogueEntry(
            name=name,
            **table
            | {
                "files": tuple(CatalogueFile(**file) for file in table["files"]),
                "fractions": tuple(table.get("fractions", ())),
                "reference": tuple(table["reference"]),
            },
        )
        for name, table in tables.items()
    }


def has_entry(name: str) -> bool:
    """Return whether the catalogue has a set called `name`."""
    return name in entries()


def get_entry(name: str) -> CatalogueEntry:
    """Return a set of the catalogue. Raises UsageError where there is none of that name."""
    if name not in entries():
        raise UsageError(f"The catalogue has no set called {name!r}; it has {', '.join(entries())}.")
    return entries()[name]


def file_path(entry: CatalogueEntry, file: CatalogueFile, cache: Path) -> Path:
    """Return the path of a fetched file."""
    return cache / "corpora" / entry.name / file.name


def is_fetched(entry: CatalogueEntry, cache: Path) -> bool:
    """Return whether every file of a set is present with the stated size."""
    paths = [(file_path(entry, file, cache), file.bytes) for file in entry.files]
    return all(path.is_file() and path.stat().st_size == (size or path.stat().st_size) for path, size in paths)


def set_files(name: str, role: str, cache: Path | None = None) -> list[Path]:
    """Return the files of a set for `role`. Raises UsageError where the set is not fetched."""
    cache = cache or cache_root()
    entry = get_entry(name)
    if not is_fetched(entry, cache):
        raise UsageError(f"The set {name} is not here yet; get it with `lstmtui corpora fetch {name}`.")
    return [file_path(entry, file, cache) for file in entry.files if file.role == role]


def fetch_entry(
    entry: CatalogueEntry, cache: Path | None = None, report: Report = lambda what, done: None
) -> list[FetchedFile]:
    """Download, verify and store the missing files of a set. Raises LstmtuiError where that fails."""
    cache = cache or cache_root()
    folder = cache / "corpora" / entry.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as draft:
            return [_fetch(entry, file, cache, Path(draft), report) for file in entry.files]
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:  # also: it is encrypted
        raise LstmtuiError(f"The archive of {entry.name} is damaged; fetch it again.") from error
    except OSError as error:
        reason = error.strerror or error
        raise LstmtuiError(f"The set {entry.name} cannot be kept in {folder} ({reason}); make room there.") from error


def _fetch(entry: CatalogueEntry, file: CatalogueFile, cache: Path, draft: Path, report: Report) -> FetchedFile:
    final = file_path(entry, file, cache)
    if not final.is_file() or (file.bytes and final.stat().st_size != file.bytes):
        archive = draft / Path(urlsplit(file.url).path).name
        # Several files may come from one archive.
        if not archive.exists():
            _download(entry, file, archive, report)
        fetched = archive
        if file.member:
            fetched = draft / f"{file.name}.member"
            _extract(entry, archive, file, fetched)
        _check(entry, file, fetched)
        fetched.replace(final)
    else:
        _check(entry, file, final)
    return FetchedFile(final, _digest(final, "sha256"), file.has_digest)


def _download(entry: CatalogueEntry, file: CatalogueFile, to: Path, report: Report) -> None:
    import pooch
    import requests

    pooch.get_logger().setLevel("ERROR")
    known = file.archive_sha256 if file.member else ""
    # An archive is no larger than its files.
    max_bytes = sum(other.max_bytes for other in entry.files if other.url == file.url)
    progress = _Progress(
        lambda done: report(to.name, done), max_bytes=max_bytes, error=_changed(entry, file, "it is larger")
    )
    downloader = pooch.HTTPDownloader(progressbar=progress, timeout=TIMEOUT_SECONDS)
    try:
        pooch.retrieve(file.url, f"sha256:{known}" if known else None, to.name, to.parent, downloader=downloader)
    except requests.RequestException as error:
        raise LstmtuiError(
            f"The set {entry.name} could not be fetched from {urlsplit(file.url).netloc} ({_reason(error)}); "
            f"try again with a network, or save the file as {to.parent.parent / file.name} yourself."
        ) from error
    except ValueError as error:  # pooch: the digest differs
        raise _changed(entry, file) from error


def _reason(error: Exception) -> str:
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code}"
    return "it took too long" if isinstance(error, requests.Timeout) else "no connection"


def _extract(entry: CatalogueEntry, archive: Path, file: CatalogueFile, to: Path) -> None:
    with zipfile.ZipFile(archive) as zipped:
        try:
            inside = zipped.open(file.member)
        except KeyError as error:
            raise LstmtuiError(f"The archive {file.url} has no file {file.member}; it must have changed.") from error
        if zipped.getinfo(file.member).file_size > file.max_bytes:
            raise _changed(entry, file, "it is larger")
        with inside, open(to, "wb") as out:
            left = file.max_bytes
            while chunk := inside.read(min(1 << 20, left + 1)):
                left -= len(chunk)
                if left < 0:
                    raise _changed(entry, file, "it is larger")
                out.write(chunk)


def _check(entry: CatalogueEntry, file: CatalogueFile, path: Path) -> None:
    """Raise LstmtuiError unless `path` has the size and the digests of the catalogue."""
    good = not file.bytes or path.stat().st_size == file.bytes
    for kind, known in (("sha256", file.sha256), ("sha1", file.sha1), ("md5", file.md5)):
        good = good and (not known or _digest(path, kind) == known)
    if not good:
        with contextlib.suppress(OSError):
            path.unlink()
        raise _changed(entry, file)


def _changed(entry: CatalogueEntry, file: CatalogueFile, difference: str = "its digest differs") -> LstmtuiError:
    return LstmtuiError(
        f"What {urlsplit(file.url).netloc} sent for {entry.name} is not the file the catalogue knows "
        f"({difference}), so it was deleted; try again later, or get {file.name} from {entry.home}."
    )


def _digest(path: Path, kind: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


class _Progress:
    """The progress bar that pooch calls; reports the progress of a download, 0 to 1."""

    def __init__(self, report: Callable[[float], None], *, max_bytes: int, error: LstmtuiError) -> None:
        """`error` is raised where a download exceeds `max_bytes`."""
        self.total, self._done, self._report = 0, 0, report
        self._max_bytes, self._error = max_bytes, error

    def update(self, more: int) -> None:
        self._done += more
        if self._done - more >= self._max_bytes:  # the last chunk counts as a full one
            raise self._error
        self._report(min(1.0, self._done / self.total) if self.total else 0.0)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        pass
