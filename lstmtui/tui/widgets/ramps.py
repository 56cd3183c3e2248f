"""Colours of fractions: a blue ramp for shut gates and an orange one for open gates, of the same lightness.

Both fractions of a unit are one mixed colour where a cell has no room for two: as light as the unit is saturated, blue
or orange by the side on which it is, and lilac where it flips between both.

Lightness is that of OKLab (Ottosson 2020, bottosson.github.io/posts/oklab), in which equal steps look equal. With
ramps of unlike lightness, one of two equal fractions would stand out.
"""

from __future__ import annotations

import functools
import math

LEVELS = 32
"""Colours of a ramp."""
HUES = {"left": 245.0, "right": 65.0}
"""Degrees: blue for gates at their low end, orange for those at their high end."""
FLIPS_HUE = 310.0
"""Of units that are saturated at both ends: lilac."""
BAND_HUE = 190.0
"""Of distributions, which are neither open nor shut: blue green."""
SURPRISE_HUE = 115.0
"""Of tokens that the network did not expect: the yellow of a highlighter."""
CHROMA = 0.13
"""The most of a ramp; less where the screen has no such colour."""
HUE_WEIGHT = 4.0
LIGHTNESS = {True: (0.24, 0.86), False: (0.96, 0.44)}
"""From never to always saturated, for a dark and a light theme."""

RGB = tuple[int, int, int]


@functools.cache
def ramp(side: str, *, dark: bool) -> tuple[RGB, ...]:
    """Return the colours of `side`, "left" or "right", from never to always saturated."""
    return tuple(mixed(n, 0, dark=dark) if side == "left" else mixed(0, n, dark=dark) for n in range(LEVELS))


@functools.cache
def mixed(left: int, right: int, *, dark: bool) -> RGB:
    """Return the colour of two fractions, given their places in the ramps."""
    low, high = left / (LEVELS - 1), right / (LEVELS - 1)
    both = min(1.0, low + high)
    first, last = LIGHTNESS[dark]
    parts = ((low, HUES["left"]), (high, HUES["right"]), (1.2 * min(low, high), FLIPS_HUE))
    a, b = (sum(part * turn(math.radians(hue)) for part, hue in parts) for turn in (math.cos, math.sin))
    strength = CHROMA * min(1.0, 2.5 * both) / max(both, 1e-9)
    return _nearest(first + (last - first) * both, strength * math.hypot(a, b), math.degrees(math.atan2(b, a)))


@functools.cache
def band(level: int, *, dark: bool) -> RGB:
    """Return the colour of a band of quantiles, 0 outside of all bands, 5 for the median."""
    first, last = LIGHTNESS[dark]
    return _nearest(first + (last - first) * level / 5, 0.09 * min(1.0, level / 2), BAND_HUE)


@functools.cache
def surprise(share: float, *, dark: bool) -> RGB:
    """Return the ground of a token, at a share from 0 to 1 of the way from that of the screen to the strongest."""
    first, last = LIGHTNESS[dark]
    return _nearest(first + (last - first) * share, CHROMA * min(1.0, 2.5 * share), SURPRISE_HUE)


def level(fraction: float) -> int:
    """Return the place of a fraction in a ramp; that of 0 for one that is no number."""
    return round(min(1.0, max(0.0, fraction)) * (LEVELS - 1)) if fraction == fraction else 0


@functools.cache
def among_256(colour: RGB) -> RGB:
    """Return the nearest colour of a terminal of 256 colours; a wrong hue is worse than a wrong lightness."""
    light, a, b = oklab(colour)

    def distance(other: RGB) -> float:
        of_light, of_a, of_b = oklab(other)
        return (light - of_light) ** 2 + HUE_WEIGHT * ((a - of_a) ** 2 + (b - of_b) ** 2)

    return min(_palette(), key=distance)


@functools.cache
def _palette() -> tuple[RGB, ...]:
    """Return the colours of such a terminal that no theme changes: a cube and greys."""
    steps = (0, 95, 135, 175, 215, 255)
    cube = ((r, g, b) for r in steps for g in steps for b in steps)
    return (*cube, *((grey, grey, grey) for grey in range(8, 248, 10)))


def lightness(colour: RGB) -> float:
    """Return the lightness of a colour in OKLab, 0 to 1."""
    return oklab(colour)[0]


@functools.cache
def oklab(colour: RGB) -> tuple[float, float, float]:
    """Return the lightness of a colour, 0 to 1, and how red and how yellow it is, below zero green and blue."""
    r, g, b = (_linear(part / 255) for part in colour)
    l_ = math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    m_ = math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    s_ = math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    return (
        0.2104542553 * l_ + 0.7936177850 * m_ - 0.0040720468 * s_,
        1.9779984951 * l_ - 2.4285922050 * m_ + 0.4505937099 * s_,
        0.0259040371 * l_ + 0.7827717662 * m_ - 0.8086757660 * s_,
    )


def _nearest(light: float, chroma: float, hue: float) -> RGB:
    """Return the colour of this lightness and hue with the most of the chroma that a screen has."""
    while True:
        parts = _parts(light, chroma, hue)
        if chroma < 1e-3 or all(-1e-3 <= part <= 1.001 for part in parts):
            r, g, b = (round(255 * _gamma(min(1.0, max(0.0, part)))) for part in parts)
            return r, g, b
        chroma *= 0.95


def _parts(light: float, chroma: float, hue: float) -> tuple[float, float, float]:
    """Return the linear red, green and blue of a colour in OKLCh."""
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (light - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _gamma(linear: float) -> float:
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
