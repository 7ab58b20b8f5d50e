"""Tests a message end to end: a Python client, a C client and a server process."""

import subprocess

from callie import Attachment, Message
from callie.blocking import Client

from conftest import PASSWORD, ROOT

FROM_PYTHON = "# Grüße aus Python\n\n**fett**, `code`, 你好 👋"
FROM_C = "> Grüße\n\n_zurück_ aus C: [link](https://example.org) 🎉"
IMAGE = Attachment("image", "https://example.org/%E2%9C%93.png", "✓.png", 204800, "image/png")


def test_python_and_c_exchange_messages(compile_c, server, name):
    python, c, absent = name("python"), name("c"), name("absent")
    # The third user has an account and is offline.
    with Client(server.url, absent, PASSWORD, register=True):
        pass
    peer = subprocess.Popen(
        [compile_c(ROOT / "bindings/c/tests/peer.c"), server.url, c, PASSWORD, python, absent],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with Client(server.url, python, PASSWORD, register=True) as client:
            assert peer.stdout.readline() == "ready\n", peer.stderr.read()
            assert client.send(c, FROM_PYTHON, [IMAGE]).outcome().kind == "delivered"
            answer = next(event for event in client if isinstance(event, Message))
            assert (answer.sender, answer.recipient, answer.text) == (c, python, FROM_C)
            (film,) = answer.attachments
            assert (film.kind, film.url) == ("video", "https://example.org/film.mp4")
            assert (film.filename, film.filetype, film.size) == ("film été.mp4", "video/mp4", 2**53 - 1)

            assert client.send(absent, "are you there?").outcome().kind == "offline"
        out, err = peer.communicate(timeout=30)
        assert (peer.returncode, out) == (0, "ok\n"), err
    finally:
        peer.kill()
        peer.wait()
