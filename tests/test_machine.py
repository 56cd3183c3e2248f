import os

from lstmtui.machine import cpu_count, memory_mb


def test_counts_the_processors_this_process_may_use():
    assert 1 <= cpu_count() <= (os.cpu_count() or 1)


def test_memory_grows_with_what_is_held():
    before = memory_mb()
    held = bytearray(os.urandom(1) * 80_000_000)
    assert memory_mb() > before + 50
    assert len(held) == 80_000_000
