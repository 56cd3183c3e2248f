"""Captions that are searched: scores as in training, whatever pictures are searched beside."""

from __future__ import annotations

import numpy as np
import pytest
from support.caption_models import GRID, batch, model

from lstmtui.engine.inference.beam_search import SearchOptions, search
from lstmtui.engine.nn.incremental_caption import IncrementalCaption

OPTIONS = SearchOptions(beam=3, nbest=3, max_length=6)


def found_in(vectors, trained, pictures):
    writes = IncrementalCaption(trained.sizes, trained.weights, (pictures, OPTIONS.beam), compute=trained.compute)
    lengths = np.full(vectors.shape[1], GRID.positions, np.int32)
    return search(writes, vectors, lengths, end=0, options=OPTIONS)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_scores_are_those_of_training(cell):
    trained, given = model((8, 1), cell=cell), batch()
    for b, best in enumerate(found_in(given.vectors, trained, 4)):
        assert len(best) == OPTIONS.nbest
        for hypothesis in best:
            tokens = np.array(hypothesis.tokens, np.int32)[:, None]
            one = batch([b])._replace(inputs=np.concatenate([[[0]], tokens[:-1]]).astype(np.int32), targets=tokens)
            assert -trained.evaluate(one).sum() == pytest.approx(hypothesis.log_probability, rel=1e-9)
            np.testing.assert_allclose(
                hypothesis.alignment, trained.alignment()[: len(tokens), 0], rtol=1e-8, atol=1e-12
            )


def test_batch_mates_change_nothing():
    trained, given = model(dtype=np.float32), batch()
    together = found_in(given.vectors, trained, 3)
    for b in range(3):
        alone = found_in(given.vectors[:, b : b + 1], trained, 1)[0]
        assert [best.tokens for best in alone] == [best.tokens for best in together[b]]


def test_more_pictures_than_the_buffers_raise():
    with pytest.raises(ValueError, match="buffers"):
        found_in(batch().vectors, model(), 2)
