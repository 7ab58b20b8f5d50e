"""Tests the examples as they are documented, against a real server process."""

import json
import os
import subprocess
import sys
import urllib.request
from contextlib import contextmanager

import pytest

from conftest import BUILT, PASSWORD, ROOT, Server


@pytest.fixture
def python_chat():
    return [sys.executable, str(ROOT / "examples/python/chat.py")]


@pytest.fixture
def c_chat(compile_c):
    return [str(compile_c(ROOT / "examples/c/chat.c"))]


@contextmanager
def running(command):
    """Runs a chat, and ends it with the test."""
    chat = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "bindings/python")},
    )
    try:
        yield chat
    finally:
        chat.kill()
        chat.wait()
        chat.stdin.close()
        chat.stdout.close()


def type_line(chat, line):
    chat.stdin.write(line + "\n")
    chat.stdin.flush()


def revoke(url, user):
    """Ends all other login sessions of a user, as from another device."""

    def ask(method, path, token=None, body=None):
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read() or "null")

    token = ask("POST", "/api/v1/login", body={"username": user, "password": PASSWORD})["token"]
    for session in ask("GET", "/api/v1/sessions", token)["sessions"]:
        if not session["current"]:
            ask("DELETE", f"/api/v1/sessions/{session['sessionID']}", token)


def ends_by_itself(chat, url, name):
    """A chat ends when its login session ends, without any input."""
    user = name()
    with running([*chat, url, user, PASSWORD, "anyone"]) as ended:
        assert "is connected" in ended.stdout.readline()
        revoke(url, user)
        assert ended.wait(timeout=20) == 0
        out = ended.stdout.read()
        assert "SESSION_REVOKED" in out and out.count("\n") == 2, out


def says_what_is_not_sent(chat, url, name):
    """A line that cannot be sent ends a chat with the reason."""
    with running([*chat, url, name(), PASSWORD, "Not A Name"]) as failed:
        assert "is connected" in failed.stdout.readline()
        type_line(failed, "x")
        assert failed.wait(timeout=20) == 1
        (reason,) = (line for line in failed.stdout.read().splitlines() if not line.startswith("* "))
        assert reason.startswith("chat: ") and reason.endswith("(INVALID_ARGUMENT)")


def sends_a_long_line_whole(chat, url, name):
    """A line that is longer than the buffers of a terminal arrives as one message."""
    user, line = name(), "ä" * 8_000
    with running([*chat, url, user, PASSWORD, user]) as long:
        assert "is connected" in long.stdout.readline()
        type_line(long, line)
        assert long.stdout.readline() == f"{user}: {line}\n"


def continues_after_a_restart(chat, tmp_path, name):
    """A line that could not be sent is sent by the next chat with the same file."""
    import callie.blocking

    ada, bob, file = name("ada"), name("bob"), str(tmp_path / "state")
    server = Server(tmp_path)
    try:
        with running([*chat, server.url, ada, PASSWORD, bob, file]) as first:
            assert "is connected" in first.stdout.readline()
            server.kill()
            assert first.stdout.readline().startswith("* no connection")
            type_line(first, "from the first chat")
            first.stdin.close()
            assert "not delivered yet" in first.stdout.read()
        server = Server(tmp_path, listen=server.url.removeprefix("http://"))
        with callie.blocking.Client(server.url, bob, PASSWORD, register=True) as peer:
            with running([*chat, server.url, ada, PASSWORD, bob, file]):
                arrived = next(event for event in peer if isinstance(event, callie.Message))
                assert arrived.text == "from the first chat"
    finally:
        server.kill()


@pytest.mark.parametrize("chat", ["python_chat", "c_chat"])
def test_chat_continues_after_a_restart(chat, request, tmp_path, name):
    continues_after_a_restart(request.getfixturevalue(chat), tmp_path, name)


@pytest.mark.parametrize("chat", ["python_chat", "c_chat"])
@pytest.mark.parametrize("does", [ends_by_itself, says_what_is_not_sent, sends_a_long_line_whole])
def test_chat(chat, does, request, server, name):
    does(request.getfixturevalue(chat), server.url, name)


def test_chats_exchange_messages(python_chat, c_chat, server, name):
    ada, bob = name("ada"), name("bob")
    with running([*python_chat, server.url, ada, PASSWORD, bob]) as python:
        assert python.stdout.readline() == f"* {ada} is connected, write to {bob}\n"
        with running([*c_chat, server.url, bob, PASSWORD, ada]) as c:
            assert c.stdout.readline() == f"* {bob} is connected, write to {ada}\n"
            type_line(python, "Grüße an **C**")
            assert c.stdout.readline() == f"{ada}: Grüße an **C**\n"
            type_line(c, "und zurück 👋")
            assert python.stdout.readline() == f"{bob}: und zurück 👋\n"
            c.stdin.close()
            assert c.stdout.readline() == "* the application disconnected\n"
            assert c.wait(timeout=20) == 0
        type_line(python, "still there?")
        assert python.stdout.readline() == "* not delivered: offline\n"
        python.stdin.close()
        assert python.stdout.readline() == "* the application disconnected\n"
        assert python.wait(timeout=20) == 0


@pytest.mark.parametrize("chat", ["python_chat", "c_chat"])
def test_chat_that_cannot_start_prints_one_line(chat, request, server, name):
    command = request.getfixturevalue(chat)
    user = name("eve")
    with running([*command, server.url, user, PASSWORD, "anyone"]) as first:
        assert "is connected" in first.stdout.readline()
    for url, password, code in [
        (server.url, "another password", "INVALID_CREDENTIALS"),
        ("http://127.0.0.1:1", PASSWORD, "UNREACHABLE"),
        ("not a url", PASSWORD, "INVALID_ARGUMENT"),
    ]:
        with running([*command, url, user, password, "anyone"]) as refused:
            out, _ = refused.communicate(timeout=30)
            assert out.startswith("chat: ") and out.count("\n") == 1 and f"({code})" in out
            assert refused.returncode == 1


def test_rust_example_receives_its_own_message(server, name):
    user = name("rust")
    done = subprocess.run(
        [BUILT / "examples/hello", server.url, user, PASSWORD, user], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, f"{user}: Hello, **{user}**\n* delivered\n"), done.stderr


def test_bot_answers_a_message(python_chat, server, name):
    bot, ada = name("bot"), name("ada")
    with running([BUILT / "examples/bot", server.url, bot, PASSWORD]) as echo:
        assert echo.stdout.readline() == f"* {bot} is connected\n"
        with running([*python_chat, server.url, ada, PASSWORD, bot]) as chat:
            assert chat.stdout.readline() == f"* {ada} is connected, write to {bot}\n"
            type_line(chat, "Grüße")
            assert chat.stdout.readline() == f"{bot}: You said: Grüße\n"
