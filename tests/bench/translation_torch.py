"""The translation model of lstmtui in PyTorch, for `alternating`. Needs the `bench` extra.

`TwoStoreys` is its twin from `torch.nn` layers; `InputFed` is the conditional GRU (Sennrich et al. 2017,
arXiv:1703.04357), a loop over time in which each step reads the context of the step itself. In training and with random
weights sequences are padded, not packed: that is faster here, and reads a little of what stands behind the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from alternating import Step
from torch import nn
from translation_ours import END, SMOOTHING, Lengths, random_batch

from lstmtui import config
from lstmtui.data.pairs import encode_lines, line_end
from lstmtui.engine.inference import loaded_translator
from lstmtui.engine.inference.best_weights import load_best_weights
from lstmtui.engine.nn.translation_model import parameters
from lstmtui.runs.folder import RunFolder

F = torch.nn.functional


class Translation(nn.Module):
    """What both decoders have: tables, bidirectional encoder, keys, bridge, attention and softmax."""

    def __init__(self, cell: str, sizes: Sequence[int], targets: int | None = None) -> None:
        """`targets` is how many of the V tokens, the first, the softmax chooses from; None for all."""
        super().__init__()
        V, E, H = sizes
        targets = V if targets is None else targets
        self.layer = {"gru": nn.GRU, "lstm": nn.LSTM}[cell]
        self.is_lstm, self.hidden = cell == "lstm", H
        self.embedding, self.encoder = nn.Embedding(V, E), self.layer(E, H, bidirectional=True)
        self.keys, self.queries = nn.Linear(2 * H, H, bias=False), nn.Linear(H, H, bias=False)
        self.bridge = nn.Linear(2 * H, (4 if self.is_lstm else 2) * H)
        self.output, self.bias = nn.Linear(3 * H + E, E), nn.Parameter(torch.zeros(targets))
        self.rates = {"embeddings": 0.0, "layers": 0.0}

    def drop(self, values: Any, rate: str) -> Any:
        """Return values (T, B, N) after locked dropout in training: one mask (B, N) for all steps."""
        share = 1 - self.rates[rate]
        if not self.training or share == 1:
            return values
        return values * torch.empty_like(values[0]).bernoulli_(share).div_(share)

    def embed(self, tokens: Any) -> Any:
        """Return the embeddings (T, B, E) of tokens (T, B)."""
        return self.drop(self.embedding(tokens), "embeddings")

    def encode(self, source: Any, lengths: Any, *, packed: bool = False) -> tuple[Any, ...]:
        """Return memory (B, S, M), keys (B, S, A), mask (B, 1, S) and the initial states."""
        below = self.embed(source)
        if packed:
            below = nn.utils.rnn.pack_padded_sequence(below, lengths, enforce_sorted=False)
        above = self.encoder(below)[0]
        if packed:
            above, _ = nn.utils.rnn.pad_packed_sequence(above, total_length=len(source))
        return self.read(above, lengths)

    def read(self, above: Any, lengths: Any) -> tuple[Any, ...]:
        """Return what the decoder reads of the outputs (S, B, M) of an encoder, as `encode` does."""
        memory = above.transpose(0, 1)
        real = torch.arange(len(above))[None] < lengths[:, None]
        mean = (memory * real[:, :, None]).sum(1) / lengths[:, None]
        initial = torch.tanh(self.bridge(mean))[None].chunk(4 if self.is_lstm else 2, dim=2)
        states = (
            [tuple(s.contiguous() for s in pair) for pair in (initial[:2], initial[2:])] if self.is_lstm else initial
        )
        return memory, self.keys(memory), ~real[:, None], [s if self.is_lstm else s.contiguous() for s in states]

    def attend(self, h1: Any, memory: Any, keys: Any, mask: Any) -> Any:
        """Return contexts (T, B, M) of states (T, B, H)."""
        scores = self.queries(h1).transpose(0, 1) @ keys.transpose(1, 2) * self.hidden**-0.5
        return (scores.masked_fill(mask, -1e30).softmax(2) @ memory).transpose(0, 1)

    def logits(self, *parts: Any) -> Any:
        """Return logits (..., V) of what stands side by side."""
        table = self.embedding.weight[: len(self.bias)]
        return F.linear(self.drop(torch.tanh(self.output(torch.cat(parts, -1))), "layers"), table, self.bias)


class TwoStoreys(Translation):
    """Attention of all target steps at once, between two layers."""

    def __init__(self, cell: str, sizes: Sequence[int], targets: int | None = None) -> None:
        super().__init__(cell, sizes, targets)
        _, E, H = sizes
        self.lower, self.upper = self.layer(E, H), self.layer(3 * H, H)

    def decode(self, inputs: Any, encoded: tuple[Any, ...], states: Any) -> tuple[Any, Any]:
        """Return logits (T, B, V) and the states after them."""
        below = self.embed(inputs)
        h1, lower = self.lower(below, states[0])
        context = self.drop(self.attend(h1, *encoded), "layers")
        h2, upper = self.upper(torch.cat([h1, context], 2), states[1])
        return self.logits(h2, context, below), [lower, upper]

    def forward(self, source: Any, lengths: Any, inputs: Any) -> Any:
        """Return logits (T, B, V)."""
        *encoded, states = self.encode(source, lengths)
        return self.decode(inputs, tuple(encoded), states)[0]


class InputFed(Translation):
    """A conditional GRU: two cells a step, with attention between them."""

    def __init__(self, cell: str, sizes: Sequence[int]) -> None:
        super().__init__(cell, sizes)
        _, E, H = sizes
        self.first, self.second = nn.GRUCell(E, H), nn.GRUCell(2 * H, H)

    def forward(self, source: Any, lengths: Any, inputs: Any) -> Any:
        """Return logits (T, B, V)."""
        *encoded, states = self.encode(source, lengths)
        below, h, found = self.embed(inputs), states[0][0], []
        for x in below:
            first = self.first(x, h)
            context = self.attend(first[None], *encoded)[0]
            h = self.second(context, first)
            found.append((h, context))
        outputs, contexts = (torch.stack(each) for each in zip(*found, strict=True))
        return self.logits(outputs, contexts, below)


MODELS = {"two storeys": TwoStoreys, "input-fed": InputFed}


def training_step(kind: str, cell: str, sizes: Sequence[int], lengths: Lengths, threads: int, precision: str) -> Step:
    """Return a training step on one batch, from the embedding to updated weights."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    batch, model = random_batch(lengths, sizes[0]), MODELS[kind](cell, sizes)
    source, source_lengths, inputs, targets = (torch.tensor(part).long() for part in batch[:4])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            logits = model(source, source_lengths, inputs).flatten(0, 1)
            loss = F.cross_entropy(logits, targets.flatten(), ignore_index=-1, label_smoothing=SMOOTHING)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def decoding(
    cell: str, sizes: Sequence[int], lengths: Lengths, threads: int, precision: str, beam: int, steps: int
) -> Step:
    """Return what searches the best translation of every source, 64 at once; all of them have `steps` tokens."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model, ordered = TwoStoreys(cell, sizes), sorted(lengths)
    batches = [random_batch(ordered[at : at + 64], sizes[0]) for at in range(0, len(ordered), 64)]
    given = [tuple(torch.tensor(part).long() for part in batch[:2]) for batch in batches]

    @torch.inference_mode()
    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            for source, source_lengths in given:
                beam_search(model, source, source_lengths, beam, steps)

    return step


def beam_search(model: TwoStoreys, source: Any, lengths: Any, beam: int, steps: int) -> Any:
    """Return the tokens (steps, B, beam) of the most probable hypotheses, all of a batch at once."""
    B = source.shape[1]
    memory, keys, mask, states = model.encode(source, lengths)
    encoded = tuple(part.repeat_interleave(beam, 0) for part in (memory, keys, mask))
    states = [_rows(state, torch.arange(B).repeat_interleave(beam)) for state in states]
    tokens, scores = torch.full((B * beam,), END), torch.full((B, beam), -1e30)
    scores[:, 0], written = 0, torch.zeros((0, B * beam), dtype=torch.long)
    for _ in range(steps):
        logits, states = model.decode(tokens[None], encoded, states)
        log_p = logits[0].float().log_softmax(1).view(B, beam, -1)
        log_p[:, :, END] = -1e30  # nothing ends before the last step, on either side
        V = log_p.shape[2]
        scores, at = (scores[:, :, None] + log_p).view(B, -1).topk(beam, 1)
        rows = (at // V + torch.arange(B)[:, None] * beam).flatten()
        tokens = (at % V).flatten()
        states = [_rows(state, rows) for state in states]
        written = torch.cat([written[:, rows], tokens[None]])
    return written.view(steps, B, beam)


def _rows(state: Any, rows: Any) -> Any:
    return tuple(s[:, rows] for s in state) if isinstance(state, tuple) else state[:, rows]


# --- a trained run ----------------------------------------------------------------------------------------------------


def trained_twin(run: str) -> tuple[TwoStoreys, Any]:
    """Return the twin with the best weights of a run of lstmtui, and the run's tokenizers.

    run  path of a run for translation with a joint vocabulary, one layer in the encoder and GRU or LSTM
    """
    found = RunFolder(Path(run))
    settings = config.load(found.config)
    tokenizers = loaded_translator.load_tokenizers(found, settings)
    sizes = loaded_translator.sizes_of(settings, tokenizers)
    identity = loaded_translator.identity_of(settings, tokenizers)
    _, weights = load_best_weights(found, settings, parameters(sizes), identity)
    model = TwoStoreys(sizes.cell, (sizes.source_vocabulary, sizes.embedding, sizes.hidden), sizes.target_vocabulary)
    given = {name: torch.tensor(array.copy()) for name, array in weights.views.items()}
    own = {
        "embedding.weight": given["embedding"],
        "keys.weight": given["keys.W"],
        "queries.weight": given["queries.W"],
        "bridge.weight": given["bridge.W"],
        "bridge.bias": given["bridge.b"],
        "output.weight": given["output.W"],
        "output.bias": given["output.b"],
        "bias": given["softmax.b"],
    }
    layers = {
        ("encoder", ""): "encoder.0.forward",
        ("encoder", "_reverse"): "encoder.0.backward",
        ("lower", ""): "decoder.lower.0",
        ("upper", ""): "decoder.upper.0",
    }
    for (module, direction), name in layers.items():
        own[f"{module}.weight_ih_l0{direction}"] = given[f"{name}.W_ih"]
        own[f"{module}.weight_hh_l0{direction}"] = given[f"{name}.W_hh"]
        own[f"{module}.bias_ih_l0{direction}"] = given[f"{name}.b"]
        inside = torch.zeros_like(given[f"{name}.b"])  # the GRU has a bias inside its reset, which is the last third
        inside[len(inside) - given[f"{name}.unit"].numel() :] = given[f"{name}.unit"].flatten()
        own[f"{module}.bias_hh_l0{direction}"] = inside
    model.load_state_dict(own)
    return model.eval(), tokenizers


def translate(model: TwoStoreys, tokenizers: Any, lines: Sequence[str], beam: int, alpha: float = 1.0) -> list[str]:
    """Return the best translation of each line, 64 lines of like length at once.

    A hypothesis that has ended keeps its place; a sentence leaves the batch as soon as none of its live hypotheses can
    win. That is the search of lstmtui, in what PyTorch offers for it.
    """
    end, source = line_end(tokenizers.target), encode_lines(lines, tokenizers.source)
    order, found = sorted(range(len(lines)), key=lambda n: len(source[n])), [""] * len(lines)
    for at in range(0, len(order), 64):
        chosen = order[at : at + 64]
        lengths = torch.tensor([len(source[n]) for n in chosen])
        padded = nn.utils.rnn.pad_sequence([torch.tensor(source[n]).long() for n in chosen])
        for n, ids in zip(chosen, _search_until_decided(model, padded, lengths, beam, end, alpha), strict=True):
            found[n] = tokenizers.target.text(ids).strip()
    return found


def _search_until_decided(
    model: TwoStoreys, source: Any, lengths: Any, beam: int, end: int, alpha: float
) -> list[list[int]]:
    """Return the tokens of the best translation of each sentence of a batch, without its end."""
    B = source.shape[1]
    memory, keys, mask, states = model.encode(source, lengths, packed=True)
    encoded = tuple(part.repeat_interleave(beam, 0) for part in (memory, keys, mask))
    states = [_rows(state, torch.arange(B).repeat_interleave(beam)) for state in states]
    limits = 2 * lengths + 10
    longest = ((5 + limits) / 6) ** alpha
    which, room = torch.arange(B), torch.full((B,), beam)
    tokens, scores = torch.full((B * beam,), end), torch.full((B, beam), -torch.inf)
    scores[:, 0], written = 0, torch.zeros((B * beam, 0), dtype=torch.long)
    best, found = torch.full((B,), -torch.inf), [list[int]() for _ in range(B)]
    for length in range(1, int(limits.max()) + 1):
        logits, states = model.decode(tokens[None], encoded, states)
        log_p = logits[0].float().log_softmax(1).view(len(which), beam, -1)
        last = limits[which] == length
        if last.any():
            of_end = log_p[last, :, end].clone()
            log_p[last] = -torch.inf
            log_p[last, :, end] = of_end
        V = log_p.shape[2]
        scores, at = (scores[:, :, None] + log_p).view(len(which), -1).topk(beam, 1)
        scores[torch.arange(beam) >= room[:, None]] = -torch.inf  # an ended hypothesis keeps its place
        rows = (at // V + torch.arange(len(which))[:, None] * beam).flatten()
        tokens = (at % V).flatten()
        written = torch.cat([written[rows], tokens[:, None]], 1)
        ended = (at % V == end) & (scores > -torch.inf)
        penalised = scores / ((5 + length) / 6) ** alpha
        for b, k in ended.nonzero().tolist():
            if penalised[b, k] > best[which[b]]:
                best[which[b]], found[which[b]] = penalised[b, k], written[b * beam + k, :-1].tolist()
        room = room - ended.sum(1)
        scores[ended] = -torch.inf
        undecided = scores.max(1).values / longest[which] > best[which]
        if not undecided.any():
            break
        kept = torch.arange(len(tokens)).view(-1, beam)[undecided].flatten()
        states = [_rows(state, rows[kept]) for state in states]
        if not undecided.all():
            encoded = tuple(part[kept] for part in encoded)
        tokens, written, scores = tokens[kept], written[kept], scores[undecided]
        which, room = which[undecided], room[undecided]
    return found


def trained_decoding(run: str, lines: Sequence[str], threads: int, precision: str, beam: int) -> Step:
    """Return what translates all lines with the weights of a run."""
    torch.set_num_threads(threads)
    model, tokenizers = trained_twin(run)

    @torch.inference_mode()
    def step() -> list[str]:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            return translate(model, tokenizers, lines, beam)

    return step
