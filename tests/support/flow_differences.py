"""Gradients of the states of layers with three units by central differences, for tests of gradient flow."""

from __future__ import annotations

import numpy as np

from lstmtui.engine.backend import Steps


def shifted(stack, number: int, t: int, b: int, at: tuple[int, int], by: float):
    """Return a forward pass that reads one carried state, of h or c, shifted by `by` before step t."""
    whole, calls = stack.recurrence.forward, []

    def forward(steps, W_hh, unit, threads):
        products = steps.gates.copy()
        whole(steps, W_hh, unit, threads)
        calls.append(None)
        if len(calls) - 1 != number:
            return
        state = (steps.h, steps.c)[at[0]]
        before = state[t].copy()
        state[t, b, at[1]] += by
        steps.gates[t:] = products[t:]
        left = np.maximum(steps.lengths - t, 0).astype(np.int32)
        whole(
            Steps(steps.gates[t:], steps.h[t:], steps.c[t:], steps.extra[t:], left, steps.scratch), W_hh, unit, threads
        )
        state[t] = before

    return stack.recurrence._replace(forward=forward)


def by_differences(model, batch, layer, lengths, at: tuple[int, int]) -> float:
    """Return the mean over sequences of the norm of the gradient of a state.

    lengths  (N,) of the sequences that the layer reads; sequence n belongs to example n % B of the batch
    at       how many steps before the last, and which state: 0 for h, 1 for c
    """
    (lag, state), examples, norms, stack = at, batch.inputs.shape[1], [], layer.stack
    compiled = stack.recurrence
    for n, length in enumerate(lengths):
        found = np.zeros(3)
        for j in range(3):
            losses = []
            for by in (1e-5, -1e-5):
                stack.recurrence = compiled
                stack.recurrence = shifted(stack, layer.number, int(length) - lag, n, (state, j), by)
                losses.append(model.evaluate(batch)[-1, n % examples])
            found[j] = (losses[0] - losses[1]) / 2e-5
        stack.recurrence = compiled
        norms.append(float(np.linalg.norm(found)))
    return float(np.mean(norms))
