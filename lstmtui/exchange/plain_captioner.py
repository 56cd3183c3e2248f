"""Captions with ONNX Runtime, token by token, always the most probable one.

python caption.py a.png b.jpg
"""

import json
import sys
from pathlib import Path

import numpy as np
from onnxruntime import InferenceSession
from tokenizers import Tokenizer


def vectors(path, about):
    """Return what the encoder reads of a picture (S, D): its patches row by row, 0 for white and 3 for black, and the
    edges of each."""
    from PIL import Image, ImageOps

    side, patch = about["side"], about["patch"]
    image = ImageOps.exif_transpose(Image.open(path))
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    scale = side / max(image.size)
    image = image.resize([max(1, round(scale * n)) for n in image.size], Image.Resampling.BICUBIC, reducing_gap=3.0)
    paper = Image.new("RGB", (side, side), (255, 255, 255))
    corner = ((side - image.width) // 2, (side - image.height) // 2)
    paper.paste(image, corner, image if image.mode == "RGBA" else None)
    ink = (255 - np.asarray(paper, np.float32)) * np.float32(about["ink_of_black"] / 255)
    count = side // patch
    by_patch = ink.reshape(count, patch, count, patch, 3).swapaxes(1, 2)
    found = by_patch.reshape(count * count, patch * patch * 3)
    if not about["edges"]:
        return found
    from picture_edges import edges  # beside this file

    return np.concatenate([found, edges(ink, patch, about["edges"])], axis=1)


class Captioner:
    """The folder that `lstmtui export RUN --to onnx` writes of a run for captions."""

    def __init__(self, folder):
        folder = Path(folder)
        self.about = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.encoder, self.decoder = (InferenceSession(folder / f"{part}.onnx") for part in ("encoder", "decoder"))
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))

    def caption(self, of_picture):
        """Return the caption of a picture's vectors (S, D)."""
        names = [output.name for output in self.encoder.get_outputs()]  # memory, keys, mask, the decoder's states
        read = self.encoder.run(names, {"vectors": of_picture[None].astype(np.float32)})
        known, token, found = dict(zip(names, read, strict=True)), self.about["end"], []
        for _ in range(self.about["max_length"]):
            log_p, _attention, *states = self.decoder.run(None, {"token": np.array([token]), **known})
            token = int(log_p[0].argmax())
            if token == self.about["end"]:
                break
            found.append(token)
            known.update(zip(names[3:], states, strict=True))
        return self.tokenizer.decode(found)


if __name__ == "__main__":
    captioner = Captioner(Path(__file__).parent)
    for path in sys.argv[1:]:
        print(captioner.caption(np.load(path) if path.endswith(".npy") else vectors(path, captioner.about)))
