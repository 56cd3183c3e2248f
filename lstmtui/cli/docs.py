"""`lstmtui docs [PAGE]`: the manual."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lstmtui import manual
from lstmtui.cli.output import write


def docs(
    page: Annotated[
        str | None, typer.Argument(metavar="PAGE", help="Name of a page, or its beginning.", show_default=False)
    ] = None,
) -> None:
    """Read the manual; without PAGE, list its pages."""
    if page is None:
        for name, title in manual.pages().items():
            write(f"{name:<17} {title}")
        return
    text = manual.read(page)
    if not sys.stdout.isatty():
        write(text.rstrip("\n"))
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    with console.pager(styles=True):
        console.print(Markdown(text), width=min(console.width, 100))
