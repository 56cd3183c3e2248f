"""The keys: one table that screens, footer, help and manual take them from. A key means the same on all screens.

The configuration can change the keys of one action by the name of its binding, such as "live.pause".
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding

RUN, LIST, SHOW, CHART, TEXT, MOVE, PROGRAM = (
    "A run", "The list", "What is shown", "The chart", "Text", "Moving", "Everywhere",
)  # fmt: skip
IN_A_FORM, IN_A_QUESTION = "In a form", "In a question"
GROUPS = (RUN, LIST, SHOW, CHART, TEXT, MOVE, PROGRAM, IN_A_FORM, IN_A_QUESTION)
"""In the order of help and manual."""
OWN_MEANING = (IN_A_FORM, IN_A_QUESTION)
"""Groups whose keys belong to the control with the focus, whatever they mean elsewhere."""


@dataclass(frozen=True, slots=True)
class Key:
    """The keys of one meaning, as Textual names them, separated by commas."""

    keys: str
    meaning: str
    group: str
    display: str | None = None
    """How screens write the keys; None as Textual does."""


KEYS: dict[str, Key] = {
    # --- a run ---
    "pause": Key("space,ctrl+t", "Pause a run, or let it continue", RUN),
    "resume": Key("r", "Resume a run that has stopped", RUN),
    "steer": Key("e", "Steer: change settings while a run trains", RUN),
    "sample": Key("w", "Generate a sample now", RUN),
    "use": Key("t", "Type, translate, transcribe or caption with a run", RUN),
    "inspect": Key("i", "Inspect what each unit does", RUN),
    "gradients": Key("g", "Gradient flow: show it, or measure it", RUN),
    "fork": Key("f", "Fork: a new run from a checkpoint", RUN),
    "rewind": Key("b,ctrl+b", "Back to the best checkpoint", RUN),
    "undo": Key("ctrl+z", "Undo the last change", RUN),
    "save": Key("ctrl+s,f5", "Save a checkpoint or a text; in a form, start", RUN),
    "stop": Key("ctrl+x", "Save a run, and end its engine", RUN),
    "reload": Key("ctrl+r", "Open the newest checkpoint", RUN),
    # --- the list ---
    "open": Key("enter", "Open what is chosen", LIST),
    "new": Key("n", "A new run", LIST),
    "mark": Key("m", "Mark, to compare or to delete", LIST),
    "compare": Key("c", "Compare", LIST),
    "delete": Key("d,delete", "Delete", LIST),
    "order": Key("o", "The next order", LIST),
    "find": Key("slash", "Filter, or find", LIST),
    # --- what is shown ---
    "view": Key("v", "The next view of the same data", SHOW),
    "before": Key("left_square_bracket", "The gate, heading or table before", SHOW),
    "next": Key("right_square_bracket", "The next gate, heading or table", SHOW),
    "layer-before": Key("less_than_sign", "The layer before", SHOW),
    "layer-next": Key("greater_than_sign", "The next layer", SHOW),
    "place-before": Key("comma", "The place found before", SHOW),
    "place-next": Key("full_stop", "The next place found", SHOW),
    "text": Key("p", "Put in another text", SHOW),
    **{f"panel-{n}": Key(str(n), f"Show or hide panel {n}", SHOW) for n in range(1, 5)},
    "enlarge": Key("z", "Enlarge the focused panel, and back", SHOW),
    "narrower": Key("ctrl+left", "Move the border between columns to the left", SHOW),
    "wider": Key("ctrl+right", "Move the border between columns to the right", SHOW),
    "lower": Key("ctrl+up", "Move the border between rows up", SHOW),
    "higher": Key("ctrl+down", "Move the border between rows down", SHOW),
    "reset-layout": Key("equals_sign", "All panels, in their usual sizes", SHOW),
    # --- the chart ---
    "axis": Key("a", "By step, by tokens, or by time", CHART),
    "log": Key("y", "Logarithmic or linear", CHART),
    "smooth": Key("s", "Smooth more, or not", CHART),
    "unit": Key("u", "The next unit", CHART),
    "closer": Key("plus", "Zoom in", CHART),
    "farther": Key("minus", "Zoom out", CHART),
    "all": Key("0", "The whole curve", CHART),
    # --- text ---
    "accept": Key("tab", "Accept what is proposed", TEXT),
    "candidate": Key("alt+1", "Accept the candidate of that number", TEXT, "alt+1…"),
    **{f"candidate-{n}": Key(f"alt+{n}", f"Accept candidate {n}", TEXT) for n in range(2, 6)},
    "remember": Key("f2", "Adapt a run to the text", TEXT),
    "forget": Key("f3", "Forget what a run was adapted to", TEXT),
    "copy": Key("f4", "Copy", TEXT),
    "lower-threshold": Key("f6", "Propose less probable text, too", TEXT),
    "raise-threshold": Key("f7", "Propose more probable text alone", TEXT),
    "clear": Key("f8", "Clear the text", TEXT),
    "listen": Key("f9", "Listen to the microphone, or end that", TEXT),
    # --- moving ---
    "left": Key("left,h", "Left; what was before", MOVE),
    "right": Key("right,l", "Right; what comes next", MOVE),
    "up": Key("up,k", "Up", MOVE),
    "down": Key("down,j", "Down", MOVE),
    "far-left": Key("shift+left,H", "Left, faster or with a selection", MOVE),
    "far-right": Key("shift+right,L", "Right, faster or with a selection", MOVE),
    "page-up": Key("pageup", "A page up; the unit before", MOVE),
    "page-down": Key("pagedown", "A page down; the next unit", MOVE),
    "first": Key("home", "The first", MOVE),
    "last": Key("end", "The last", MOVE),
    # --- everywhere ---
    "back": Key("escape", "Back", PROGRAM),
    "palette": Key("ctrl+p", "Commands: every action, found by its words", PROGRAM),
    "help": Key("f1,question_mark", "Help; there, the manual", PROGRAM),
    "jump": Key("ctrl+o", "Jump to a part of the screen", PROGRAM),
    "redraw": Key("ctrl+l", "Draw the whole screen again", PROGRAM),
    "quit": Key("q,ctrl+q", "Quit; runs continue to train", PROGRAM),
    # --- controls with the focus ---
    "field-before": Key("left,h", "The value before", IN_A_FORM),
    "field-next": Key("right,l,space", "The next value", IN_A_FORM),
    "field-open": Key("enter,space", "Choose, or go on", IN_A_FORM),
    "field-clear": Key("delete,backspace", "None", IN_A_FORM),
    "halve": Key("shift+down", "Half of the number", IN_A_FORM),
    "double": Key("shift+up", "Twice the number", IN_A_FORM),
    "complete": Key("tab", "Complete the name of a file", IN_A_FORM),
    "yes": Key("y", "Yes", IN_A_QUESTION),
    "no": Key("n,escape,enter,q", "No", IN_A_QUESTION),
}
"""The one table of keys, by what they do."""
DISPLAY = {
    "space": "space", "slash": "/", "left_square_bracket": "[", "right_square_bracket": "]", "less_than_sign": "<",
    "greater_than_sign": ">", "comma": ",", "full_stop": ".", "equals_sign": "=", "plus": "+", "minus": "-",
    "question_mark": "?",
}  # fmt: skip
"""How the manual writes keys whose names are words."""

ENTRIES: dict[str, str] = {}
"""The entry of the table, by the name of each binding made by `bind`."""


def bind(
    entry: str,
    action: str,
    label: str,
    name: str,
    about: str,
    *,
    show: bool | None = None,
    priority: bool = False,
    typing: bool = False,
) -> Binding:
    """Return a binding for the keys of an entry of KEYS, called `name` (screen.action) in the configuration.

    Help lists it when `about` is not empty. So does the footer, as far as its width goes and unless `show` says
    otherwise, except for keys that move. Where a text is typed (`typing`), the keys that are characters are left to it.
    """
    ENTRIES[name] = entry
    keys = KEYS[entry].keys
    if show is None:
        show = bool(about) and KEYS[entry].group not in (MOVE, IN_A_FORM)
    if typing:
        keys = ",".join(key for key in keys.split(",") if not is_character(key))
    return Binding(
        keys, action, label, show=show, priority=priority, tooltip=about, id=name, key_display=KEYS[entry].display
    )


def is_character(key: str) -> bool:
    """Return whether a key puts a character into a text field."""
    return len(key) == 1 or key in DISPLAY


def entry_of(binding: Binding) -> str:
    """Return the entry of a binding in KEYS; empty for one that Textual makes."""
    return ENTRIES.get(binding.id or "", "")


def group_of(binding: Binding) -> str:
    """Return the group of a binding; that of the whole program for one that Textual makes."""
    entry = entry_of(binding)
    return KEYS[entry].group if entry else PROGRAM


def manual_section() -> str:
    """Return the table of keys in Markdown, as the manual has it."""
    lines = ["| key | meaning |", "|---|---|"]
    for group in GROUPS:
        lines.append(f"| **{group}** | |")
        lines += [f"| {written(key.keys)} | {key.meaning} |" for key in KEYS.values() if key.group == group]
    return "\n".join(lines)


def written(keys: str) -> str:
    """Return keys as a person reads them: space, ctrl+t."""
    return ", ".join(DISPLAY.get(key, key) for key in keys.split(","))
