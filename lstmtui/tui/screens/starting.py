"""Screens from which runs are started and opened: an engine for a run that has one no more, a new run, the demo."""

from __future__ import annotations

from contextlib import ExitStack

from textual import work

from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.lock import engine_alive
from lstmtui.tui.screens.charted import ChartedScreen
from lstmtui.tui.services import Services, resolved
from lstmtui.tui.widgets.first_steps import FirstSteps

DEFAULT_TEXT = ("default",)


class StartingScreen(ChartedScreen[None]):
    """Starts runs and opens them."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self._playing = ExitStack()
        """What the demo needs while it is played."""

    def on_unmount(self) -> None:
        self._playing.close()

    @work(thread=True, group="start")
    def start(self, run: RunFolder) -> None:
        if not engine_alive(run):
            try:
                self._services.start(run)
            except (LstmtuiError, OSError) as error:
                self.show_message(f"The engine could not be started ({error}).", error=True)
                return
        self.call_if_usable(self.open, run)

    def open(self, run: RunFolder) -> None:
        from lstmtui.tui.screens.live import LiveScreen

        if self.is_active:
            self.app.push_screen(LiveScreen(run, self._services))

    def action_new(self, corpus: tuple[str, ...] = DEFAULT_TEXT) -> None:
        """Open the form of a new run, with a text chosen."""
        from lstmtui.tui.screens.new_run import NewRunScreen

        def started(run: RunFolder | None) -> None:
            if run is not None:
                self.open(run)

        self.app.push_screen(NewRunScreen(self._services, corpus), started)

    # --- first steps ----------------------------------------------------------------------------------------------

    def on_first_steps_chosen(self, event: FirstSteps.Chosen) -> None:
        if event.start == "built-in":
            self.show_message("The run on the built-in text is starting …")
            self._create()
        elif event.start == "file":
            from lstmtui.tui.screens.corpus import CorpusScreen

            def chosen(corpus: tuple[str, ...] | None) -> None:
                if corpus:
                    self.action_new(corpus)

            self.app.push_screen(CorpusScreen(()), chosen)
        else:
            self.action_demo()

    @work(thread=True, group="start", exclusive=True)
    def _create(self) -> None:
        """Create a run on the built-in text as the recipe has it, and open it."""
        try:
            run = self._services.create(resolved({"corpus": DEFAULT_TEXT}), name=None, root=self._services.root)
            self._services.start(run)
        except (LstmtuiError, OSError) as error:
            self.show_message(str(error), error=True)
            return
        self.call_if_usable(self.open, run)

    def action_demo(self) -> None:
        """Play the recorded run back, until its screen is left."""
        from lstmtui.tui.screens.live import LiveScreen

        try:
            run = self._playing.enter_context(self._services.demo())
        except (LstmtuiError, OSError) as error:
            self.show_message(f"The demo cannot be played ({error}).", error=True)
            return
        self.app.push_screen(LiveScreen(run, self._services), lambda _: self._playing.close())
