"""CIDEr-D of lstmtui against pycocoevalcap's on random captions: the greatest difference.

pip install --no-deps pycocoevalcap
python tests/bench/cider_versus_pycocoevalcap.py [--pictures 500]
"""

from __future__ import annotations

import argparse

import numpy as np
from pycocoevalcap.cider.cider_scorer import CiderScorer  # type: ignore[import-not-found]

from lstmtui.reports.caption_scores import cider_d


def random_captions(count: int) -> tuple[list[str], list[list[str]]]:
    """Return captions of common and rare words, and one to five references of each."""
    rng = np.random.default_rng(1)

    def caption(kind: int) -> str:
        chosen = (rng.zipf(1.5, rng.integers(1, 15)) + kind % 7) % 60
        return " ".join(f"w{n}" for n in chosen)

    kinds = rng.integers(0, 7, count)
    references = [[caption(int(kind)) for _ in range(rng.integers(1, 6))] for kind in kinds]
    found = [
        texts[0] if n % 10 == 0 else caption(int(kind))
        for n, (kind, texts) in enumerate(zip(kinds, references, strict=True))
    ]
    return found, references


def main() -> None:
    """Print the greatest difference of a caption, and both means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=500)
    args = parser.parse_args()
    found, references = random_captions(args.pictures)
    scorer = CiderScorer(n=4, sigma=6.0)
    for caption, texts in zip(found, references, strict=True):
        scorer += (caption, texts)
    mean, theirs = scorer.compute_score()
    ours = np.array(cider_d(found, references))
    print(f"pycocoevalcap {mean:.9f}, lstmtui {ours.mean():.9f}; a caption differs by {abs(ours - theirs).max():.1e}")


if __name__ == "__main__":
    main()
