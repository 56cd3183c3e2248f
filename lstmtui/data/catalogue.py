"""Well-known public corpora: what is known of them, and how to get them.

The list is corpora/catalogue.toml, which says what its fields mean. Fetched files lie in CACHE/corpora/NAME/.
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
"""Of a file whose size the catalogue does not know."""
TIMEOUT_SECONDS = 30
"""Without a byte for so long, a download has failed."""
Report = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueFile:
    """One file of a set; an empty digest or a size of 0 is unknown."""

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
    """Why none can be given."""

    @property
    def max_bytes(self) -> int:
        """The most bytes that it may have."""
        return self.bytes or MAX_BYTES

    @property
    def has_digest(self) -> bool:
        """Whether some digest of it is known."""
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
    """A file that was fetched."""

    path: Path
    sha256: str
    """Of what was got, in hex."""
    verified: bool
    """Whether a digest of the catalogue confirmed it."""


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
    """Say whether the catalogue has a set called `name`."""
    return name in entries()


def get_entry(name: str) -> CatalogueEntry:
    """Return a set of the catalogue. Raises UsageError when there is none of that name."""
    if name not in entries():
        raise UsageError(f"The catalogue has no set called {name!r}; it has {', '.join(entries())}.")
    return entries()[name]


def file_path(entry: CatalogueEntry, file: CatalogueFile, cache: Path) -> Path:
    """Return where `fetch` puts a file."""
    return cache / "corpora" / entry.name / file.name


def is_fetched(entry: CatalogueEntry, cache: Path) -> bool:
    """Say whether every file of a set is there, with the size it should have."""
    paths = [(file_path(entry, file, cache), file.bytes) for file in entry.files]
    return all(path.is_file() and path.stat().st_size == (size or path.stat().st_size) for path, size in paths)


def set_files(name: str, role: str, cache: Path | None = None) -> list[Path]:
    """Return the files of a set that play `role`. Raises UsageError while the set is not fetched."""
    cache = cache or cache_root()
    entry = get_entry(name)
    if not is_fetched(entry, cache):
        raise UsageError(f"The set {name} is not here yet; get it with `lstmtui corpora fetch {name}`.")
    return [file_path(entry, file, cache) for file in entry.files if file.role == role]


def fetch_entry(
    entry: CatalogueEntry, cache: Path | None = None, report: Report = lambda what, done: None
) -> list[FetchedFile]:
    """Download what is missing of a set, check it and keep it. Raises LstmtuiError when that does not succeed."""
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
        got = archive
        if file.member:
            got = draft / f"{file.name}.member"
            _extract(entry, archive, file, got)
        _check(entry, file, got)
        got.replace(final)
    else:
        _check(entry, file, final)
    return FetchedFile(final, _digest(final, "sha256"), file.has_digest)


def _download(entry: CatalogueEntry, file: CatalogueFile, to: Path, report: Report) -> None:
    import pooch
    import requests

    pooch.get_logger().setLevel("ERROR")
    known = file.archive_sha256 if file.member else ""
    # What is packed is no larger than what is in it.
    most = sum(other.max_bytes for other in entry.files if other.url == file.url)
    progress = _Progress(lambda done: report(to.name, done), most=most, error=_changed(entry, file, "it is larger"))
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
    """Raise LstmtuiError unless `path` has the size and the digests the catalogue gives."""
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
        f"({difference}), so it was thrown away; try again later, or get {file.name} from {entry.home}."
    )


def _digest(path: Path, kind: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


class _Progress:
    """What pooch asks of a progress bar; tells how far a download is, 0 to 1."""

    def __init__(self, tell: Callable[[float], None], *, most: int, error: LstmtuiError) -> None:
        """`error` ends a download of more than `most` bytes."""
        self.total, self._done, self._tell = 0, 0, tell
        self._most, self._error = most, error

    def update(self, more: int) -> None:
        self._done += more
        if self._done - more >= self._most:  # the last chunk counts as a whole one
            raise self._error
        self._tell(min(1.0, self._done / self.total) if self.total else 0.0)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        pass
