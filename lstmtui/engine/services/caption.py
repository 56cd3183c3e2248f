"""A trained captioner that answers requests: python -m lstmtui.engine.services.caption RUN_FOLDER.

One JSON object a line on standard input, one or more on standard output; the first line out says what was loaded, or
why the run cannot be loaded.

    {"op": "caption", "files": [PATH, ...], "beam": 5, "alpha": 1.0, "nbest": 1, "max_length": null, "pixels": false}
        {"pictures": [{"file", "captions": [{"text", "score", "log_probability", "tokens", "attention"}, ...], "note",
         "pixels"}, ...]}
         a picture that cannot be read has {"file", "error": SENTENCE} in its place
    {"op": "evaluate", "files": [FOLDER or TABLE, ...], "encoding": "", "beam": 5, "alpha": 1.0, "features": ""}
        {"progress": 0.1} ...
        {"exact", "f1", "concept_f1", "cider", "bleu", "bleu_signature", "pictures", "concepts", "notes",
         "examples": [{"picture", "caption", "reference"}, ...]}
         bleu is null where sacreBLEU is not installed

"attention" (tokens, rows, columns) is what each token has looked at; "pixels" is what the network has seen, the base64
form of (side, side, 3) bytes, null unless it is asked for. A run that reads the vectors of another network has files of
them (.npy) for pictures, and for "features" those of the pictures that are evaluated (default: what it was trained on).

Errors and heartbeats: see `lstmtui.engine.answering`.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstmtui import config
from lstmtui.data.caption_examples import grids_of
from lstmtui.data.captions import open_rows, read_rows, rows_to_test
from lstmtui.data.picture_augmentation import prepare
from lstmtui.data.picture_features import map_features, read_vectors, require_rows
from lstmtui.data.pictures import read_picture
from lstmtui.engine.answering import Answer, Answering, Answers, dispatch, serve_run
from lstmtui.engine.inference.beam_search import DEFAULT, SearchOptions
from lstmtui.engine.inference.captioner import BATCH, Caption, Captioner
from lstmtui.engine.inference.loaded_captioner import load
from lstmtui.errors import UsageError
from lstmtui.protocol import MAX_BEAM
from lstmtui.reports import translation_scores
from lstmtui.reports.caption_scores import caption_scores
from lstmtui.runs.folder import RunFolder

Array = np.ndarray[Any, Any]

MAX_PICTURES = 1_000
"""Of a request at most."""
MAX_EXAMPLES = 5


class Service:
    """One loaded captioner and its operations."""

    def __init__(self, captioner: Captioner, *, features: str = "") -> None:
        """`features` is the file of another network's vectors that the captioner was trained on; empty: pictures."""
        self._captioner, self._features = captioner, features

    def about(self) -> Answer:
        """Return what a client should know of the captioner."""
        grid, pictures = self._captioner.sizes.grid, self._captioner.pictures
        return {"ready": True, "side": pictures.side, "rows": grid.rows, "columns": grid.columns}

    def answers(self, request: Any) -> Answers:
        """Yield the answers to one request. Raises LstmtuiError."""
        return dispatch({"caption": self._caption, "evaluate": self._evaluate}, request, "caption")

    def _caption(
        self, files: list[str], beam: int = DEFAULT.beam, alpha: float = DEFAULT.alpha, nbest: int = DEFAULT.nbest,
        max_length: int | None = None, pixels: bool = False,
    ) -> Answers:  # fmt: skip
        if len(files) > MAX_PICTURES:
            raise UsageError(f"A request has at most {MAX_PICTURES:,} pictures, not {len(files):,}.")
        options = self._options(beam, alpha, nbest, max_length)
        answers: list[Answer] = []
        read = []
        for name in files:
            try:
                vectors, about = self._read(Path(name), pixels=pixels)
            except UsageError as error:
                answers.append({"file": name, "error": str(error)})
                continue
            answers.append({"file": name, **about})
            read.append(vectors)
        described = iter(self._captioner.caption(read, options))
        for answer in answers:
            if "error" not in answer:
                answer["captions"] = [_as_json(best) for best in next(described)]
        yield {"pictures": answers}

    def _read(self, path: Path, *, pixels: bool) -> tuple[Array, Answer]:
        """Return the vectors (S, D) of a picture, and what to say of it. Raises UsageError."""
        pictures = self._captioner.pictures
        if self._features:
            return read_vectors(path, (pictures.vectors, pictures.vector_size)), {"note": "", "pixels": None}
        found = read_picture(path, pictures.side)
        drawn = base64.b64encode(found.pixels.tobytes()).decode("ascii") if pixels else None
        return prepare(found.pixels, pictures), {"note": found.note, "pixels": drawn}

    def _evaluate(
        self, files: list[str], encoding: str = "", beam: int = DEFAULT.beam, alpha: float = DEFAULT.alpha,
        features: str = "",
    ) -> Answers:  # fmt: skip
        if features and not self._features:
            raise UsageError("This run reads pictures, not the vectors of another network; leave --features out.")
        options = self._options(beam, alpha, 1, None)
        rows, left_out = read_rows(files, encoding)
        file, named = Path(features or self._features), len(rows)
        rows, which = rows_to_test(rows)
        left_out.count = len(rows) + left_out.without_text
        captions = open_rows(rows, left_out, check=not self._features)
        if not len(captions):
            raise UsageError(" ".join(["There is no picture to evaluate.", *left_out.notes()]))
        if self._features:
            require_rows(file, len(map_features(file)), named)
        pictures = grids_of(captions, self._captioner.pictures, str(file) if self._features else "")
        captions, pictures = captions.select(pictures.usable), pictures.select(pictures.usable)
        found: list[str] = []
        for at in range(0, len(captions), BATCH):
            vectors = [pictures.vectors(n, self._captioner.pictures) for n in range(at, min(at + BATCH, len(captions)))]
            found += [best.text for best, *_ in self._captioner.caption(vectors, options)]
            yield {"progress": round(len(found) / len(captions), 4)}
        scores = caption_scores(found, captions.references, captions.concepts)._asdict()
        wrong = [n for n, text in enumerate(found) if text not in captions.references[n]]
        yield {
            **scores, **_bleu(found, captions.references), "pictures": len(captions),
            "concepts": len(set(captions.concepts) - {""}),
            "notes": [which] * bool(which) + left_out.notes() + list(pictures.notes),
            "examples": [
                {"picture": str(captions.pictures[n]), "caption": found[n], "reference": captions.references[n][0]}
                for n in wrong[:: max(1, len(wrong) // MAX_EXAMPLES)][:MAX_EXAMPLES]
            ],
        }  # fmt: skip

    def _options(self, beam: int, alpha: float, nbest: int, max_length: int | None) -> SearchOptions:
        """Return how to search. Raises UsageError."""
        if not 1 <= nbest <= beam <= MAX_BEAM:
            raise UsageError(f"beam is at most {MAX_BEAM}, and nbest at most beam; both are 1 or more.")
        if alpha < 0 or (max_length is not None and max_length < 1):
            raise UsageError("alpha is 0 or more, and max_length 1 or more.")
        return SearchOptions(beam=beam, alpha=float(alpha), nbest=nbest, max_length=max_length)


def _bleu(found: Sequence[str], references: Sequence[Sequence[str]]) -> Answer:
    try:
        of_all = translation_scores.scores(found, references, lowercase=True)
    except UsageError:
        return {"bleu": None, "bleu_signature": None}
    return {name: of_all[name] for name in ("bleu", "bleu_signature")}


def _as_json(best: Caption) -> dict[str, Any]:
    return {
        "text": best.text, "score": best.score, "log_probability": best.log_probability, "tokens": list(best.tokens),
        "attention": [[[round(float(x), 4) for x in row] for row in grid] for grid in best.attention],
    }  # fmt: skip


def main(arguments: list[str]) -> int:
    """Serve the run in the folder given until standard input ends."""
    return serve_run("lstmtui.engine.services.caption", arguments, _load)


def _load(run: RunFolder) -> tuple[Answering, Answer]:
    service = Service(load(run), features=config.load(run.config).data.features)
    return service.answers, service.about()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
