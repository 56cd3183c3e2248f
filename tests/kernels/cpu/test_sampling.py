from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cpu.sampling import distribution, draw

LOGITS = np.log(np.array([0.1, 0.4, 0.3, 0.2], np.float32))


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p", "banned", "expected"),
    [
        (1.0, 0, 1.0, -1, [0.1, 0.4, 0.3, 0.2]),
        (0.0, 0, 1.0, -1, [0, 1, 0, 0]),
        (0.5, 0, 1.0, -1, [1 / 30, 16 / 30, 9 / 30, 4 / 30]),
        (1.0, 2, 1.0, -1, [0, 4 / 7, 3 / 7, 0]),
        (1.0, 9, 1.0, -1, [0.1, 0.4, 0.3, 0.2]),
        (1.0, 0, 0.6, -1, [0, 4 / 7, 3 / 7, 0]),
        (1.0, 3, 0.7, -1, [0, 4 / 7, 3 / 7, 0]),
        (1.0, 0, 1.0, 1, [1 / 6, 0, 3 / 6, 2 / 6]),
        # The banned token is excluded before the others are ranked.
        (0.0, 0, 1.0, 1, [0, 0, 1, 0]),
        (1.0, 1, 1.0, 1, [0, 0, 1, 0]),
        (1.0, 2, 1.0, 1, [0, 0, 3 / 5, 2 / 5]),
        (1.0, 0, 0.4, 1, [0, 0, 1, 0]),
        (1.0, 0, 0.7, 1, [0, 0, 3 / 5, 2 / 5]),
        (0.0, 0, 1.0, 0, [0, 1, 0, 0]),
    ],
)
def test_distribution(temperature, top_k, top_p, banned, expected):
    p = np.full(4, np.nan)
    distribution(LOGITS, temperature, top_k, top_p, banned, p)
    np.testing.assert_allclose(p, expected, rtol=1e-6)


def test_the_only_token_is_drawn_even_if_banned():
    for temperature in (0.0, 1.0):
        p = np.empty(1)
        distribution(LOGITS[:1], temperature, 0, 1.0, 0, p)
        assert p[0] == 1


@pytest.mark.parametrize("seed", range(5))
def test_top_k_and_top_p_keep_the_likeliest_tokens(seed):
    """Against a stable sort, with many tokens as likely as each other."""
    logits = np.random.default_rng(seed).integers(0, 12, 200).astype(np.float32) / 4
    p, full = np.empty(200), np.empty(200)
    distribution(logits, 1.0, 0, 1.0, -1, full)
    order = np.argsort(-full, kind="stable")
    for top_p in (1e-9, 0.3, 0.9, 0.999):
        distribution(logits, 1.0, 0, top_p, -1, p)
        before = np.cumsum(full[order]) - full[order]
        assert set(np.flatnonzero(p)) == set(order[before < top_p])
    for top_k in (1, 7, 150):
        distribution(logits, 1.0, top_k, 1.0, -1, p)
        assert set(np.flatnonzero(p)) == set(np.flatnonzero(full >= full[order[top_k - 1]]))


def test_draw_selects_the_token_at_a_random_number():
    p = np.array([0.0, 0.25, 0.0, 0.75, 0.0])
    assert [draw(p, u) for u in (0.0, 0.2499, 0.25, 0.999)] == [1, 1, 3, 3]
    assert draw(p * (1 - 1e-12), 1 - 1e-16) == 3  # never what cannot be
