"""BLEU and chrF of translations, by sacreBLEU (Post 2018, arXiv:1804.08771), whose signature says how they count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from lstmtui.data.pairs import Pairs
from lstmtui.errors import UsageError

TOKENIZERS = ("13a", "none", "intl", "char")
"""How BLEU cuts text into words; "none" is for files that are tokenised already."""


class TestSet(NamedTuple):
    """Sources, and one or more references of each."""

    sources: tuple[str, ...]
    references: tuple[tuple[str, ...], ...]


def test_set(pairs: Pairs, *, grouped: bool) -> TestSet:
    """Return the test set of these pairs without empty lines; `grouped` makes one source of equal ones."""
    rows = [(s.strip(), t.strip()) for s, t in zip(pairs.source, pairs.target, strict=True) if s.strip() and t.strip()]
    if not rows:
        raise UsageError("No pair has both a source and a reference; give other files.")
    if not grouped:
        return TestSet(tuple(s for s, _ in rows), tuple((t,) for _, t in rows))
    references: dict[str, list[str]] = {}
    for source, target in rows:
        references.setdefault(source, []).append(target)
    return TestSet(tuple(references), tuple(map(tuple, references.values())))


def scores(
    translations: Sequence[str], references: Sequence[Sequence[str]], *, tokenize: str = "13a", lowercase: bool = False
) -> dict[str, Any]:
    """Return BLEU and chrF, from 0 to 100, and their signatures. Raises UsageError where sacreBLEU is not installed."""
    try:
        from sacrebleu.metrics.bleu import BLEU
        from sacrebleu.metrics.chrf import CHRF
    except ImportError:
        raise UsageError(
            "BLEU and chrF need the package sacrebleu; install it with: pip install 'lstmtui[metrics]'."
        ) from None
    count = max(map(len, references))
    # sacreBLEU takes None where a line has fewer references than others, and its types do not say so.
    columns: Any = [[line[n] if n < len(line) else None for line in references] for n in range(count)]
    # By force: it would warn of files that are tokenised, where that is what a person says they are.
    bleu = BLEU(tokenize=tokenize, lowercase=lowercase, force=tokenize == "none")
    chrf = CHRF(lowercase=lowercase)
    found = {}
    for name, metric in (("bleu", bleu), ("chrf", chrf)):
        found[name] = metric.corpus_score(list(translations), columns).score
        found[f"{name}_signature"] = str(metric.get_signature())
    return found
