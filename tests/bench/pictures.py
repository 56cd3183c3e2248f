"""The README's pictures, taken from real runs: python tests/bench/pictures.py RUN OTHER... [--to .github].

The first run is the one that is looked into; all of them stand in the list and in the comparison.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from screen_tests import painted
from textual.pilot import Pilot

from lstmtui.runs.folder import RunFolder, find
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.doors import Doors
from lstmtui.tui.preferences import Preferences
from lstmtui.tui.screens.compare import CompareScreen

PICTURES: dict[str, tuple[bool, tuple[str, ...], str]] = {
    "home": (False, (), "Loss of"),
    "new": (False, ("n",), "the text "),
    "live": (True, (), "Gates by"),
    "gates": (True, ("v", "v", "v"), "units by"),
    "steer": (True, ("e",), "Steer"),
    "gradients": (True, ("g",), "Half-life"),
    "inspect": (True, ("i",), "of all units"),
    "compare": (False, (), "Results"),
    "type": (True, ("t",), "Ready"),
}
"""Whether the first run is opened, the keys that lead there, and what stands on the screen once it is complete."""
TYPED = "But if the "


async def picture(name: str, runs: list[RunFolder], size: tuple[int, int], liked: Preferences) -> str:
    """Return one screen as SVG."""
    opens, keys, sign = PICTURES[name]
    app = LstmtuiApp(runs[0] if opens else None, screen="live", doors=Doors(root=runs[0].root), preferences=liked)
    async with app.run_test(size=size) as pilot:
        await still(pilot, "" if opens else "Loss of")
        if name == "compare":
            app.push_screen(CompareScreen([run.path for run in runs], app.doors))
        await pilot.press(*keys)
        await still(pilot, sign)
        if name == "type":
            await pilot.press(*TYPED)
            await still(pilot, "%")
        elif name == "live":
            await pilot.press("a")
            await still(pilot, "")
        return slim(app.export_screenshot(title="lstmtui"))


async def still(pilot: Pilot[None], sign: str) -> None:
    """Wait until `sign` is to be seen and nothing moves any more."""
    last, same = "", 0
    for _ in range(600):
        await pilot.pause(0.1)
        now = painted(pilot.app)
        same = same + 1 if now == last and sign in now else 0
        last = now
        if same >= 8:
            return
    raise TimeoutError(f"never still, or without {sign!r}:\n{last}")


def slim(svg: str) -> str:
    """Return a picture without fonts from elsewhere and what only clips lines that fit anyway."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<clipPath id="[^"]*line-\d+">.*?</clipPath>\s*', "", svg, flags=re.DOTALL)
    svg = re.sub(r' clip-path="url\(#[^)]*line-\d+\)"', "", svg)
    svg = re.sub(r"terminal-\d+-", "t-", svg)
    svg = svg.replace("font-family: Fira Code, monospace", "font-family: Fira Code, DejaVu Sans Mono, monospace")
    return re.sub(r"\n\s+", "\n", svg)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--to", type=Path, default=Path(".github"))
    parser.add_argument("--size", default="100x30")
    parser.add_argument("--only", default=",".join(PICTURES))
    parser.add_argument("--theme", default="auto")
    parser.add_argument("--charset", default="braille")
    given = parser.parse_args()
    runs = [find(name) for name in given.runs]
    width, height = (int(part) for part in given.size.split("x"))
    liked = Preferences(theme=given.theme, charset=given.charset)
    for name in given.only.split(","):
        svg = asyncio.run(picture(name, runs, (width, height), liked))
        if str(Path.home()) in svg or os.sep + "tmp" + os.sep in svg:
            raise SystemExit(f"{name}: a path of this machine stands in the picture.")
        (given.to / f"{name}.svg").write_text(svg)
        print(f"{name}.svg: {len(svg) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
