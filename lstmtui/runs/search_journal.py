"""The memory of a search: an Optuna study in a journal, a file that workers on any machines share.

A trial gets there with all its values in one line, so that a worker that dies leaves none that is half there. It is
named after its run, by which any worker goes on with it. Optuna is imported by the functions that use it.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstmtui.errors import CorruptError, LstmtuiError, UsageError
from lstmtui.recipe.search_space import Range, Space

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

MISSING = "A search needs the package optuna; install it with: pip install 'lstmtui[search]'."
STUDY = "lstmtui"
RUN = "run"
OUTCOME = "outcome"
"""The attributes of a trial: the name of its run, and what became of it, in words."""
PARTS = 10
"""Parts of the budget: at the end of each a trial's best evaluation so far is compared with that of others."""
FIRST_PART = 3
"""Parts that every trial gets: before, a small network or a high learning rate looks better than it is."""
MIN_FINISHED = 4
"""Trials that must have finished before one is ended early."""
MAX_RANDOM = 8
"""Trials at the beginning that are drawn without regard to others."""
MIN_FOR_IMPORTANCE = 8
"""Finished trials from which on the importance of settings can be told."""


def require_package() -> None:
    """Raise UsageError where Optuna is missing."""
    try:
        import optuna
    except ImportError:
        raise UsageError(MISSING) from None
    optuna.logging.disable_default_handler()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A trial in the journal."""

    run: str
    values: Mapping[str, Any]
    """Of the settings that are searched."""
    state: str
    """running, complete, pruned or failed."""
    cost: float | None
    """The figure that decides, lower is better; of a pruned trial that at its end. None where there is none."""
    parts: Mapping[int, float]
    """The lowest cost by the end of each part of the budget."""
    outcome: str
    """What became of a trial that did not finish."""

    @property
    def ended(self) -> bool:
        """Whether nothing remains to be done."""
        return self.state != "running"


class SearchJournal:
    """The journal of a search. Raises CorruptError where it is damaged, LstmtuiError where it cannot be used."""

    def __init__(self, path: Path, space: Space, *, seed: int = 1, trials: int = 1) -> None:
        """Open or begin it. Raises UsageError without Optuna.

        seed      of what is drawn
        trials    how many there will be: a quarter of them is drawn without regard to others
        """
        require_package()
        self._path, self._space, self._seed = path, space, seed
        self._random = max(1, min(MAX_RANDOM, trials // 4))
        with self._reported():
            import optuna
            from optuna.storages import journal

            # Relative to no folder; a lock by creation of a file works where there are no symbolic links.
            file = str(path.absolute())
            backend = journal.JournalFileBackend(file, lock_obj=journal.JournalFileOpenLock(file))
            self._storage: BaseStorage = optuna.storages.JournalStorage(backend)
            self._study: Study = optuna.create_study(study_name=STUDY, storage=self._storage, load_if_exists=True)

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        """Raise what Optuna and the file system raise as errors of lstmtui, and print no warnings."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except LstmtuiError:
            raise
        except OSError as error:
            raise LstmtuiError(f"{self._path} cannot be used ({error.strerror or error}).") from error
        except (ValueError, KeyError, TypeError, AssertionError, AttributeError) as error:
            raise CorruptError(
                f"{self._path} is damaged ({error}); move it away, the runs of the search are untouched."
            ) from error

    # --- trials -------------------------------------------------------------------------------------------------------

    def records(self) -> dict[str, Record]:
        """Return the trials by the name of their run, in the order in which they began."""
        with self._reported():
            return {run: _record(run, trial) for run, trial in self._trials().items()}

    def _trials(self) -> dict[str, FrozenTrial]:
        found: dict[str, FrozenTrial] = {}
        for trial in self._study.get_trials(deepcopy=False):
            if isinstance(run := trial.user_attrs.get(RUN), str):
                found.setdefault(run, trial)
        return found

    def propose(self, number: int) -> dict[str, Any]:
        """Return values for trial `number`, drawn with regard to all trials so far; the journal stays as it is."""
        import optuna

        with self._reported():
            # A study in memory: one in the journal would hold a trial before its values are known.
            sampler = optuna.samplers.TPESampler(seed=self._seed * 1000 + number, n_startup_trials=self._random)
            study = optuna.create_study(sampler=sampler)
            study.add_trials(list(self._trials().values()))
            drawn = study.ask(self._distributions()).params
        return {
            one.name: one.rounded(drawn[one.name]) if isinstance(one, Range) else drawn[one.name] for one in self._space
        }

    def begin(self, run: str, values: Mapping[str, Any]) -> None:
        """Write down a trial that begins."""
        from optuna.trial import TrialState, create_trial

        with self._reported():
            self._study.add_trial(
                create_trial(
                    state=TrialState.RUNNING, params=dict(values), distributions=self._distributions(),
                    user_attrs={RUN: run},
                )
            )  # fmt: skip

    def report(self, run: str, part: int, cost: float) -> None:
        """Write down the lowest cost of a trial by the end of a part of its budget, 1 to PARTS."""
        with self._reported():
            self._storage.set_trial_intermediate_value(self._identity(run), part, cost)

    def median(self, part: int) -> float | None:
        """Return the median cost of finished trials by the end of a part; None of fewer than MIN_FINISHED."""
        import statistics

        known = [one.parts[part] for one in self.records().values() if one.state == "complete" and part in one.parts]
        return statistics.median(known) if len(known) >= MIN_FINISHED else None

    def is_hopeless(self, run: str) -> bool:
        """Return whether a trial is worse than half of the finished ones were at the same part of their budget."""
        import optuna

        with self._reported():
            pruner = optuna.pruners.MedianPruner(
                n_startup_trials=MIN_FINISHED, n_warmup_steps=FIRST_PART, n_min_trials=MIN_FINISHED
            )
            return pruner.prune(self._study, self._trials()[run])

    def finish(self, run: str, state: str, *, cost: float | None = None, outcome: str = "") -> None:
        """Write down the end of a trial, unless it has one.

        state    complete (with its cost), pruned or failed
        """
        import optuna
        from optuna.trial import TrialState

        kind = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}[state]
        trial = self._trials()[run]
        if trial.state.is_finished():
            return
        with self._reported(), contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError):
            if outcome:
                self._storage.set_trial_user_attr(self._identity(run), OUTCOME, outcome)
            self._study.tell(trial.number, cost, state=kind, skip_if_finished=True)

    def importance(self) -> dict[str, float]:
        """Return for each setting its part of the differences between trials, together 1; empty for too few trials."""
        from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

        complete = sum(one.state == "complete" for one in self.records().values())
        if complete < MIN_FOR_IMPORTANCE:
            return {}
        with self._reported():
            # Five trials at least among the best, as its documentation advises; it needs no scikit-learn.
            best = PedAnovaImportanceEvaluator(target_quantile=max(0.1, min(0.5, 5 / complete)))
            found = get_param_importances(self._study, evaluator=best)
        return {name: float(value) for name, value in found.items()}

    def _identity(self, run: str) -> int:
        study = self._storage.get_study_id_from_name(STUDY)
        return self._storage.get_trial_id_from_study_id_trial_number(study, self._trials()[run].number)

    def _distributions(self) -> dict[str, BaseDistribution]:
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        def distribution(one: Any) -> BaseDistribution:
            if not isinstance(one, Range):
                return CategoricalDistribution(list(one.values))
            if one.step is None:
                return FloatDistribution(one.low, one.high, log=one.logarithmic)
            last = int(one.high - (one.high - one.low) % one.step)
            return IntDistribution(int(one.low), last, step=one.step)

        return {one.name: distribution(one) for one in self._space}


def _record(run: str, trial: FrozenTrial) -> Record:
    from optuna.trial import TrialState

    states = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
    return Record(
        run=run,
        values=dict(trial.params),
        state=states.get(trial.state, "running"),
        cost=trial.value,
        parts=dict(trial.intermediate_values),
        outcome=str(trial.user_attrs.get(OUTCOME, "")),
    )
