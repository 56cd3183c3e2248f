"""Latency of the language server: `PYTHONPATH=tests python tests/bench/editor.py RUN` types a text as an editor does.

Printed: the time from a key to the answer with the grey text (p50, p99, in milliseconds), a key every 100 ms, and the
processor time of each key in the language server and in the process of the model, and their memory.
"""

from __future__ import annotations

import statistics
import sys
import time

from process_figures import daemons, memory_mb, processor_seconds
from support.language_client import LanguageClient

NOTE = "file:///nowhere/note.txt"
TEXT = "The function returns the value of the first argument, and it was never the same again. " * 3
KEY_SECONDS = 0.1


def main(run: str) -> None:
    """Type the text, and print what was measured."""
    with LanguageClient([sys.executable, "-m", "lstmtui.cli", "lsp", run]) as client:
        client.initialise()
        document = {"uri": NOTE, "languageId": "plaintext", "version": 0, "text": ""}
        client.tell("textDocument/didOpen", {"textDocument": document})
        seconds, shown, used = [], 0, 0.0
        for warm in (True, False):
            processes = [client.pid, *daemons(run)]
            used = processor_seconds(processes)
            for at, key in enumerate(TEXT):
                here, after = {"line": 0, "character": at}, {"line": 0, "character": at + 1}
                begun = time.perf_counter()
                changes = [{"range": {"start": here, "end": here}, "text": key}]
                client.tell(
                    "textDocument/didChange", {"textDocument": {"uri": NOTE, "version": at}, "contentChanges": changes}
                )
                params = {"textDocument": {"uri": NOTE}, "position": after, "context": {"triggerKind": 2}}
                items = client.ask("textDocument/inlineCompletion", params)["result"]["items"]
                took = time.perf_counter() - begun
                if not warm:
                    seconds.append(took)
                    shown += bool(items)
                elif items:  # the model is loaded
                    break
                time.sleep(max(0.0, KEY_SECONDS - took))
            client.tell(
                "textDocument/didChange",
                {"textDocument": {"uri": NOTE, "version": 0}, "contentChanges": [{"text": ""}]},
            )
        used, memory = processor_seconds(processes) - used, memory_mb(processes)
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    print(
        f"key to grey text: p50 {1e3 * cuts[49]:.1f} ms, p99 {1e3 * cuts[98]:.1f} ms; {shown} of {len(seconds)} shown; "
        f"processor time {1e3 * used / len(seconds):.1f} ms a key; memory of server and model {memory} MB"
    )


if __name__ == "__main__":
    main(sys.argv[1])
