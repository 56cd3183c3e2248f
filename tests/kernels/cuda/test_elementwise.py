"""tanh, columns and means of steps on the GPU, or its simulator, as on the processor."""

from __future__ import annotations

import numpy as np
from lstm_kernels.cpu import elementwise as on_the_processor
from lstm_kernels.cuda import arrays, elementwise

LENGTHS = np.array([4, 0, 1, 3], np.int32)


def on_both(name, *args, out, **options):
    """Call a function of both devices with copies of the same arrays, and return what each wrote to `out`."""
    expected, given = out.copy(), [arrays.to_device(a) if isinstance(a, np.ndarray) else a for a in args]
    found = arrays.to_device(out)
    getattr(on_the_processor, name)(*args, expected, 1, **options)
    getattr(elementwise, name)(*given, found, 1, **options)
    return arrays.to_host(found), expected


def test_tanh_and_its_gradient_agree_with_the_processor():
    x, dy = np.random.default_rng(1).normal(size=(2, 37))
    np.testing.assert_allclose(*on_both("tanh", x, out=np.empty(37)), rtol=1e-14)
    np.testing.assert_allclose(*on_both("tanh_backward", dy, np.tanh(x), out=np.empty(37)), rtol=1e-13)


def test_columns_agree_with_the_processor():
    x, wide = np.random.default_rng(1).normal(size=(5, 3)), np.random.default_rng(2).normal(size=(5, 7))
    np.testing.assert_array_equal(*on_both("put_columns", x, 4, out=wide))
    for add in (False, True):
        np.testing.assert_array_equal(*on_both("get_columns", wide, 1, out=x, add=add))


def test_means_of_steps_agree_with_the_processor():
    x, dout = np.random.default_rng(1).normal(size=(4, 4, 3)), np.random.default_rng(2).normal(size=(4, 3))
    np.testing.assert_allclose(*on_both("mean_of_steps", x, LENGTHS, out=np.empty((4, 3))), rtol=1e-14)
    np.testing.assert_allclose(*on_both("mean_of_steps_backward", dout, LENGTHS, out=x), rtol=1e-14)
