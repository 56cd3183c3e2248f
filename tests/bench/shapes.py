"""Draws pictures of two shapes and says what stands where: python tests/bench/shapes.py FOLDER [--count 2000].

"a large red circle above a small blue square": five colours, four shapes, two sizes and four places make 6,400
captions, so a network that is shown a part of them has to put words together. A folder for `train --for captions`.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from PIL import Image, ImageDraw

SIDE = 64
COLOURS = {"red": "#d62828", "blue": "#1d5fbf", "green": "#2a9d4b", "yellow": "#f2b705", "black": "#222222"}
SHAPES = ("circle", "square", "triangle", "cross")
SIZES = {"small": 6, "large": 11}
"""Half the side of a shape, in pixels."""
PLACES = {"above": (0, -1), "below": (0, 1), "left of": (-1, 0), "right of": (1, 0)}
"""Where the first shape is, seen from the second."""
OPPOSITE = {"above": "below", "below": "above", "left of": "right of", "right of": "left of"}


def draw(random_: random.Random) -> tuple[Image.Image, list[str]]:
    """Return a picture and its captions, which begin with one shape and with the other."""
    image = Image.new("RGB", (SIDE, SIDE), "white")
    pen = ImageDraw.Draw(image)
    place, (dx, dy) = random_.choice(list(PLACES.items()))
    words: list[str] = []
    for sign in (1, -1):
        size, colour = random_.choice(list(SIZES)), random_.choice(list(COLOURS))
        shape, half = random_.choice(SHAPES), SIZES[size]
        x, y = (32 + sign * (16 * d) + random_.randint(-3, 3) for d in (dx, dy))
        _shape(pen, shape, (x, y), half, COLOURS[colour])
        words.append(f"a {size} {colour} {shape}")
    return image, [f"{words[0]} {place} {words[1]}", f"{words[1]} {OPPOSITE[place]} {words[0]}"]


def _shape(pen: ImageDraw.ImageDraw, shape: str, centre: tuple[float, float], half: int, colour: str) -> None:
    x, y = centre
    box = (x - half, y - half, x + half, y + half)
    if shape == "circle":
        pen.ellipse(box, fill=colour)
    elif shape == "square":
        pen.rectangle(box, fill=colour)
    elif shape == "triangle":
        pen.polygon([(x, y - half), (x + half, y + half), (x - half, y + half)], fill=colour)
    else:
        arm = half / 3
        pen.rectangle((x - half, y - arm, x + half, y + arm), fill=colour)
        pen.rectangle((x - arm, y - half, x + arm, y + half), fill=colour)


def main() -> None:
    """Draw the pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    random_ = random.Random(given.seed)
    for n in range(given.count):
        image, captions = draw(random_)
        image.save(given.folder / f"{n:05d}.png")
        (given.folder / f"{n:05d}.txt").write_text("\n".join(captions) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
