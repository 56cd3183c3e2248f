"""A new run: choose a text and a network, see what it will cost, start it."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal
from textual.timer import Timer
from textual.widgets import Footer, Input, Static
from textual.worker import get_current_worker

from lstmtui import config
from lstmtui.common.terminal_text import safe
from lstmtui.common.units import format_duration, format_size
from lstmtui.config import DataSettings, RunSettings, Settings
from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import RunFolder
from lstmtui.tui import wording
from lstmtui.tui.keys import bind
from lstmtui.tui.screens.base import BaseScreen
from lstmtui.tui.screens.corpus import CorpusScreen
from lstmtui.tui.services import Services, resolved
from lstmtui.tui.widgets.bars import TitleBar
from lstmtui.tui.widgets.fields import Choice, Entry, Field, Form, Opener

QUIET = 0.4
"""Seconds without a change after which the plan is made anew."""
CELLS = {name: cell.hint for name, cell in config.CELLS.items()}
"""What each cell is good for, in one line."""
PURPOSES = {
    "text": "to learn how the text goes on, and to write more of it",
    "autocomplete": "to type with: pieces of words, or words, and one wide layer",
}
"""What each purpose leads to, in one line."""
TOKENS = {
    "auto": "what suits the text and its purpose; letters for most",
    "chars": "letter by letter: any text, small vocabulary; good for typing",
    "words": "word by word: for much text in one language (over 1 MB)",
    "bpe": "pieces of words, learnt from the text; for more than 1 MB",
    "bytes": "any file at all, 256 symbols",
}
OPTIONS = {"purpose": PURPOSES, "cell": CELLS, "tokens": TOKENS}
ABOUT = {
    "corpus": "What it learns from: a file, a folder, or a named text. Enter chooses.",
    "purpose": "What it is trained for, which chooses the rest.",
    "tokens": "What is read and written in one step.",
    "cell": "What stands at the heart of each layer.",
    "layers": "Layers above each other; two do well, three want more text and time.",
    "hidden": "Units in each layer: more learn more, and cost with their square. Empty: the recipe chooses.",
    "minutes": "How long it trains in all. Empty: the recipe chooses from the text's size.",
    "name": "What the run is called. Empty: after the text and the cell.",
    "dropout": "Against memorising a small text, 0 to 0.95. Empty: the recipe chooses.",
    "lr": "Peak learning rate. Empty: the recipe's, which is good for most.",
}
ROOM = 20
"""Rows that the screen must have for all choices to be told at once."""
MUCH_ROOM = 34
"""Rows with which the choices of all fields are told at any time."""
READING = "Reading the text …"


class NewRunScreen(BaseScreen[RunFolder | None]):
    """A form at the left, the plan that follows from it at the right."""

    HELP: ClassVar[str] = """\
Choose what to train on and the network; everything that is left empty follows from the text's size and the time, and \
stands in the plan. The plan's speed is measured on this machine, a second after you stop changing things; the first \
time a cell is used its kernels are compiled, which takes up to a minute.

ctrl+s starts the run. It trains in a process of its own, so you can leave at any time.
"""
    CSS_PATH = "new_run.tcss"
    AUTO_FOCUS = "#corpus"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("ctrl+s,f5", "start", "Start", "new.start", "Start training, and watch it", show=True, priority=True),
        bind("escape", "back", "Back", "new.back", "Back to the runs; nothing is started", show=True),
    ]

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self._corpus: tuple[str, ...] = ("default",)
        self._forecaster = services.forecaster()
        self._timer: Timer | None = None
        self._asked = 0
        self._starting = False
        self._told: dict[str, Any] = {}
        self._problem = ""
        """Why there is no plan of what the form says."""

    def compose(self) -> ComposeResult:
        yield TitleBar()
        with Horizontal(id="body"):
            with Container(id="fields", classes="panel") as fields:
                fields.border_title = "New run"
                with Form():
                    yield Field("text", Opener("Python's own prose", id="corpus"), about=ABOUT["corpus"])
                    yield Field("for", Choice(tuple(PURPOSES), "text", id="purpose"), about=ABOUT["purpose"])
                    yield Field("tokens", Choice(tuple(TOKENS), "auto", id="tokens"), about=ABOUT["tokens"])
                    yield Field("cell", Choice(tuple(CELLS), "lstm", id="cell"), about=ABOUT["cell"])
                    layers = Choice(("auto", "1", "2", "3", "4"), "auto", id="layers")
                    yield Field("layers", layers, about=ABOUT["layers"])
                    hidden = Entry("", id="hidden", placeholder="auto", kind="whole")
                    yield Field("units", hidden, about=ABOUT["hidden"], after="a layer")
                    minutes = Entry("", id="minutes", placeholder="auto", kind="number")
                    yield Field("time", minutes, about=ABOUT["minutes"], after="minutes")
                    dropout = Entry("", id="dropout", placeholder="auto", kind="number")
                    yield Field("dropout", dropout, about=ABOUT["dropout"])
                    rate = Entry("", id="lr", placeholder="auto", kind="number")
                    yield Field("rate", rate, about=ABOUT["lr"], after="of learning")
                    yield Field("name", Entry("", id="name", placeholder="auto"), about=ABOUT["name"])
            with Container(id="plan", classes="panel") as plan:
                plan.border_title = "Plan"
                yield Static(READING, id="told", markup=False)
        with Container(id="about", classes="panel"):
            yield Static(id="said")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self.query_one(TitleBar).title = "New run"
        self.query_one(TitleBar).remark = "nothing runs until you start it"
        self._plan_soon()

    def on_unmount(self) -> None:
        self._forecaster.close()

    def on_resize(self) -> None:
        self._tell_about()

    # --- the form -------------------------------------------------------------------------------------------------

    def on_descendant_focus(self) -> None:
        self._tell_about()

    def on_choice_changed(self) -> None:
        self._tell_about()
        self._plan_soon()

    def on_input_changed(self) -> None:
        self._plan_soon()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.focus_next()

    def on_opener_opened(self) -> None:
        def chosen(corpus: tuple[str, ...] | None) -> None:
            if corpus:
                self._corpus = corpus
                self.query_one("#corpus", Opener).value = " + ".join(wording.corpus_name(name) for name in corpus)
                self._plan_soon()

        self.app.push_screen(CorpusScreen(self._corpus), chosen)

    def _tell_about(self) -> None:
        """Say what the field with the focus is for, and what each of its choices is good for."""
        form, panel = self.query_one(Form), self.query_one("#about")
        field = form.focused_field
        if field is None:
            return
        control = field.control
        options = OPTIONS.get(str(control.id), {})
        panel.border_title = field.label.capitalize()
        if isinstance(control, Choice) and options and self.size.height < ROOM:
            said = Text(f"{control.value}: {options.get(control.value, '')}")
        else:
            said = Text(field.about)
            if control.id == "corpus":
                for note in self._told.get("notes", ()):
                    said.append(f"\n{safe(note)}", style=self._colour("warning"))
            if self.size.height >= MUCH_ROOM:
                for name in OPTIONS:
                    said.append(f"\n\n{name.capitalize()}", style=self._colour("text-muted"))
                    self._append_options(said, self.query_one(f"#{name}", Choice))
            elif options:
                self._append_options(said, self.query_one(f"#{control.id}", Choice))
        self.query_one("#said", Static).update(said)

    def _append_options(self, said: Text, choice: Choice) -> None:
        """Tell what each value of a choice is good for, the one that is chosen marked."""
        options = OPTIONS[str(choice.id)]
        width = max(9, *map(len, options))
        for name, good_for in options.items():
            chosen = name == choice.value
            said.append(f"\n{'▸' if chosen else ' '} {name:<{width}} ", style="bold" if chosen else "")
            said.append(good_for, style="bold" if chosen else self._colour("text-muted"))

    def settings(self) -> Settings:
        """Return what the form says, with what it leaves open still open. Raises UsageError."""
        options: dict[str, object] = {
            "corpus": self._corpus,
            "purpose": self.query_one("#purpose", Choice).value,
            "cell": self.query_one("#cell", Choice).value,
        }
        for name in ("tokens", "layers"):
            value = self.query_one(f"#{name}", Choice).value
            options[name] = None if value == "auto" else value
        for name in ("hidden", "minutes", "dropout", "lr"):
            options[name] = self.query_one(f"#{name}", Entry).value.strip() or None
        return resolved(options)

    # --- the plan -------------------------------------------------------------------------------------------------

    def _plan_soon(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._problem, self._told = "", {}
        self._asked += 1  # what is still being planned is of another form
        self._timer = self.set_timer(QUIET, self._plan)

    def _plan(self) -> None:
        try:
            settings = self.settings()
        except LstmtuiError as error:
            self._show_error(str(error))
            return
        self._forecast(settings, self._asked)

    @work(thread=True, group="plan")
    def _forecast(self, settings: Settings, number: int) -> None:
        """Tell the plan in three steps: what the recipe says, what the network costs, how fast it is here."""
        worker = get_current_worker()
        try:
            chosen, told = read(settings)
            self._tell_plan(number, chosen, told)
            for question in (self._forecaster.ask, self._forecaster.measure):
                if worker.is_cancelled or number != self._asked:
                    return
                told = {**told, **question(chosen)}
                self._tell_plan(number, chosen, told)
        except LstmtuiError as error:
            if number == self._asked and not worker.is_cancelled:
                self.call_if_usable(self._show_error, str(error))

    def _tell_plan(self, number: int, chosen: RunSettings, told: dict[str, Any]) -> None:
        if number == self._asked:
            self.call_if_usable(self._show, chosen, told)

    def _show_error(self, said: str) -> None:
        if self.is_usable:
            self._told, self._problem = {}, said
            self.query_one("#told", Static).update(Text(safe(said), style=self._colour("error")))

    def _show(self, chosen: RunSettings, told: dict[str, Any]) -> None:
        if not self.is_usable:
            return
        self._told = told
        self._tell_about()
        said = Text()
        for label, value, remark in plan_rows(chosen, told):
            said.append(f"{label:<10}", style=self._colour("text-muted"))
            said.append(value, style="bold")
            said.append(f" {remark}\n" if remark else "\n", style=self._colour("text-muted"))
        for note in told.get("notes", ()):
            said.append(f"\n{safe(note)}\n", style=self._colour("warning"))
        said.rstrip()
        self.query_one("#told", Static).update(said)

    def _colour(self, name: str) -> str:
        colour = self.app.theme_variables.get(name, "")
        return colour if colour.startswith("#") else ""

    # --- keys -----------------------------------------------------------------------------------------------------

    def action_back(self) -> None:
        self.dismiss(None)

    def action_start(self) -> None:
        if self._starting:
            return
        try:
            settings = self.settings()
        except LstmtuiError as error:
            self.show_message(str(error), error=True)
            return
        if self._problem:
            self.show_message(f"Nothing is started: {self._problem}", error=True)
            return
        self._starting = True
        self.query_one(TitleBar).remark = "starting …"
        planned = "parameters" in self._told
        self._start(settings, self.query_one("#name", Entry).value.strip() or None, planned=planned)

    @work(thread=True, group="start")
    def _start(self, settings: Settings, name: str | None, *, planned: bool) -> None:
        """Make the run and start its engine; what has no plan yet gets one first, and is not started without."""
        try:
            if not planned:
                self._forecaster.ask(read(settings)[0])
            run = self._services.create(settings, name=name, root=self._services.root)
            self._services.start(run)
        except (LstmtuiError, OSError) as error:
            self.call_if_usable(self._failed, str(error))
            return
        self.call_if_usable(self._started, run)

    def _started(self, run: RunFolder) -> None:
        self._starting = False
        self.query_one(TitleBar).remark = f"'{run.name}' has started"
        self.dismiss(run)

    def _failed(self, said: str) -> None:
        self._starting = False
        self.query_one(TitleBar).remark = "nothing was started"
        self.show_message(said, error=True)


def read(settings: Settings) -> tuple[RunSettings, dict[str, Any]]:
    """Read the texts, and return the settings with nothing left open, and what is known of the texts.

    Raises UsageError for what cannot be read.
    """
    from lstmtui.data.corpus import open_corpus
    from lstmtui.data.notes import corpus_notes

    corpus = open_corpus(DataSettings.of(settings))
    return corpus.resolve(settings), {"bytes": corpus.bytes, "notes": corpus_notes(corpus)}


def plan_rows(s: RunSettings, told: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return label, value and remark of each line of the plan; what is not known yet has a dash or a word."""
    unit = {"chars": "characters", "bytes": "bytes", "words": "words"}.get(s.data.tokens, "tokens")
    known, speed, gpu = "parameters" in told, told.get("tokens_per_second"), told.get("gpu_memory_mb")
    rows = [
        ("text", format_size(told["bytes"]), f"{wording.short(told['tokens'])} {unit}" if known else ""),
        (
            "network",
            f"{s.network.cell} {s.network.layers}×{s.network.hidden}",
            f"{told['vocabulary']:,} {s.data.tokens}" if known else "…",
        ),
        ("size", wording.short(told["parameters"]) if known else "…", "parameters"),
        ("work", wording.short(told["flop_per_token"]) if known else "…", "FLOP a token"),
        (
            "memory",
            f"{told['memory_mb'] if gpu is None else gpu:,.0f} MB" if known else "…",
            "" if not known else f"of {told['machine_mb'] / 1000:,.0f} GB" if gpu is None else "on the GPU",
        ),
        ("windows", f"{s.length.batch}×{s.length.bptt}", "streams×steps"),
        ("recipe", f"dropout {s.regularisation.dropout:g}", f"lr {s.optimisation.lr:g}"),
        (
            "speed",
            wording.short(speed) if speed else "measuring …" if known else "…",
            f"{unit}/s here" if speed else "",
        ),
    ]
    if speed:
        seconds = seconds_of(s, told["tokens"], speed)
        tokens = seconds * speed
        rows += [
            ("time", format_duration(seconds), "of training" if s.length.minutes is None else "in all"),
            ("reads", f"{tokens / max(1, told['tokens']):.1f} times", "the whole text"),
        ]
    return rows


def seconds_of(s: RunSettings, tokens: int, speed: float) -> float:
    """Return about how long a run trains: as long as was asked for, or as long as its steps take."""
    amount = s.length.amount
    if s.length.unit == "minutes":
        return 60 * amount
    if s.length.unit == "epochs":
        return amount * tokens / speed
    return amount * s.length.batch * s.length.bptt / speed
