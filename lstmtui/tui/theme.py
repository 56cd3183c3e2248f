"""Colour themes, distinguishable with colour-blind eyes too (after Okabe and Ito 2008)."""

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
    warning="#8A5000",
    error="#B3360B",
    success="#00704F",
    foreground="#0D131B",
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

COLOUR_BLIND = Theme(
    name="lstmtui-colour-blind",
    primary="#5AA9E6",
    secondary="#9AA7B5",
    accent="#F5C242",
    warning="#F5C242",
    error="#E8743B",
    success="#8FD0FF",
    foreground="#F2F4F7",
    background="#0B0E13",
    surface="#12171F",
    panel="#1B2430",
    dark=True,
    variables={
        "footer-background": "#1B2430",
        "footer-key-foreground": "#F5C242",
        "footer-description-foreground": "#C9D1DB",
        "block-cursor-foreground": "#0B0E13",
        "block-cursor-background": "#F5C242",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#2A3441",
        "input-selection-background": "#5AA9E6 30%",
    },
)
"""Blue against yellow and orange: distinguishable with every common colour blindness, and by lightness."""

ANSI = Theme(
    name="lstmtui-ansi",
    ansi=True,
    primary="ansi_bright_cyan",
    secondary="ansi_white",
    accent="ansi_bright_cyan",
    warning="ansi_bright_yellow",
    error="ansi_bright_red",
    success="ansi_bright_green",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    dark=True,
    variables={
        "ansi-background": "ansi_black",
        "ansi-foreground": "ansi_white",
        "block-cursor-foreground": "ansi_black",
        "block-cursor-background": "ansi_bright_cyan",
        "block-cursor-text-style": "none",
        "input-cursor-background": "ansi_white",
        "input-cursor-foreground": "ansi_black",
        "input-selection-background": "ansi_blue",
        "input-selection-foreground": "ansi_white",
    },
)
"""The terminal's own sixteen colours."""

THEMES = (DARK, LIGHT, COLOUR_BLIND, ANSI)
