"""Tests the chat of one language, which CALLIE_CHAT starts, against a real server. `make test-kotlin`, `make test-swift` and
`make test-typescript` run it.
"""

import os
import shlex

import pytest

from conftest import PASSWORD
from test_examples import (
    ends_by_itself,
    running,
    says_what_is_not_sent,
    sends_a_long_line_whole,
    type_line,
)

CHAT = shlex.split(os.environ["CALLIE_CHAT"])


def test_two_chats_exchange_messages(server, name):
    ada, bob = name("ada"), name("bob")
    with running([*CHAT, server.url, ada, PASSWORD, bob]) as one:
        assert one.stdout.readline() == f"* {ada} is connected, write to {bob}\n"
        with running([*CHAT, server.url, bob, PASSWORD, ada]) as other:
            assert other.stdout.readline() == f"* {bob} is connected, write to {ada}\n"
            type_line(one, "Grüße an **alle**")
            assert other.stdout.readline() == f"{ada}: Grüße an **alle**\n"
            type_line(other, "und zurück 👋")
            assert one.stdout.readline() == f"{bob}: und zurück 👋\n"
            other.stdin.close()
            assert other.stdout.readline() == "* the application disconnected\n"
            assert other.wait(timeout=20) == 0
        type_line(one, "still there?")
        assert one.stdout.readline() == "* not delivered: offline\n"
        one.stdin.close()
        assert one.stdout.readline() == "* the application disconnected\n"
        assert one.wait(timeout=20) == 0


@pytest.mark.parametrize("does", [ends_by_itself, says_what_is_not_sent, sends_a_long_line_whole])
def test_chat(does, server, name):
    does(CHAT, server.url, name)


@pytest.mark.parametrize("url, code", [("http://127.0.0.1:1", "UNREACHABLE"), ("not a url", "INVALID_ARGUMENT")])
def test_chat_that_cannot_start_prints_one_line(url, code):
    with running([*CHAT, url, "ada", PASSWORD, "bob"]) as refused:
        out, _ = refused.communicate(timeout=30)
        assert out.startswith("chat: ") and out.count("\n") == 1 and f"({code})" in out
        assert refused.returncode == 1
