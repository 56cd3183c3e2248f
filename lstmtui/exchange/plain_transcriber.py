"""Transcription with ONNX Runtime, always the most probable label of a frame.

python transcribe.py a.wav b.flac
"""

import json
import sys
from pathlib import Path

import kaldi_native_fbank
import numpy as np
import soundfile
from onnxruntime import InferenceSession
from tokenizers import Tokenizer


def log_mel(samples, about):
    """Return the log-mel frames (F, mel) of samples (N,) from -1 to 1."""
    options = kaldi_native_fbank.FbankOptions()
    frame = options.frame_opts
    frame.samp_freq, frame.preemph_coeff = about["sample_rate"], about["preemphasis"]
    frame.frame_shift_ms, frame.frame_length_ms = about["shift_ms"], about["length_ms"]
    frame.dither, frame.snip_edges, options.mel_opts.num_bins = 0.0, False, about["mel"]
    bank = kaldi_native_fbank.OnlineFbank(options)
    bank.accept_waveform(about["sample_rate"], samples.tolist())
    bank.input_finished()
    return np.array([bank.get_frame(n) for n in range(bank.num_frames_ready)])


def network_input(frames, about):
    """Return frames (F, mel) with each band normalised, several to a step (T, mel * stack)."""
    mean, deviation = (np.array(about[name], np.float32) for name in ("mean", "deviation"))
    own = 0.0 if about["prior_frames"] is None else len(frames) / (len(frames) + about["prior_frames"])
    variance = own * frames.var(axis=0) + (1 - own) * deviation**2
    frames = frames - (own * frames.mean(axis=0) + (1 - own) * mean)
    frames /= np.maximum(np.sqrt(variance), about["min_deviation"])
    frames = np.concatenate([frames, frames[-1:].repeat(-len(frames) % about["stack"], axis=0)])
    return frames.reshape(-1, about["stack"] * about["mel"]).astype(np.float32)


class Transcriber:
    """The folder that `lstmtui export RUN --to onnx` writes of a run for speech."""

    def __init__(self, folder):
        folder = Path(folder)
        self.about = json.loads((folder / "features.json").read_text(encoding="utf-8"))
        self.model = InferenceSession(folder / "model.onnx")
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))

    def transcribe(self, samples):
        """Return what is said in samples (N,) of the rate that the network was trained with."""
        steps = network_input(log_mel(samples, self.about), self.about)
        inputs = {"features": steps[:, None], "lengths": np.array([len(steps)])}
        for state in self.model.get_inputs()[2:]:  # of a network of one direction, which begin with 0
            inputs[state.name] = np.zeros((state.shape[0], 1, state.shape[2]), np.float32)
        log_p = self.model.run(None, inputs)[0][:, 0]
        log_p[:, self.about["banned"]] = -np.inf
        best = log_p.argmax(axis=1)
        changed = np.diff(best, prepend=-1) != 0
        labels = [int(label) for label in best[changed] if label != 0]  # 0 is the blank, n + 1 is token n
        return " ".join(self.tokenizer.decode([label - 1 for label in labels]).split())


if __name__ == "__main__":
    transcriber = Transcriber(Path(__file__).parent)
    for path in sys.argv[1:]:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        if rate != transcriber.about["sample_rate"]:
            sys.exit(f"{path} has {rate} samples a second, not {transcriber.about['sample_rate']}.")
        print(transcriber.transcribe(samples.mean(axis=1)))
