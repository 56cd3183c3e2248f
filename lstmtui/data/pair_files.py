"""The tokens of pairs in the cache: cleaned and tokenised chunk by chunk, and memory-mapped.

    CACHE/tokens/DIGEST/   source.json target.json   train.source.bin train.source.ends.bin ...   contents.json

The folder is one of `token_files`, with the same care. source.json and target.json are the tokenizers. A side of a
part has its tokens and the ends of its sentences; one of validation or test has the lines of its text, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstmtui.common.paths import cache_root
from lstmtui.config import DataSettings
from lstmtui.data.normal_form import NORMAL_FORM
from lstmtui.data.pair_reading import open_stream
from lstmtui.data.pairs import (
    LINE_END,
    SIDES,
    Counts,
    Pairs,
    PairTokens,
    Rules,
    Sentences,
    Tokenizers,
    clean,
    encode_pairs,
    require_pairs,
    train_tokenizers,
)
from lstmtui.data.parallel_corpus import TrainingPairs, open_pairs
from lstmtui.data.token_files import (
    ArrayFile,
    TokenFiles,
    id_dtype,
    map_array,
    read_contents,
    read_tokenizer,
    write_contents,
)
from lstmtui.errors import CorruptError

FORMAT = 1
"""Part of the digest of the folder, so that pairs that were tokenised otherwise are not found."""
HELD_OUT = ("valid", "test")
PIECE = 1 << 20
"""Numbers that are read at once."""
Report = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Part:
    """Pairs of one split, as text and as tokens, in the same order."""

    pairs: Pairs
    tokens: PairTokens


@dataclass(frozen=True, slots=True)
class PairData:
    """All that a translation model trains on and is evaluated with; an empty part is None."""

    train: PairTokens
    valid: Part | None
    test: Part | None
    tokenizers: Tokenizers
    counts: Counts
    """How the training pairs were cleaned."""
    digest: str
    """That of training pairs and vocabularies."""
    files: TokenFiles
    """Where the tokens are."""


def tokenise_pairs(
    s: DataSettings, rules: Rules, *, joint: bool, cache: Path | None = None, report: Report = lambda what, done: None
) -> PairData:
    """Return the pairs of a run with settings `s`, tokenised and memory-mapped; those in the cache are used again.

    joint    whether both sides share a vocabulary
    report   called with the current piece of work and how much of it is done, 0 to 1; may raise
    Raises UsageError as `open_pairs` does, and where no pair is left; LstmtuiError where the files cannot be written.
    """
    cache = cache or cache_root()
    files = TokenFiles(cache, _identity(s, rules, joint, cache))

    def read(folder: Path) -> PairData:
        return _read(folder, files)

    return files.read(read) or files.store(lambda draft: _fill(draft, s, rules, joint, report), read)


def _identity(s: DataSettings, rules: Rules, joint: bool, cache: Path) -> dict[str, Any]:
    """Return everything that the tokens depend on."""
    given = {"train": s.corpus, "valid": s.valid, "test": s.test}
    contents = {
        role: open_stream(names, encoding=s.encoding, cache=cache).digests(cache) if names else []
        for role, names in given.items()
    }
    fractions = [0.0 if s.valid else s.valid_fraction, 0.0 if s.test else s.test_fraction]
    return {
        "pairs": FORMAT, "tokens": s.tokens, "limit": s.vocabulary, "joint": joint, "rules": list(rules),
        "contents": contents, "fractions": fractions, "normal_form": NORMAL_FORM,
    }  # fmt: skip


# --- writing ----------------------------------------------------------------------------------------------------------


def _fill(draft: Path, s: DataSettings, rules: Rules, joint: bool, report: Report) -> None:
    report("reading", 0.0)
    corpus = open_pairs(s)
    report("vocabulary", 0.0)
    tokenizers = train_tokenizers(corpus.train, s.tokens, s.vocabulary, joint=joint)
    for side, tokenizer in zip(SIDES, tokenizers, strict=True):
        tokenizer.save(draft / f"{side}.json")
    arrays, counts = _write_training(draft, corpus.train, tokenizers, rules, report)
    for role, pairs in zip(HELD_OUT, (corpus.valid, corpus.test), strict=True):
        arrays |= _write_part(draft, role, pairs, tokenizers, rules)
    train = _pair_tokens(draft, "train", arrays)
    write_contents(
        draft,
        {
            "tokenizers": [tokenizer.digest() for tokenizer in tokenizers],
            "arrays": arrays,
            "counts": list(counts),
            "digest": digest_of(train, tokenizers),
        },
    )


def _write_training(
    draft: Path, pairs: TrainingPairs, tokenizers: Tokenizers, rules: Rules, report: Report
) -> tuple[dict[str, Any], Counts]:
    counts, total = Counts(), max(1, len(pairs))
    with ExitStack() as stack:
        sides = [
            stack.enter_context(_SideFiles(draft, f"train.{side}", tokenizer.size))
            for side, tokenizer in zip(SIDES, tokenizers, strict=True)
        ]
        for chunk in pairs.chunks():
            kept, more = clean(encode_pairs(chunk, tokenizers), rules)
            counts = counts.plus(more)
            for files, sentences in zip(sides, (kept.source, kept.target), strict=True):
                files.write(sentences)
            report("train", counts.read / total)
        require_pairs(counts, rules)
    return sides[0].entries | sides[1].entries, counts


def _write_part(draft: Path, role: str, pairs: Pairs, tokenizers: Tokenizers, rules: Rules) -> dict[str, Any]:
    """Write the pairs that a model can read: sentences are not left out for being unlike, but for being too long."""
    encoded = encode_pairs(pairs, tokenizers)
    lengths = np.stack([encoded.source.lengths, encoded.target.lengths]) - 1
    usable = (lengths.min(axis=0) > 0) & (lengths.max(axis=0) <= rules.max_tokens)
    pairs = pairs.select(usable)
    arrays: dict[str, Any] = {}
    sides = (encoded.source, pairs.source), (encoded.target, pairs.target)
    for side, tokenizer, (sentences, lines) in zip(SIDES, tokenizers, sides, strict=True):
        with _SideFiles(draft, f"{role}.{side}", tokenizer.size, has_text=True) as files:
            files.write(sentences.select(usable))
            files.write_text(LINE_END.join(lines))
        arrays |= files.entries
    return arrays


class _SideFiles:
    """The files of one side of a part, which are written sentence by sentence."""

    def __init__(self, folder: Path, name: str, vocabulary: int, *, has_text: bool = False) -> None:
        self._name, self._end = name, 0
        types = {"": id_dtype(vocabulary), ".ends": np.dtype(np.int64)}
        types |= {".text": np.dtype(np.uint8)} if has_text else {}
        self._open = ExitStack()
        self._files = {
            kind: self._open.enter_context(ArrayFile(folder / f"{name}{kind}.bin", dtype))
            for kind, dtype in types.items()
        }
        self._files[".ends"].write(np.zeros(1, np.int64))

    def write(self, sentences: Sentences) -> None:
        """Append sentences. Raises OSError."""
        self._files[""].write(sentences.flat)
        self._files[".ends"].write(sentences.ends[1:] + self._end)
        self._end += int(sentences.ends[-1])

    def write_text(self, text: str) -> None:
        """Write the lines of all sentences. Raises OSError."""
        self._files[".text"].write(np.frombuffer(text.encode(), np.uint8))

    @property
    def entries(self) -> dict[str, Any]:
        """The entry of each array in contents.json."""
        return {f"{self._name}{kind}": file.entry for kind, file in self._files.items()}

    def __enter__(self) -> _SideFiles:
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)


# --- reading ----------------------------------------------------------------------------------------------------------


def _read(folder: Path, files: TokenFiles) -> PairData:
    """Map the files of `folder`. Raises OSError, CorruptError, KeyError, TypeError or ValueError for a damaged one."""
    contents = read_contents(folder)
    arrays = contents["arrays"]
    tokenizers = Tokenizers(
        *(read_tokenizer(folder / f"{side}.json", digest)
          for side, digest in zip(SIDES, contents["tokenizers"], strict=True))
    )  # fmt: skip
    valid, test = (_part(folder, role, arrays) for role in HELD_OUT)
    return PairData(
        train=_pair_tokens(folder, "train", arrays), valid=valid, test=test, tokenizers=tokenizers,
        counts=Counts(*contents["counts"]), digest=str(contents["digest"]), files=files,
    )  # fmt: skip


def _part(folder: Path, role: str, arrays: Mapping[str, Any]) -> Part | None:
    tokens = _pair_tokens(folder, role, arrays)
    if not len(tokens):
        return None
    texts = (_array(folder, f"{role}.{side}.text", arrays).tobytes().decode() for side in SIDES)
    return Part(Pairs(*(tuple(text.split(LINE_END)) for text in texts)), tokens)


def _pair_tokens(folder: Path, role: str, arrays: Mapping[str, Any]) -> PairTokens:
    sides = [Sentences(*(_array(folder, f"{role}.{side}{kind}", arrays) for kind in ("", ".ends"))) for side in SIDES]
    if len(sides[0]) != len(sides[1]) or any(side.ends[-1] != len(side.flat) for side in sides):
        raise CorruptError(f"The token files in {folder} do not fit each other; remove the folder and start again.")
    return PairTokens(*sides)


def _array(folder: Path, name: str, arrays: Mapping[str, Any]) -> NDArray[Any]:
    # Slices of np.memmap take several times as long as those of an array.
    return np.asarray(map_array(folder / f"{name}.bin", arrays[name]))


def digest_of(train: PairTokens, tokenizers: Tokenizers) -> str:
    """Return the digest of training pairs and vocabularies."""
    found = hashlib.sha256("".join(tokenizer.digest() for tokenizer in tokenizers).encode())
    for side in (train.source, train.target):
        for values, dtype in ((side.flat, np.int32), (side.ends, np.int64)):
            for at in range(0, len(values), PIECE):
                found.update(values[at : at + PIECE].astype(dtype, copy=False).tobytes())
    return found.hexdigest()
