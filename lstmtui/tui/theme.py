"""Colours: calm, and told apart by people who do not see red and green alike (after Okabe and Ito 2008)."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="lstmtui",
    primary="#56B4E9",
    secondary="#7F8FA6",
    accent="#56B4E9",
    warning="#E69F00",
    error="#F0704A",
    success="#2FC49A",
    foreground="#D6DCE6",
    background="#0E1217",
    surface="#141A21",
    panel="#1C242E",
    dark=True,
    variables={
        "footer-background": "#1C242E",
        "footer-key-foreground": "#56B4E9",
        "footer-description-foreground": "#AAB4C2",
        "block-cursor-foreground": "#0E1217",
        "block-cursor-background": "#56B4E9",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#26323F",
        "input-selection-background": "#56B4E9 30%",
    },
)
LIGHT = Theme(
    name="lstmtui-light",
    primary="#0063A0",
    secondary="#5A6675",
    accent="#0063A0",
    warning="#A86200",
    error="#B3360B",
    success="#00704F",
    foreground="#1D2530",
    background="#FBFBF9",
    surface="#F3F3F0",
    panel="#E6E8EA",
    dark=False,
    variables={
        "footer-background": "#E6E8EA",
        "footer-key-foreground": "#0063A0",
        "block-cursor-foreground": "#FBFBF9",
        "block-cursor-background": "#0063A0",
        "block-cursor-text-style": "none",
    },
)
