import pytest

from lstmtui.common.closing import Closing


class Held(Closing):
    closed = False

    def close(self) -> None:
        self.closed = True


def test_the_end_of_a_block_closes_also_after_an_error():
    held = Held()
    with held as inside:
        assert inside is held
        assert not held.closed
    assert held.closed
    other = Held()
    with pytest.raises(ValueError, match="no"), other:
        raise ValueError("no")
    assert other.closed
