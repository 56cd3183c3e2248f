"""Translation with ONNX Runtime, token by token, always the most probable one.

python translate.py "a dog runs"
"""

import json
import sys
from pathlib import Path

import numpy as np
from onnxruntime import InferenceSession
from tokenizers import Tokenizer


class Translator:
    """The folder that `lstmtui export RUN --to onnx` writes of a translation."""

    def __init__(self, folder):
        folder = Path(folder)
        self.about = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.encoder, self.decoder = (InferenceSession(folder / f"{part}.onnx") for part in ("encoder", "decoder"))
        files = (str(folder / f"tokenizer_{side}.json") for side in ("source", "target"))
        self.source, self.target = map(Tokenizer.from_file, files)

    def translate(self, line):
        """Return the translation of a line."""
        ids = [*self.source.encode(line.strip()).ids, self.about["source_end"]]
        names = [output.name for output in self.encoder.get_outputs()]  # memory, keys, mask, the decoder's states
        read = self.encoder.run(names, {"tokens": np.array([ids]), "lengths": np.array([len(ids)])})
        known, token, found = dict(zip(names, read, strict=True)), self.about["target_end"], []
        for _ in range(2 * len(ids) + 9):
            log_p, _attention, *states = self.decoder.run(None, {"token": np.array([token]), **known})
            token = int(log_p[0].argmax())
            if token == self.about["target_end"]:
                break
            found.append(token)
            known.update(zip(names[3:], states, strict=True))
        return self.target.decode(found)


if __name__ == "__main__":
    translator = Translator(Path(__file__).parent)
    for line in sys.argv[1:] or sys.stdin:
        print(translator.translate(line))
