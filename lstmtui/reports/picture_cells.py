"""Pictures as cells of a terminal: two pixels a cell, one above the other, or shades where there are no colours.

A cell is about twice as high as wide, so that the two halves of a half block are squares. What a network has looked at
stays bright, and the rest is dimmed.
"""

from __future__ import annotations

from typing import Any

from lstmtui.reports.alignment import shade

HALF_BLOCK = "▀"
DIMMED = 0.3
"""The share of its light that a pixel keeps which was not looked at."""
_LUMINANCE = (0.2126, 0.7152, 0.0722)


def cells_of(height: int, width: int, columns: int, rows: int) -> tuple[int, int]:
    """Return the columns and rows of cells that a picture of height x width pixels fills of those that there are."""
    columns, rows = max(1, columns), max(1, rows)
    scale = min(columns / width, 2 * rows / height)
    return max(1, min(columns, round(width * scale))), max(1, min(rows, round(height * scale / 2)))


def scaled(pixels: Any, height: int, width: int) -> Any:
    """Return pixels (h, w, 3) as height x width numbers from 0 to 255: means of those that fall into one."""
    import numpy as np

    found: Any = np.asarray(pixels, np.float32)
    for axis, size in ((0, height), (1, width)):
        n = found.shape[axis]
        if size >= n:
            found = found.take(np.arange(size) * n // size, axis)
            continue
        edges = np.arange(size) * n // size
        counts = np.diff([*edges, n]).astype(np.float32)
        found = np.add.reduceat(found, edges, axis) / counts.reshape([-1 if k == axis else 1 for k in range(3)])
    return found


def lit(pixels: Any, attention: Any) -> Any:
    """Return pixels (h, w, 3) as bright as `attention` (rows, columns), its largest value, is on them."""
    import numpy as np

    grid: Any = np.asarray(attention, np.float32)
    largest = float(grid.max()) if grid.size else 0.0
    if not largest > 0:
        return pixels
    height, width = pixels.shape[:2]
    for axis, size in ((0, height), (1, width)):  # linear between the middles of neighbouring patches
        n = grid.shape[axis]
        at = np.clip((np.arange(size) + 0.5) * n / size - 0.5, 0, n - 1)
        low = np.floor(at).astype(int)
        part = (at - low).reshape([-1 if k == axis else 1 for k in range(2)])
        grid = grid.take(low, axis) * (1 - part) + grid.take(np.minimum(low + 1, n - 1), axis) * part
    return pixels * (DIMMED + (1 - DIMMED) * grid / largest)[:, :, None]


def half_blocks(pixels: Any, columns: int, rows: int, attention: Any = None) -> list[list[tuple[str, str]]]:
    """Return for each row of cells the colours (#rrggbb) of the upper and the lower half of each.

    pixels     (h, w, 3), 0 to 255
    attention  (rows, columns) of patches; None for a picture as it is
    """
    wide, high = cells_of(pixels.shape[0], pixels.shape[1], columns, rows)
    found = scaled(pixels, 2 * high, wide)
    if attention is not None:
        found = lit(found, attention)
    colours = [[f"#{r:02x}{g:02x}{b:02x}" for r, g, b in row] for row in found.round().astype(int).tolist()]
    return [list(zip(colours[2 * k], colours[2 * k + 1], strict=True)) for k in range(high)]


def shades(pixels: Any, columns: int, rows: int, attention: Any = None, *, plain: bool = False) -> list[str]:
    """Return rows of characters, the darker the ink, the denser; of what was not looked at, little is left.

    plain  ASCII characters alone
    """
    import numpy as np

    wide, high = cells_of(pixels.shape[0], pixels.shape[1], columns, rows)
    ink = 1 - scaled(pixels, high, wide) @ np.array(_LUMINANCE, np.float32) / 255
    if attention is not None:
        ink = lit(ink[:, :, None], attention)[:, :, 0]
    return ["".join(shade(value, plain=plain) for value in row) for row in ink.tolist()]
