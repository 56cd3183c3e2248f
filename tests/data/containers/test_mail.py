from __future__ import annotations

import mailbox
from email.message import EmailMessage

from lstmtui.data.containers.budget import Budget
from lstmtui.data.containers.mail import recognises, texts


def test_subject_and_plain_text_of_each_message(tmp_path):
    path = tmp_path / "in.mbox"
    box = mailbox.mbox(path)
    for subject, body in (("Grüße", "Dear Anna,\nyes.\n"), ("", "Only a body.\n")):
        message = EmailMessage()
        message["Subject"], message["From"] = subject, "a@example.org"
        message.set_content(body)
        message.add_alternative("<p>not this</p>", subtype="html")
        message.add_attachment("nor this", filename="a.txt")
        box.add(message)
    box.flush()
    found = b"".join(texts(path, "in.mbox", Budget("in.mbox", path.stat().st_size))).decode()
    assert found == "Grüße\n\nDear Anna,\nyes.\n\nOnly a body.\n\n"
    assert recognises(path.read_bytes(), "in.mbox")
    assert not recognises(path.read_bytes(), "in.txt")


def test_damaged_messages_are_read_as_far_as_they_go(tmp_path):
    path = tmp_path / "in.mbox"
    head = b"From a Mon Jan  1 00:00:00 2024\nContent-Type: text/plain; charset=nothing\nSubject: =?bad?q?=\n\n"
    path.write_bytes(
        head + b"body \xff\n\nFrom b\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\ninner\n" + b"--x\n" * 50
    )
    found = b"".join(texts(path, "in.mbox", Budget("in.mbox", 1000))).decode()
    assert "body" in found
    assert "inner" in found
