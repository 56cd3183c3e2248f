"""`lstmtui corpora list|show|fetch`: the named texts."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import typer

from lstmtui.cli.help import App, Group
from lstmtui.cli.output import cell, notify, stdout_console, write, write_json
from lstmtui.cli.progress import progress_bar
from lstmtui.common.units import format_size

app = App(cls=Group, help="Texts to train on: list, show, fetch.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", metavar="", help="Print JSON, for a script.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="A name of 'lstmtui corpora list'.")]


@app.command("list")
def list_(json: Json = False) -> None:
    """List the named texts: the default, the generators, and well-known public sets."""
    rows = _rows()
    if json:
        write_json(rows)
        return
    from rich.table import Table

    table = Table("name", "size", "tokens", "here", "what it is", box=None, header_style="bold", pad_edge=False)
    for row in rows:
        about = cell(row["title"])
        length = format_size(row["bytes"]) if row["bytes"] else ""
        table.add_row(cell(row["name"]), length, row["tokens"], "yes" if row["here"] else "no", about)
    stdout_console().print(table)


@app.command()
def show(name: Name, json: Json = False) -> None:
    """Show one text: licence, files and digests, split, metric, reference figures."""
    facts = _facts(name)
    if json:
        write_json(facts)
        return
    for key, value in facts.items():
        if not isinstance(value, list | tuple):
            write(f"{key:10} {value}")
    for key in ("files", "reference"):
        for item in facts.get(key, ()):
            write(f"{key:10} {'  '.join(str(part) for part in item.values() if part)}")


@app.command()
def fetch(name: Name, json: Json = False) -> None:
    """Download a public set into the cache and check its digests."""
    from lstmtui.data import catalogue

    entry = catalogue.get_entry(name)
    with progress_bar() as bar:
        got = catalogue.fetch_entry(entry, report=bar.show)
    if json:
        write_json([{"path": str(file.path), "sha256": file.sha256, "proven": file.verified} for file in got])
        return
    for file in got:
        write(str(file.path))
        if not file.verified:
            notify(f"The catalogue has no digest of {file.path.name}; the download has SHA-256 {file.sha256}.")
    notify(f"Train on it with `lstmtui train {name} --tokens {entry.tokens}`. Licence: {entry.licence}.")


def _rows() -> list[dict[str, Any]]:
    from lstmtui.common.paths import cache_root
    from lstmtui.data import catalogue, default_corpus, formal_languages

    cache = cache_root()
    rows = [{"name": default_corpus.NAME, "bytes": 0, "tokens": "chars", "here": True, "title": default_corpus.TITLE}]
    rows += [
        {"name": name, "bytes": 0, "tokens": "chars", "here": True, "title": f"generator: {generator.title}"}
        for name, generator in formal_languages.GENERATORS.items()
    ]
    return rows + [
        {
            "name": entry.name,
            "bytes": sum(file.bytes for file in entry.files),
            "tokens": entry.tokens,
            "here": catalogue.is_fetched(entry, cache),
            "title": entry.title,
        }
        for entry in catalogue.entries().values()
    ]


def _facts(name: str) -> dict[str, Any]:
    from lstmtui.common.paths import cache_root
    from lstmtui.data import catalogue, default_corpus, formal_languages

    if name == default_corpus.NAME:
        return {"name": name, "title": default_corpus.TITLE, "licence": "PSF-2.0", "home": "https://docs.python.org"}
    if name in formal_languages.GENERATORS:
        source = " ".join((formal_languages.GENERATORS[name].make.__doc__ or "").split())
        settings = ",".join(f"{key}={value}" for key, value in formal_languages.default_settings(name).items())
        return {"name": name, "title": source, "settings": f"{name}:{settings}"}
    entry = catalogue.get_entry(name)
    return dataclasses.asdict(entry) | {"here": catalogue.is_fetched(entry, cache_root())}
