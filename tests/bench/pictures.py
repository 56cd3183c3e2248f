"""Takes the README's pictures from real runs: python tests/bench/pictures.py RUN [--to .github] [--only live,type].

RUN is the run that is opened, best while it trains; the list and the comparison show all runs of its folder. A run of
translation (Multi30k, English to German) gives the picture "translate", one of captions (tests/bench/shapes.py) and a
picture for it, `--picture`, "caption", one of speech and a `--recording` "transcribe", every other run all the others.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.screens import painted
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from lstmtui import config
from lstmtui.common.paths import runs_root
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.listing import find_run
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.preferences import Preferences
from lstmtui.tui.screens.caption import READY
from lstmtui.tui.services import Services

PICTURES: dict[str, tuple[bool, tuple[str, ...], str]] = {
    "home": (False, (), "Loss of"),
    "new": (False, ("n", "down", "down", "down"), "whole text"),
    "live": (True, (), "Gates by"),
    "gates": (True, ("v", "v", "]"), "units by training time"),
    "steer": (True, ("e",), "learning rate"),
    "gradients": (True, ("g",), "Summary"),
    "inspect": (True, ("i", "down", "down"), "Read "),
    "compare": (False, ("c",), "Results"),
    "type": (True, ("t",), "Ready"),
    "translate": (True, (), "Ready"),
    "caption": (True, (), READY),
    "transcribe": (True, (), "Type or paste"),
}
"""Whether the run is opened, the keys that lead there, and a text that is on the screen once it is complete."""
TYPED = "Good morrow, cousin. I have not seen the k"
SOURCE, ACCEPTED = ("two dogs play in the snow .", "a man is riding a bike ."), 2
"""What is translated, and how many words of the last line's translation are accepted."""


OF_PURPOSE = {"translation": "translate", "captions": "caption", "speech": "transcribe"}
"""The only picture of a run, by what the run is for."""


async def picture(
    name: str, run: RunFolder, size: tuple[int, int], preferences: Preferences, described: Path | None
) -> str:
    """Return one screen as SVG; `described` is the picture or recording that a model writes of."""
    opens, keys, sign = PICTURES[name]
    services = Services(root=run.path.parent)
    first = "type" if name in OF_PURPOSE.values() else "live"
    app = LstmtuiApp(run if opens else None, screen=first, services=services, preferences=preferences)
    async with app.run_test(size=size) as pilot:
        await wait_for(pilot, sign if name in OF_PURPOSE.values() else "open >0.9" if opens else "Loss of")
        for key in keys:
            await pilot.press(key)
        if name == "gates":
            app.screen.query_one("#gates").focus()
            await pilot.press("z")
        await wait_for(pilot, sign)
        if name == "type":
            await pilot.press(*TYPED)
            await wait_for(pilot, "%")
        if name == "translate":
            app.screen.query_one("#source", TextArea).insert("\n".join(SOURCE))
            await wait_for(pilot, "▸1")
            await pilot.press("tab", *["enter"] * (len(SOURCE) - 1))
            for _ in range(ACCEPTED):
                await pilot.pause(2.0)
                await pilot.press("tab")
            await pilot.pause(2.0)
        if name == "caption" and described is not None:
            os.chdir(described.parent)
            app.screen.query_one(Input).value = described.name
            await pilot.press("enter")
            await wait_for(pilot, "▸")
            await pilot.press(*["right"] * 30)
        if name == "transcribe" and described is not None:
            os.chdir(described.parent)
            app.screen.query_one(Input).value = described.name
            await pilot.press("enter")
            await wait_for(pilot, " s of ")
        await pilot.pause(2.0)
        return slim(app.export_screenshot(title="lstmtui"))


async def wait_for(pilot: Pilot[None], sign: str) -> None:
    """Wait until `sign` is on the screen; kernels may have to be compiled first."""
    for _ in range(600):
        await pilot.pause(0.2)
        if sign in painted(pilot.app):
            return
    raise TimeoutError(f"{sign!r} did not appear:\n{painted(pilot.app)}")


def slim(svg: str) -> str:
    """Return a picture without links to fonts and without clip paths of lines that fit anyway."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<clipPath id="[^"]*line-\d+">.*?</clipPath>\s*', "", svg, flags=re.DOTALL)
    svg = re.sub(r' clip-path="url\(#[^)]*line-\d+\)"', "", svg)
    svg = re.sub(r"terminal-\d+-", "t-", svg)
    svg = svg.replace("font-family: Fira Code, monospace", "font-family: Fira Code, DejaVu Sans Mono, monospace")
    return re.sub(r"\n\s+", "\n", svg)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("run")
    parser.add_argument("--picture", "--recording", type=Path, help="what a captioner or a recogniser writes of")
    parser.add_argument("--to", type=Path, default=Path(".github"))
    parser.add_argument("--size", default="100x30")
    parser.add_argument("--only")
    parser.add_argument("--theme", default="auto")
    parser.add_argument("--charset", default="braille")
    given = parser.parse_args()
    folder, described = given.to.resolve(), given.picture.resolve() if given.picture else None
    os.chdir(runs_root().parent)  # so that no path of this machine is in the pictures
    run = find_run(given.run, Path(runs_root().name))
    width, height = (int(part) for part in given.size.split("x"))
    preferences = Preferences(theme=given.theme, charset=given.charset)
    only = OF_PURPOSE.get(config.load(run.config).data.purpose)
    names = [only] if only else [name for name in PICTURES if name not in OF_PURPOSE.values()]
    for name in given.only.split(",") if given.only else names:
        svg = asyncio.run(picture(name, run, (width, height), preferences, described))
        if str(Path.home()) in svg or str(folder.parent) in svg:
            raise SystemExit(f"{name}: a path of this machine stands in the picture.")
        (folder / f"{name}.svg").write_text(svg)
        print(f"{name}.svg: {len(svg) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
