"""Pictures to captions: several of each, with what each word has looked at."""

import numpy as np
from support.caption_cases import shape_examples, shape_tokenizer

from lstmtui.config import PictureSettings
from lstmtui.engine.inference.beam_search import SearchOptions
from lstmtui.engine.inference.captioner import Captioner
from lstmtui.engine.nn.caption_model import CaptionSizes, parameters
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.picture_encoder import Grid

PICTURES = PictureSettings(side=16, patch=8, edges=0)


def made():
    tokenizer = shape_tokenizer()
    sizes = CaptionSizes(
        grid=Grid(2, 2), vector=192, target_vocabulary=tokenizer.size, embedding=3, hidden=3, attention=2
    )
    weights = Arena(parameters(sizes), np.float64)
    weights.initialise(1)
    return Captioner(PICTURES, sizes, weights, tokenizer, Compute("float64", 1), longest=3)


def test_captions_come_in_the_order_of_the_pictures_the_best_first():
    captioner, examples = made(), shape_examples()
    vectors = [examples.vectors(n, PICTURES) for n in range(5)]
    together = captioner.caption(vectors, SearchOptions(beam=4, nbest=3))
    for n, best in enumerate(together):
        alone = captioner.caption(vectors[n : n + 1], SearchOptions(beam=4, nbest=3))[0]
        assert [one.text for one in alone] == [one.text for one in best]
        assert [one.score for one in best] == sorted((one.score for one in best), reverse=True)
        for one in best:
            assert len(one.tokens) < 6  # twice the longest, its end included
            assert one.attention.shape == (len(one.tokens), 2, 2)
            np.testing.assert_allclose(one.attention.sum(axis=(1, 2)), 1, rtol=1e-9)


def test_changed_weights_are_taken():
    captioner, vectors = made(), [shape_examples().vectors(0, PICTURES)]
    before = captioner.caption(vectors)[0][0].score
    captioner._weights.flat[...] *= 2
    captioner.refresh()
    assert captioner.caption(vectors)[0][0].score != before
