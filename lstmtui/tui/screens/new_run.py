"""A new run: choose a text and a network, see the plan and its cost, start it."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal
from textual.timer import Timer
from textual.widgets import Input, Static
from textual.worker import get_current_worker

from lstmtui import config
from lstmtui.common.terminal_text import safe
from lstmtui.config import RunSettings, Settings
from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import RunFolder
from lstmtui.tui import wording
from lstmtui.tui.keys import bind
from lstmtui.tui.run_plan import COUNTED, plan_rows, read
from lstmtui.tui.screens.base import BaseScreen
from lstmtui.tui.screens.corpus import CorpusScreen
from lstmtui.tui.services import Services, resolved
from lstmtui.tui.widgets.bars import TitleBar
from lstmtui.tui.widgets.fields import Field, Form, LineInput, Picker, Selector
from lstmtui.tui.widgets.key_bar import KeyBar

PLAN_DELAY = 0.4
"""Seconds after the last change until the plan is updated."""
CELLS = {name: cell.hint for name, cell in config.CELLS.items()}
"""What each cell is for, in one line."""
PURPOSES = {
    "text": "to learn how the text continues, and to generate more of it",
    "autocomplete": "to type with: pieces of words, or words, and one wide layer",
    "translation": "to translate sentences: two files of lines, or one table",
    "speech": "to transcribe recordings: a folder with texts, or one table",
    "captions": "to describe pictures: a folder with captions, or one table",
}
"""What each purpose leads to, in one line."""
TOKENS = {
    "auto": "what suits the text and its purpose; mostly characters",
    "chars": "character by character: any text, small vocabulary; good for typing",
    "words": "word by word: for much text in one language (over 1 MB)",
    "bpe": "pieces of words, learnt from the text; for more than 1 MB",
    "bytes": "any file at all, 256 symbols",
}
OPTIONS = {"purpose": PURPOSES, "cell": CELLS, "tokens": TOKENS}
ABOUT = {
    "corpus": "The text to train on: a file, a folder, or a named text. Enter chooses.",
    "source": "Sentences to translate from, one a line; or a table of source, tab and target. Enter chooses.",
    "recordings": "A folder of recordings with a .txt beside each, or a table of files and texts. Enter chooses.",
    "pictures": "A folder of pictures with a .txt beside each, or a table of files and captions. Enter chooses.",
    "target": "Their translations, line by line. None: the source is a table of both. Enter chooses, delete: none.",
    "purpose": "What it is trained for; other settings follow from it.",
    "tokens": "What the network reads in one step.",
    "cell": "The recurrent cell of each layer.",
    "layers": "Stacked layers; two do well, three need more text and time.",
    "hidden": "Units in each layer; the cost grows with their square. Empty: the recipe chooses.",
    "minutes": "Minutes of training in all. Empty: the recipe chooses by the size of the text.",
    "name": "The name of the run. Empty: named after the text and the cell.",
    "dropout": "Against memorising a small text, 0 to 0.95. Empty: the recipe chooses.",
    "lr": "Peak learning rate. Empty: the recipe chooses.",
}
MIN_VALUE_ROWS = 20
"""Rows of a screen from which on all values of the focused field are explained."""
MIN_ALL_ROWS = 34
"""Rows from which on the values of all fields are explained."""
READING = "Reading the text …"
NO_FILE = "none"
NO_PAIRS = ("default",)
"""The text that a form begins with, which has no translations, recordings or pictures."""
TITLES = {
    "translation": "Sentences to translate from, or a table",
    "speech": "Recordings: a folder, or a table",
    "captions": "Pictures: a folder, or a table",
}
"""Of the screen that chooses what to train on, by purpose."""
LABELS = {"translation": "source", "speech": "recordings", "captions": "pictures"}
"""Of the field that names it."""


class NewRunScreen(BaseScreen[RunFolder | None]):
    """A form at the left, the plan that follows from it at the right."""

    HELP: ClassVar[str] = """\
Choose the text and the network. Fields left empty follow from the size of the text and the time; the plan shows their \
values. The speed is measured on this machine, a second after the last change; the first time a cell is used its \
kernels are compiled, which takes up to a minute.

ctrl+s starts the run. It trains in a separate process, so you can leave at any time.
"""
    CSS_PATH = "new_run.tcss"
    AUTO_FOCUS = "#corpus"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("save", "start", "Start", "new.start", "Start the run, and watch it", priority=True),
        bind("back", "back", "Back", "new.back", "Back to the runs; nothing is started"),
    ]

    def __init__(self, services: Services, corpus: tuple[str, ...] = NO_PAIRS) -> None:
        super().__init__()
        self._services = services
        self._corpus = corpus
        self._target: tuple[str, ...] = ()
        """The file of translations, for a run of translation that has one."""
        self._forecaster = services.forecaster()
        self._timer: Timer | None = None
        self._form_number = 0
        """Counts the changes of the form; a plan of an earlier form is dropped."""
        self._starting = False
        self._plan_figures: dict[str, Any] = {}
        self._problem = ""
        """Why the form has no plan."""

    def compose(self) -> ComposeResult:
        yield TitleBar()
        with Horizontal(id="body"):
            with Container(id="fields", classes="panel") as fields:
                fields.border_title = "New run"
                with Form():
                    yield Field("text", Picker("Python's own prose", id="corpus"), about=ABOUT["corpus"])
                    yield Field("target", Picker(NO_FILE, id="target"), about=ABOUT["target"])
                    yield Field("purpose", Selector(tuple(PURPOSES), "text", id="purpose"), about=ABOUT["purpose"])
                    yield Field("tokens", Selector(tuple(TOKENS), "auto", id="tokens"), about=ABOUT["tokens"])
                    yield Field("cell", Selector(tuple(CELLS), "lstm", id="cell"), about=ABOUT["cell"])
                    layers = Selector(("auto", "1", "2", "3", "4"), "auto", id="layers")
                    yield Field("layers", layers, about=ABOUT["layers"])
                    hidden = LineInput("", id="hidden", placeholder="auto", kind="whole")
                    yield Field("units", hidden, about=ABOUT["hidden"], after="per layer")
                    minutes = LineInput("", id="minutes", placeholder="auto", kind="number")
                    yield Field("time", minutes, about=ABOUT["minutes"], after="minutes")
                    dropout = LineInput("", id="dropout", placeholder="auto", kind="number")
                    yield Field("dropout", dropout, about=ABOUT["dropout"])
                    rate = LineInput("", id="lr", placeholder="auto", kind="number")
                    yield Field("learning rate", rate, about=ABOUT["lr"])
                    yield Field("name", LineInput("", id="name", placeholder="auto"), about=ABOUT["name"])
            with Container(id="plan", classes="panel") as plan:
                plan.border_title = "Plan"
                yield Static(READING, id="plan-text", markup=False)
        with Container(id="about", classes="panel"):
            yield Static(id="about-text")
        yield KeyBar()

    def on_mount(self) -> None:
        self.query_one(TitleBar).title = "New run"
        self.query_one(TitleBar).remark = "nothing runs until you start it"
        self._fit_purpose()
        self._plan_soon()

    def on_unmount(self) -> None:
        self._forecaster.close()

    def on_resize(self) -> None:
        self._update_about()

    # --- the form -------------------------------------------------------------------------------------------------

    def on_descendant_focus(self) -> None:
        self._update_about()

    def on_selector_changed(self, event: Selector.Changed) -> None:
        if event.control.id == "purpose":
            self._fit_purpose()
        self._update_about()
        self._plan_soon()

    def on_input_changed(self) -> None:
        self._plan_soon()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.focus_next()

    @property
    def _purpose(self) -> str:
        return self.query_one("#purpose", Selector).value

    @property
    def _translates(self) -> bool:
        return self._purpose == "translation"

    def _fit_purpose(self) -> None:
        """Show the fields of the purpose, and choose its cell unless another one was chosen."""
        purpose, cell = self._purpose, self.query_one("#cell", Selector)
        if cell.value in {config.default_cell(name) for name in PURPOSES}:
            cell.value = config.default_cell(purpose)
        for field in self.query(Field):
            if field.control.id in ("target", "lr"):
                field.display = (field.control.id == "target") == self._translates
            elif field.control.id == "corpus":
                label = LABELS.get(purpose, "text")
                field.describe(label, ABOUT["corpus" if label == "text" else label])
        self._show_files()

    def _show_files(self) -> None:
        """Show the names of the chosen texts."""
        is_missing = self._purpose in TITLES and self._corpus == NO_PAIRS
        names = " + ".join(wording.corpus_name(name) for name in self._corpus)
        self.query_one("#corpus", Picker).value = NO_FILE if is_missing else names
        self.query_one("#target", Picker).value = wording.corpus_name(self._target[0]) if self._target else NO_FILE

    def on_picker_opened(self, event: Picker.Opened) -> None:
        is_target = event.control.id == "target"

        def chosen(corpus: tuple[str, ...] | None) -> None:
            if corpus:
                self._choose(corpus, is_target=is_target)

        title = "Translations, line by line" if is_target else TITLES.get(self._purpose, "Text to train on")
        self.app.push_screen(CorpusScreen(self._corpus, title=title, named=self._purpose not in TITLES), chosen)

    def on_picker_cleared(self, event: Picker.Cleared) -> None:
        if event.control.id == "target":
            self._choose((), is_target=True)

    def _choose(self, corpus: tuple[str, ...], *, is_target: bool) -> None:
        if is_target:
            self._target = corpus
        else:
            self._corpus = corpus
        self._show_files()
        self._plan_soon()

    def _update_about(self) -> None:
        """Explain the field with the focus and its values."""
        form, panel = self.query_one(Form), self.query_one("#about")
        field = form.focused_field
        if field is None:
            return
        control = field.control
        options = OPTIONS.get(str(control.id), {})
        panel.border_title = field.label.capitalize()
        if isinstance(control, Selector) and options and self.size.height < MIN_VALUE_ROWS:
            text = Text(f"{control.value}: {options.get(control.value, '')}")
        else:
            text = Text(field.about)
            if control.id == "corpus":
                for note in self._plan_figures.get("notes", ()):
                    text.append(f"\n{safe(note)}", style=self._colour("warning"))
            if self.size.height >= MIN_ALL_ROWS:
                for name in OPTIONS:
                    text.append(f"\n\n{name.capitalize()}", style=self._colour("text-muted"))
                    self._append_options(text, self.query_one(f"#{name}", Selector))
            elif options:
                self._append_options(text, self.query_one(f"#{control.id}", Selector))
        self.query_one("#about-text", Static).update(text)

    def _append_options(self, text: Text, selector: Selector) -> None:
        """Explain each value of a selector; the chosen one is marked."""
        options = OPTIONS[str(selector.id)]
        width = max(9, *map(len, options))
        for name, meaning in options.items():
            chosen = name == selector.value
            text.append(f"\n{'▸' if chosen else ' '} {name:<{width}} ", style="bold" if chosen else "")
            text.append(meaning, style="bold" if chosen else self._colour("text-muted"))

    def settings(self) -> Settings:
        """Return the settings of the form, with its empty fields unset. Raises UsageError."""
        options: dict[str, object] = {
            "corpus": self._files(),
            "purpose": self._purpose,
            "cell": self.query_one("#cell", Selector).value,
        }
        for name in ("tokens", "layers"):
            value = self.query_one(f"#{name}", Selector).value
            options[name] = None if value == "auto" else value
        for name in ("hidden", "minutes", "dropout", *(() if self._translates else ("lr",))):
            options[name] = self.query_one(f"#{name}", LineInput).value.strip() or None
        return resolved(options)

    def _files(self) -> tuple[str, ...]:
        """Return the texts of the run; for a translation one table, or the two files."""
        has_target = self._translates and self._corpus != NO_PAIRS
        return (*self._corpus, *self._target) if has_target else self._corpus

    # --- the plan -------------------------------------------------------------------------------------------------

    def _plan_soon(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._problem, self._plan_figures = "", {}
        self._form_number += 1
        self._timer = self.set_timer(PLAN_DELAY, self._plan)

    def _plan(self) -> None:
        try:
            settings = self.settings()
        except LstmtuiError as error:
            self._show_error(str(error))
            return
        self._forecast(settings, self._form_number)

    @work(thread=True, group="plan")
    def _forecast(self, settings: Settings, number: int) -> None:
        """Show the plan in three steps: the recipe, the cost of the network, its speed on this machine."""
        worker = get_current_worker()
        try:
            chosen, figures = read(settings)
            self._show_if_current(number, chosen, figures)
            if not figures.keys().isdisjoint(COUNTED):
                return
            for estimate in (self._forecaster.ask, self._forecaster.measure):
                if worker.is_cancelled or number != self._form_number:
                    return
                figures = {**figures, **estimate(chosen)}
                self._show_if_current(number, chosen, figures)
        except LstmtuiError as error:
            if number == self._form_number and not worker.is_cancelled:
                self.call_if_usable(self._show_error, str(error))

    def _show_if_current(self, number: int, chosen: RunSettings, figures: dict[str, Any]) -> None:
        if number == self._form_number:
            self.call_if_usable(self._show_plan, chosen, figures)

    def _show_error(self, message: str) -> None:
        if self.is_usable:
            self._plan_figures, self._problem = {}, message
            self.query_one("#plan-text", Static).update(Text(safe(message), style=self._colour("error")))

    def _show_plan(self, chosen: RunSettings, figures: dict[str, Any]) -> None:
        if not self.is_usable:
            return
        self._plan_figures = figures
        self._update_about()
        text = Text()
        for label, value, remark in plan_rows(chosen, figures):
            text.append(f"{label:<10}", style=self._colour("text-muted"))
            text.append(value, style="bold")
            text.append(f" {remark}\n" if remark else "\n", style=self._colour("text-muted"))
        for note in figures.get("notes", ()):
            text.append(f"\n{safe(note)}\n", style=self._colour("warning"))
        text.rstrip()
        self.query_one("#plan-text", Static).update(text)

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
        planned = not {"parameters", *COUNTED}.isdisjoint(self._plan_figures)
        self._start(settings, self.query_one("#name", LineInput).value.strip() or None, planned=planned)

    @work(thread=True, group="start")
    def _start(self, settings: Settings, name: str | None, *, planned: bool) -> None:
        """Create the run and start its engine; a form without a plan is planned first."""
        try:
            if not planned and settings.purpose not in TITLES:
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

    def _failed(self, message: str) -> None:
        self._starting = False
        self.query_one(TitleBar).remark = "nothing was started"
        self.show_message(message, error=True)
