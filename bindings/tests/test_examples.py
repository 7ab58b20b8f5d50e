"""The examples, run as a reader runs them, against a real server process."""

import os
import subprocess
import sys
from contextlib import contextmanager

import pytest

from conftest import BUILT, PASSWORD, ROOT


@pytest.fixture
def python_chat():
    return [sys.executable, str(ROOT / "examples/python/chat.py")]


@pytest.fixture
def c_chat(compile_c):
    return [str(compile_c(ROOT / "examples/c/chat.c", "-pthread"))]


@contextmanager
def running(command):
    """Runs a chat; it is ended with the test."""
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


def test_the_chats_talk_to_each_other(python_chat, c_chat, server, name):
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
def test_a_chat_says_in_one_line_why_it_cannot_begin(chat, request, server, name):
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


def test_the_rust_example_hears_itself(server, name):
    user = name("rust")
    done = subprocess.run(
        [BUILT / "examples/hello", server.url, user, PASSWORD, user], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, f"{user}: Hello, **{user}**\n* delivered\n"), done.stderr


def test_the_bot_answers_who_writes_to_it(python_chat, server, name):
    bot, ada = name("bot"), name("ada")
    with running([BUILT / "examples/bot", server.url, bot, PASSWORD]) as echo:
        assert echo.stdout.readline() == f"* {bot} is connected\n"
        with running([*python_chat, server.url, ada, PASSWORD, bot]) as chat:
            assert chat.stdout.readline() == f"* {ada} is connected, write to {bot}\n"
            type_line(chat, "Grüße")
            assert chat.stdout.readline() == f"{bot}: You said: Grüße\n"
