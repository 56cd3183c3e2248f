"""What an empty list of runs shows: what the program is, and three ways to begin."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.reactive import var
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from lstmtui.common.terminal_text import safe

ABOUT = (
    "lstmtui trains recurrent networks, such as LSTM and GRU, on a text of yours, and shows what their gates do while "
    "they learn."
)
STARTS = {
    "built-in": ("Train on the built-in text", "English prose that comes with Python; about two minutes"),
    "file": ("Train on a file of yours", "choose the text, then the network"),
    "demo": ("Watch the demo", "a recorded run, played back in 20 seconds"),
}
"""Each way to begin, and what it is."""
IN_A_SHELL = "In a shell: lstmtui train FILE, or lstmtui demo"


class FirstSteps(Vertical):
    """A sentence, three starts to choose from, and the commands for a shell."""

    DEFAULT_CSS = """
    FirstSteps {
        align: center middle;
        & > * { width: 100%; max-width: 64; height: auto; }
        & > OptionList {
            margin: 1 0;
            padding: 0;
            background: $background;
            scrollbar-size-vertical: 1;
            text-wrap: nowrap;
            text-overflow: ellipsis;
        }
        & > OptionList, & > OptionList:focus { border: none; }
        & > #shell { color: $foreground 75%; }
    }
    """

    problem: var[str] = var("")
    """Why the runs could not be read; stands in the place of the sentence."""

    class Chosen(Message):
        """One of STARTS was chosen, by key or by mouse."""

        def __init__(self, start: str) -> None:
            super().__init__()
            self.start = start

    def compose(self) -> ComposeResult:
        yield Static(ABOUT, id="about", markup=False)
        yield OptionList(*(Option(_two_lines(*text), name) for name, text in STARTS.items()), id="starts")
        yield Static(IN_A_SHELL, id="shell", markup=False)

    def watch_problem(self, problem: str) -> None:
        self.query_one("#about", Static).update(Text(safe(problem)) if problem else ABOUT)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Chosen(str(event.option.id)))


def _two_lines(name: str, about: str) -> Text:
    return Text.assemble((f" {name}\n", "bold"), f"   {about}")
