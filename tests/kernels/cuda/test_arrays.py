"""Arrays on a GPU or its simulator."""

from __future__ import annotations

import numpy as np
from lstm_kernels.cuda import arrays
from lstm_kernels.cuda.arrays import to_device, to_host


def test_arrays_are_copied_added_and_filled():
    a = np.arange(12.0).reshape(3, 4)
    on, other = to_device(a), arrays.zeros((3, 4), np.float64)
    assert not to_host(other).any()
    arrays.copy(on, other)
    arrays.add(other, on)
    np.testing.assert_array_equal(to_host(other), 2 * a)
    arrays.fill(other, 3)
    arrays.copy_to_device(a[:2], other[1:])
    np.testing.assert_array_equal(to_host(other), [[3, 3, 3, 3], *a[:2]])
    np.testing.assert_array_equal(arrays.to_host_strided(on.reshape(12), 5), [0, 5, 10])
    assert arrays.overlap(on, on[:1])
    assert not arrays.overlap(on, other)


def test_arrays_without_elements_have_a_shape():
    none = arrays.zeros((3, 2, 0), np.float32)
    arrays.fill(none, 1)
    arrays.copy(none, none)
    assert none[1:].shape == (2, 2, 0)
    assert none[0].shape == (2, 0)
    assert none.reshape(6, 0).shape == (6, 0)
    assert to_host(none).shape == (3, 2, 0)
    assert to_host(arrays.view(arrays.zeros(4, np.float32), 4, (0, 7))).shape == (0, 7)
