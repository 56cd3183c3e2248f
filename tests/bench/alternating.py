"""Times several steps that take turns (A B A B ...), each in a process of its own, so that all meet the same machine.

A side names a function of a module in this folder and its arguments; the function returns a step, which is called
without arguments. A side may use another checkout of this project: its interpreter (`.venv`, if it has one) and its
source. Ratios are those of sides in the same turn, so that a machine that becomes slower changes neither side alone.

    python tests/bench/alternating.py '{"module": "ours", "function": "training_step", ...}'

is the process of one side: it answers each line of its input, a number of seconds, with the times of its steps.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
"""This checkout."""
HERE = Path(__file__).parent
WARM_UP_STEPS = 2

Step = Callable[[], object]


class SideError(RuntimeError):
    """One side cannot make or take its step."""


@dataclass(frozen=True)
class Side:
    """What makes a step, and in which checkout."""

    module: str
    function: str
    arguments: Sequence[Any] = ()
    tree: Path = ROOT
    times_itself: bool = False
    """Whether the step returns its own seconds, such as those between two events of a GPU."""


@dataclass(frozen=True)
class Timing:
    """Seconds of steps, a list for each turn; empty, with an error, where the side failed."""

    turns: list[list[float]] = field(default_factory=list)
    error: str = ""

    @property
    def seconds(self) -> float:
        """The median of all steps; NaN after an error."""
        return statistics.median([time for turn in self.turns for time in turn]) if self.turns else float("nan")


def python_of(tree: Path) -> str:
    """Return the interpreter of a checkout."""
    own = tree / ".venv" / "bin" / "python"
    return str(own) if own.exists() else sys.executable


def environment_of(tree: Path) -> dict[str, str]:
    """Return an environment in which `lstmtui` and its kernels are those of a checkout."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(tree), str(tree / "kernels")])}


def time_alternating(sides: Sequence[Side], seconds: float, turns: int) -> list[Timing]:
    """Return the timing of each side after `turns` turns of `seconds / turns` each.

    The order is reversed after each turn. A side that fails is left out from then on.
    """
    found = [Timing() for _ in sides]
    with ExitStack() as stack:
        ask: dict[int, Callable[[float], list[float]]] = {}
        for k, side in enumerate(sides):
            try:
                ask[k] = stack.enter_context(_process(side))
            except SideError as error:
                found[k] = Timing(error=str(error))
        for turn in range(turns):
            for k in list(ask) if turn % 2 == 0 else list(reversed(ask)):
                try:
                    found[k].turns.append(ask[k](seconds / turns))
                except SideError as error:
                    found[k] = Timing(error=str(error))
                    del ask[k]
    return found


@contextmanager
def _process(side: Side) -> Iterator[Callable[[float], list[float]]]:
    """Start the process of a side, and yield what asks it for one turn once its step is ready."""
    specification = {"module": side.module, "function": side.function, "arguments": list(side.arguments)}
    command = [python_of(side.tree), str(HERE / "alternating.py")]
    process = subprocess.Popen(
        [*command, json.dumps({**specification, "times_itself": side.times_itself})], env=environment_of(side.tree),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None

    def ask(seconds: float) -> list[float]:
        try:
            print(seconds, file=process.stdin, flush=True)
        except BrokenPipeError as error:
            raise SideError("its process ended") from error
        return list(_answer(process)["times"])

    try:
        source = Path(_answer(process)["source"])
        if not source.is_relative_to(side.tree.resolve()):
            raise SideError(f"{side.tree} is not used: lstmtui is imported from {source}")
        yield ask
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def _answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Return the next answer of a side. Raises SideError."""
    assert process.stdout is not None
    line = process.stdout.readline()
    answer: dict[str, Any] = json.loads(line) if line else {"error": "its process ended"}
    if "error" in answer:
        raise SideError(answer["error"])
    return answer


def ratio(timing: Timing, base: Timing) -> str:
    """Return how many times as fast as `base` a timing is: the median of the turns; '-' where one side failed."""
    found = turn_ratios(timing, base)
    return f"{statistics.median(found):.2f}" if found else "-"


def turn_ratios(timing: Timing, base: Timing) -> list[float]:
    """Return for each turn the median seconds of `base` divided by those of `timing`: above 1, `timing` is faster."""
    pairs = zip(timing.turns, base.turns, strict=False)
    return [statistics.median(other) / statistics.median(own) for own, other in pairs]


def milliseconds(timing: Timing) -> str:
    """Return the median of a timing, or that it failed."""
    return f"{1e3 * timing.seconds:.3f}" if timing.turns else "failed"


# --- the process of one side ------------------------------------------------------------------------------------------


def take_turn(step: Step, seconds: float, *, times_itself: bool) -> list[float]:
    """Return the seconds of each step for so long, of one at least; the first, after a pause, is left out."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 2 or time.perf_counter() < end:
        begun = time.perf_counter()
        own: Any = step()
        times.append(float(own) if times_itself else time.perf_counter() - begun)
    return times[1:]


def serve(specification: dict[str, Any]) -> None:
    """Make the step, call it to compile and warm up, and answer each line of the input."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no answer

    def answer(**fields: Any) -> None:
        print(json.dumps(fields), file=answers, flush=True)

    try:
        import lstmtui

        step = getattr(import_module(specification["module"]), specification["function"])(*specification["arguments"])
        for _ in range(WARM_UP_STEPS):
            step()
        answer(source=str(Path(lstmtui.__file__).resolve()))
        for line in sys.stdin:
            answer(times=take_turn(step, float(line), times_itself=specification["times_itself"]))
    except Exception as error:
        answer(error=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
