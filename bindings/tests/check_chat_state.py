"""Tests that the chat of one language, which CALLIE_CHAT starts, keeps its state in a file: for languages whose client does so.
"""

from check_chat import CHAT
from test_examples import continues_after_a_restart


def test_chat_continues_after_a_restart(tmp_path, name):
    continues_after_a_restart(CHAT, tmp_path, name)
