import pytest

from lstmtui.errors import UsageError
from lstmtui.serving import secret_token


def test_a_token_is_made_once_and_is_private(tmp_path):
    path = tmp_path / "state" / "token"
    token, made = secret_token.stored(path)
    assert made
    assert len(token) >= 40
    assert path.stat().st_mode & 0o777 == 0o600
    assert secret_token.stored(path) == (token, False)


def test_a_token_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "token"
    secret_token.stored(path)
    path.chmod(0o644)
    with pytest.raises(UsageError, match="others can read"):
        secret_token.stored(path)


def test_a_link_or_a_folder_is_refused(tmp_path):
    secret_token.stored(tmp_path / "token")
    (tmp_path / "link").symlink_to(tmp_path / "token")
    for name in ("link", ""):
        with pytest.raises(UsageError):
            secret_token.stored(tmp_path / name)


@pytest.mark.parametrize(
    "token", ["", "short", "x" * 600, "with a space in it", "naïve-naïve-naïve", "line\nline\nline\nline"]
)
def test_tokens_that_are_weak_or_that_no_header_can_have_are_refused(token):
    with pytest.raises(UsageError, match="A token has"):
        secret_token.checked(token)
