"""The command with which a run that does not train goes on, by its state; many messages end with it."""

from __future__ import annotations

from lstmtui.runs.snapshot import RunSnapshot


def longer_option(snapshot: RunSnapshot) -> str:
    """Return the option that trains a run for as long again, as an example of an extension."""
    s = snapshot.settings
    if s is not None and s.length.minutes is not None:
        return f"--minutes {round_to_two_digits(s.length.minutes):g}"
    return f"--steps {round_to_two_digits(snapshot.step) or 1000}"


def resume_command(snapshot: RunSnapshot, name: str) -> str:
    """Return the command that trains the run `name` further."""
    return f"lstmtui resume {name} {longer_option(snapshot)}"


def next_step(snapshot: RunSnapshot, name: str) -> str:
    """Return a clause that says how the run `name` goes on."""
    if snapshot.state == "finished":
        return f"'{resume_command(snapshot, name)}' trains it further"
    if snapshot.state == "new":
        return f"'lstmtui resume {name}' starts it"
    if snapshot.state == "diverged":
        return f"'lstmtui fork {name} lr=...' makes a run that goes on with another learning rate"
    return f"'lstmtui resume {name}' continues it"


def round_to_two_digits(value: float) -> int:
    """Return `value` rounded to two significant digits; at least 1 for anything above 0."""
    if value < 10:
        return max(1, round(value)) if value > 0 else 0
    unit = int(10 ** (len(str(int(value))) - 2))
    return int(round(value / unit) * unit)
