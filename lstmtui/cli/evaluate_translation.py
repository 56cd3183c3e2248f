"""`lstmtui evaluate RUN SOURCES REFERENCES` for a run that translates: BLEU, chrF and keystrokes saved."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lstmtui.cli.beam_options import BEAM
from lstmtui.cli.evaluate_arguments import EvaluateArguments
from lstmtui.cli.output import notify, write, write_json
from lstmtui.cli.progress import progress_bar
from lstmtui.errors import UsageError
from lstmtui.runs.folder import RunFolder

if TYPE_CHECKING:
    from lstmtui.client.translator import Translator

BATCH = 256
"""Sources of a request, between which the progress is shown."""
TYPED_LINES = 100
"""References that are typed at most, evenly spaced."""


def evaluate_translation(run: RunFolder, args: EvaluateArguments) -> int:
    """Translate the sources, compare with the references, and print the figures. Raises UsageError."""
    from lstmtui.client.translator import Translator
    from lstmtui.data.pair_reading import read_pairs
    from lstmtui.reports.translation_scores import TOKENIZERS, scores, test_set

    files, beam = args.files or [], args.beam or BEAM
    if args.tokenize not in TOKENIZERS:
        raise UsageError(f"--tokenize must be one of {', '.join(TOKENIZERS)}.")
    cases = test_set(read_pairs(files, encoding=args.encoding or ""), grouped=len(files) == 1)
    scores([""], [["-"]])  # before the work, where the package is missing
    with Translator(run) as translator:
        begun = time.monotonic()
        found = _translate(translator, cases.sources, beam)
        seconds = time.monotonic() - begun
        saved = _typed(translator, cases.sources, [references[0] for references in cases.references])
    result: dict[str, Any] = {
        **scores(found, cases.references, tokenize=args.tokenize, lowercase=args.lowercase),
        "lines": len(found), "beam": beam, "seconds": round(seconds, 2), "typing": saved,
    }  # fmt: skip
    if args.json:
        write_json({"run": run.name, "files": files, **result})
        return 0
    write(f"BLEU {result['bleu']:.2f}   {result['bleu_signature']}")
    write(f"chrF {result['chrf']:.2f}   {result['chrf_signature']}")
    write(
        f"keystrokes saved {saved['saved']:.1%}   of {saved['characters']:,} characters of references typed with help"
    )
    notify(f"{len(found):,} lines translated in {seconds:.1f} s, beam {beam}.")
    return 0


def _translate(translator: Translator, sources: Sequence[str], beam: int) -> list[str]:
    found: list[str] = []
    with progress_bar() as bar:
        for at in range(0, len(sources), BATCH):
            bar.show("Translating", at / len(sources))
            found += [best[0].text for best in translator.search(sources[at : at + BATCH], beam=beam)]
    return found


def _typed(translator: Translator, sources: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """Return what typing some references with help takes."""
    from lstmtui.reports.translation_typing import keystrokes

    def translate(lines: Sequence[str], prefixes: Sequence[str]) -> list[str]:
        found = translator.search(lines, prefixes=prefixes, beam=1)
        return [best[0].text if best else "" for best in found]

    step = max(1, -(-len(sources) // TYPED_LINES))
    return keystrokes(translate, sources[::step], references[::step])
