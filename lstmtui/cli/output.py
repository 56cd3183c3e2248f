"""Data goes to stdout, notices go to stderr; every text from outside passes through here.

On a terminal every text passes `lstmtui.common.terminal_text.safe`. Data in a pipe is left as it is.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

from lstmtui.common.terminal_text import one_line, safe
from lstmtui.common.units import percent

if TYPE_CHECKING:
    from rich.console import Console

SIGPIPE = 141
"""Exit code after the reader of the output closed it."""


def notify(text: str) -> None:
    """Print a notice on stderr. A closed stderr (a terminal that is gone) is ignored."""
    with contextlib.suppress(OSError, ValueError):
        print(safe(text), file=sys.stderr, flush=True)


def write(text: str, end: str = "\n") -> None:
    """Write data to stdout and flush: escaped on a terminal, unchanged in a pipe. Raises BrokenPipeError."""
    print(safe(text) if sys.stdout.isatty() else text, end=end, flush=True)


def write_json(value: Any) -> None:
    """Write one line of JSON to stdout. JSON escapes control characters itself, so it is safe everywhere."""
    from lstmtui.common.files import to_json

    line = to_json(value)
    print(safe(line) if sys.stdout.isatty() else line, flush=True)


def stdout_console() -> Console:
    """Return a Rich console for tables on stdout: as wide as the terminal, or wide enough for a pipe."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 200)


def cell(text: object, width: int | None = None) -> Any:
    """Return untrusted text for a Rich table: escaped, on one line, without markup."""
    from rich.text import Text

    return Text(one_line(str(text), width))


def discard(stream: Any) -> None:
    """Redirect a stream whose reader is gone to nothing, so that later writes and the last flush do not fail."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def figures(result: dict[str, Any]) -> str:
    """Return error rates, word F1, nll, perplexity, bits per character and BLEU of an evaluation with their units."""
    parts = [f"{name.upper()} {percent(result[name])}" for name in ("wer", "cer", "f1") if _number(result.get(name))]
    if _number(result.get("exact")):
        parts.append(f"exact {percent(result['exact'])}")
    if _number(result.get("nll")):
        parts.append(f"{result['nll']:.4f} nats per token")
    if _number(result.get("perplexity")):
        parts.append(f"perplexity {result['perplexity']:.2f}")
    if _number(result.get("bits_per_char")):
        parts.append(f"{result['bits_per_char']:.4f} bits per character{unknown(result.get('unknown'))}")
    if _number(result.get("bleu")):
        parts.append(f"BLEU {result['bleu']:.1f}")
    if not parts and "nll" not in result:  # of another task than language modelling
        parts = [f"{name} {value:.4g}" for name, value in result.items() if _number(value)]
    return ", ".join(parts) or "not finite"


def unknown(share: object) -> str:
    """Return in brackets the share of `<unk>`, if any: its characters cost less than others."""
    return f" ({share:.1%} <unk>)" if isinstance(share, float) and share > 0 else ""


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
