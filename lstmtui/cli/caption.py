"""`lstmtui caption RUN PICTURE...`: pictures described in words."""

from __future__ import annotations

import math
import os
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstmtui.cli.beam_options import Alpha, Beam, beam_of
from lstmtui.cli.options import Run, RunsDir, resolve_run
from lstmtui.cli.output import notify, stdout_console, write, write_json
from lstmtui.cli.signature import takes
from lstmtui.common.terminal_text import one_line
from lstmtui.errors import UsageError
from lstmtui.protocol import MAX_BEAM

if TYPE_CHECKING:
    from rich.text import Text

    from lstmtui.client.captioner import Caption, Described

BATCH = 64
"""Pictures that are described at once."""
COLUMNS, ROWS = 24, 12
"""Cells of a picture."""
GAP = 2
"""Cells between pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionArguments:
    """Arguments and options of the command."""

    run: Run
    pictures: Annotated[
        list[str] | None, typer.Argument(metavar="PICTURE", help="Files to describe.", show_default=False)
    ] = None
    nbest: Annotated[
        int, typer.Option(min=1, max=MAX_BEAM, metavar="INTEGER", help="Captions of each picture, the best first.")
    ] = 1
    beam: Beam = None
    alpha: Alpha = 1.0
    attention: Annotated[
        bool,
        typer.Option("--attention", metavar="", help="Draw the picture, and what each word has looked at."),
    ] = False
    json: Annotated[
        bool,
        typer.Option(
            "--json", metavar="", help="Print one JSON object a picture, with scores, tokens and what they looked at."
        ),
    ] = False
    runs_dir: RunsDir = None


@takes(CaptionArguments)
def caption(args: CaptionArguments) -> int:
    """Describe pictures in words, with a run that was trained for captions.

    Several pictures make a line each: the name, a tab and the caption. One that cannot be read is reported, and the
    others are described.
    """
    from lstmtui.client.captioner import Captioner

    names, failed, beam = _checked(args), False, beam_of(args.beam, args.nbest)
    options: dict[str, Any] = {"nbest": args.nbest, "beam": beam, "alpha": args.alpha}
    with Captioner(resolve_run(args.run, args.runs_dir)) as captioner:
        for at in range(0, len(names), BATCH):
            batch = names[at : at + BATCH]
            found = captioner.describe([Path(name).expanduser() for name in batch], pixels=args.attention, **options)
            if len(names) == 1 and found[0].error:
                raise UsageError(found[0].error)
            for name, picture in zip(batch, found, strict=True):
                _write(name, picture, args)
                failed |= bool(picture.error)
    return UsageError.exit_code if failed else 0


def _checked(args: CaptionArguments) -> list[str]:
    """Return the names of the pictures. Raises UsageError."""
    if os.path.isfile(args.run):
        name = one_line(args.run, 80)
        raise UsageError(f"{name} is a file; name the run before it, as in: lstmtui caption latest {name}")
    if not args.pictures:
        raise UsageError("No picture is given: name one or more files.")
    if not all(name.strip() for name in args.pictures):
        raise UsageError("An empty text names no file.")
    if args.attention and args.json:
        raise UsageError("--json has what each token has looked at already; leave --attention out.")
    return args.pictures


def _write(name: str, picture: Described, args: CaptionArguments) -> None:
    """Write the captions of a picture, after its name where there are several pictures."""
    if picture.error or picture.note:
        notify(picture.error or picture.note)
    if args.json:
        found = {"error": picture.error} if picture.error else {"captions": list(map(asdict, picture.captions))}
        write_json({"picture": name, **found})
        return
    for best in picture.captions:
        columns = [name] * (len(args.pictures or ()) > 1) + [f"{best.score:.3f}"] * (args.nbest > 1) + [best.text]
        write("\t".join(columns))
    if args.attention and picture.captions and not picture.pixels:
        notify("There is no picture to draw: the run reads the vectors of another network.")
    elif args.attention and picture.captions:
        _draw(name, picture.captions[0], picture.pixels)


# --- what each word has looked at -------------------------------------------------------------------------------------


def _draw(name: str, best: Caption, data: bytes) -> None:
    """Draw a picture, and beside it, for each token of a caption, what it has looked at."""
    import numpy as np
    from rich.text import Text

    console, gap = stdout_console(), Text(" " * GAP)
    pixels = np.frombuffer(data, np.uint8).reshape(math.isqrt(len(data) // 3), -1, 3)
    titles = [Path(name).name, *best.tokens]
    pictures = [_lines(pixels, grid, console.color_system) for grid in (None, *best.attention)]
    width = shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else 80
    across = max(1, (width + GAP) // (COLUMNS + GAP))
    for at in range(0, len(pictures), across):
        console.print()
        console.print(gap.join(Text(one_line(title, COLUMNS).ljust(COLUMNS)) for title in titles[at : at + across]))
        for line in zip(*pictures[at : at + across], strict=True):
            console.print(gap.join(line))
    console.print()


def _lines(pixels: Any, attention: Any, colours: str | None) -> list[Text]:
    """Return the lines of a picture: two pixels a cell, or shades where the terminal has no colours."""
    from rich.text import Text

    from lstmtui.reports.picture_cells import HALF_BLOCK, half_blocks, shades

    if colours is None:
        plain = not (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")
        return [Text(line) for line in shades(pixels, COLUMNS, ROWS, attention, plain=plain)]
    return [
        Text.assemble(*((HALF_BLOCK, f"{upper} on {lower}") for upper, lower in line))
        for line in half_blocks(pixels, COLUMNS, ROWS, attention)
    ]
