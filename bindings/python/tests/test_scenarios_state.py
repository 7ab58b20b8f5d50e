"""The scenarios of a client that outlives its process, with a state file or a store of the application."""

import asyncio
import os
import subprocess
import sys
import threading

import pytest

import callie
import callie.blocking
from callie import Closed, Ended

from programs import PACKAGE
from test_scenarios import SOON, bed, env, enter, message, outcome, scenario, until, url  # noqa: F401

#: A server that is not there.
NOBODY = "http://127.0.0.1:9"

#: Sends a message and waits to be killed.
KILLED = """
import sys, time
import callie.blocking

url, token, file = sys.argv[1:]
client = callie.blocking.Client(url, "ada", token=token, state_file=file)
client.start()
print(client.send("bob", "before the kill").message_id, flush=True)
time.sleep(600)
"""


def client(file, name="ada", url=NOBODY, **options):
    return callie.Client(url, name, token="token", state_file=file, **options)


@scenario
async def test_killed_client_sends_what_it_accepted(env, tmp_path):
    url, file = env.url("server"), tmp_path / "state"
    async with enter(url, "ada") as ada:
        token = ada.token
    async with enter(env.url("direct"), "bob") as bob:
        env.ask("refuse")
        program = subprocess.Popen(
            [sys.executable, "-c", KILLED, url, token, str(file)],
            env={**os.environ, "PYTHONPATH": str(PACKAGE)},
            stdout=subprocess.PIPE,
            text=True,
        )
        accepted = program.stdout.readline().strip()
        with pytest.raises(callie.StateError) as refused:
            await callie.Client(url, "ada", token=token, state_file=file).login()
        assert refused.value.code == "STATE_IN_USE"
        program.kill()
        program.wait()
        program.stdout.close()
        env.ask("accept")
        ada = callie.Client(url, "ada", token=token, state_file=file)
        await ada.login()
        (pending,) = ada.pending
        assert pending.message_id == accepted
        await ada.connect()
        arrived = await message(bob)
        assert (arrived.text, arrived.message_id) == ("before the kill", accepted)
        assert (await outcome(pending)).kind == "delivered"
        ended = await until(ada, lambda event: isinstance(event, Ended))
        assert (ended.ticket, ended.message_id) == (pending.number, accepted)
        assert ada.pending == []
        await ada.disconnect()


@scenario
async def test_nothing_is_shown_twice_after_a_restart(env, tmp_path):
    url = env.url("hostile liar")
    async with client(tmp_path / "state", url=url) as ada:
        assert (await message(ada)).text == "once"
    async with client(tmp_path / "state", url=url) as ada:
        assert await ada.ping()
        assert (ada.stats.messages_received, ada.stats.duplicates) == (0, 2)


@scenario
async def test_damaged_state_is_set_aside(tmp_path):
    file = tmp_path / "state"
    ada = client(file)
    await ada.login()
    kept = ada.send("bob", "kept")
    await ada.disconnect()
    assert (await outcome(kept)).kind == "pending"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    ada = client(str(file))
    with pytest.raises(callie.StateError) as refused:
        await ada.login()
    assert refused.value.code == "STATE_DAMAGED"
    (aside,) = tmp_path.glob("state.damaged-*")
    assert aside.read_bytes() == content and str(aside) in refused.value.reason
    await ada.login()
    assert ada.pending == []
    await ada.disconnect()


@scenario
async def test_state_of_another_user_is_refused(tmp_path):
    file = tmp_path / "state"
    ada = client(file)
    await ada.login()
    await ada.disconnect()
    with pytest.raises(callie.StateError) as refused:
        await client(file, "bob").login()
    assert refused.value.code == "STATE_OF_OTHER_USER"
    with pytest.raises(callie.StateError) as refused:
        await client(file, url="http://127.0.0.1:10").login()
    assert refused.value.code == "STATE_OF_OTHER_SERVER"


@scenario
async def test_state_in_use_is_refused(tmp_path):
    file = tmp_path / "state"
    ada = client(file)
    await ada.login()
    with pytest.raises(callie.StateError) as refused:
        await client(file).login()
    assert refused.value.code == "STATE_IN_USE"
    ada.send("bob", "the first client continues")
    await ada.disconnect()
    ada = client(file)
    await ada.login()
    await ada.disconnect()


class Memory:
    """A store in memory, which can be made to fail."""

    def __init__(self):
        self.records = {}
        self.fails = False
        self.threads = set()

    def load(self):
        self.threads.add(threading.get_ident())
        return dict(self.records)

    def write(self, puts, deletes):
        self.threads.add(threading.get_ident())
        if self.fails:
            raise OSError("the database is locked")
        self.records.update(puts)
        for key in deletes:
            self.records.pop(key, None)


@scenario
async def test_application_store_keeps_the_state(url):
    store = Memory()
    async with enter(url, "ada") as ada:
        token = ada.token
    async with enter(url, "bob") as bob:
        ada = callie.Client(url, "ada", token=token, state_store=store)
        await ada.login()
        sent = ada.send("bob", "from the store")
        await ada.disconnect()
        assert len(store.threads) == 1 and threading.get_ident() not in store.threads
        async with callie.Client(url, "ada", token=token, state_store=store) as ada:
            assert (await message(bob)).message_id == sent.message_id
    assert {type(value) for value in store.records.values()} == {bytes}


@scenario
async def test_failing_store_ends_the_client():
    store = Memory()
    ada = callie.Client(NOBODY, "ada", token="token", state_store=store)
    await ada.login()
    stored = ada.send("bob", "stored")
    store.fails = True
    with pytest.raises(callie.StateError) as refused:
        ada.send("bob", "not stored")
    assert refused.value.code == "STATE_UNAVAILABLE" and "the database is locked" in refused.value.reason
    assert (await outcome(stored)).kind == "pending"
    assert (await until(ada, lambda event: isinstance(event, Closed))).code == "STATE_UNAVAILABLE"
    assert sum(key.startswith("message/") for key in store.records) == 1


@scenario
async def test_failing_store_is_an_error_of_the_login():
    class Broken(Memory):
        def load(self):
            return {"key": "not bytes"}

    with pytest.raises(callie.StateError) as refused:
        await callie.Client(NOBODY, "ada", token="token", state_store=Broken()).login()
    assert refused.value.code == "STATE_UNAVAILABLE"


@scenario
async def test_store_cannot_send():
    class Sends(Memory):
        refused = None

        def write(self, puts, deletes):
            super().write(puts, deletes)
            if any(key.startswith("message/") for key in puts):
                try:
                    ada.send("bob", "from the store")
                except callie.InvalidArgument as error:
                    self.refused = error

    store = Sends()
    ada = callie.Client(NOBODY, "ada", token="token", state_store=store)
    await ada.login()
    ada.send("bob", "hello")
    await ada.disconnect()
    assert store.refused is not None


def test_blocking_client_lists_pending_messages(tmp_path):
    file = tmp_path / "state"
    ada = callie.blocking.Client(NOBODY, "ada", token="token", state_file=file)
    ada.login()
    sent = ada.send("bob", "kept")
    ada.disconnect()
    ada = callie.blocking.Client(NOBODY, "ada", token="token", state_file=file)
    ada.login()
    assert [ticket.message_id for ticket in ada.pending] == [sent.message_id]
    ada.disconnect()
