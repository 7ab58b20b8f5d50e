"""Forks: a child may use the library if its parent did not; otherwise its calls fail immediately. The parent is never affected.
With each installed Python."""

import os

import pytest

import callie
import callie.blocking

from conftest import PASSWORD
from programs import pythons, run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

OPENING = """
import asyncio, os, signal, sys, warnings
import callie, callie.blocking

warnings.simplefilter("ignore", DeprecationWarning)   # 3.12 on: fork beside threads
URL, NAME, TOKEN = sys.argv[1:]

def ping():
    with callie.blocking.Client(URL, NAME, token=TOKEN) as client:
        return bool(client.ping())

def reason(work):
    try:
        return repr(work())
    except callie.Internal as error:
        return error.code

def in_child(work):
    process = os.fork()
    if process == 0:
        signal.alarm(20)
        print(work(), flush=True)
        os._exit(0)
    assert os.waitpid(process, 0)[1] == 0
"""

PROGRAMS = {
    "first used in the child": ("in_child(ping)\nin_child(ping)\nprint(ping())", "True True True"),
    "made before the fork, used after it": (
        "client = callie.blocking.Client(URL, NAME, token=TOKEN)\n"
        "def use():\n"
        "    with client:\n"
        "        return bool(client.ping())\n"
        "in_child(use)\n"
        "print(use())",
        "True True",
    ),
    "a log before the fork": ("callie.set_logger(callie.TRACE)\nin_child(lambda: reason(ping))\nprint(ping())", "FORKED True"),
    "the version": (
        "ping()\n"
        "in_child(lambda: callie.__version__ == callie.version() != '')\n"
        "print(ping())",
        "True True",
    ),
    "new clients in both": ("ping()\nin_child(lambda: reason(ping))\nprint(ping())", "FORKED True"),
    "asyncio in the child": (
        "async def work():\n"
        "    async with callie.Client(URL, NAME, token=TOKEN) as client:\n"
        "        return await client.ping()\n"
        "asyncio.run(work())\n"
        "in_child(lambda: reason(lambda: asyncio.run(work())))\n"
        "print(bool(asyncio.run(work())))",
        "FORKED True",
    ),
    "every call of an inherited client": (
        "import gc\n"
        "client = callie.blocking.Client(URL, NAME, token=TOKEN)\n"
        "client.connect()\n"
        "ticket = client.send(NAME, 'x')\n"
        "def calls():\n"
        "    found = {reason(call) for call in (\n"
        "        client.ping, client.connect, client.start, client.disconnect, client.suspend, client.resume,\n"
        "        client.next_events, lambda: client.stats, client.get_settings, ticket.outcome, client.logout,\n"
        "        client.network_changed, lambda: client.send(NAME, 'x'), lambda: client.state, lambda: client.limits,\n"
        "        lambda: client.listen(print), lambda: client.token, lambda: next(client), lambda: client.pending,\n"
        "        lambda: callie.blocking.Client(URL, NAME, token=TOKEN),\n"
        "        lambda: asyncio.run(callie.Server(URL).login(NAME, 'password')),\n"
        "        lambda: callie.check_payload('{}'), lambda: callie.check_server_payload('{}'),\n"
        "    )}\n"
        "    globals().pop('client'), globals().pop('ticket')\n"
        "    gc.collect()\n"
        "    return found\n"
        "in_child(calls)\n"
        "while not any(isinstance(event, callie.Message) for event in client.next_events()):\n"
        "    pass\n"
        "print(ticket.outcome().kind, bool(client.ping()))\n"
        "client.disconnect()",
        "{'FORKED'} delivered True",
    ),
    "a state file and a state store": (
        "import tempfile\n"
        "class Store:\n"
        "    writes = 0\n"
        "    def load(self):\n"
        "        return {}\n"
        "    def write(self, puts, deletes):\n"
        "        self.writes += 1\n"
        "folder, store = tempfile.TemporaryDirectory(), Store()\n"
        "file = os.path.join(folder.name, 'state')\n"
        "clients = [callie.blocking.Client(URL, NAME, token=TOKEN, **how) for how in ({'state_file': file}, {'state_store': store})]\n"
        "for client in clients:\n"
        "    client.login()\n"
        "    client.send(NAME, 'x')\n"
        "def state():\n"
        "    with open(file, 'rb') as content:\n"
        "        return content.read(), store.writes\n"
        "before = state()\n"
        "in_child(lambda: ({reason(lambda: c.send(NAME, 'y')) for c in clients}, state() == before))\n"
        "print(state() == before, [len(client.pending) for client in clients])\n"
        "for client in clients:\n"
        "    client.disconnect()",
        "({'FORKED'}, True) True [1, 1]",
    ),
    "processes of multiprocessing": (
        "import multiprocessing, concurrent.futures\n"
        "def code():\n"
        "    return reason(ping)\n"
        "ping()\n"
        "fork = multiprocessing.get_context('fork')\n"
        "with concurrent.futures.ProcessPoolExecutor(2, mp_context=fork) as pool:\n"
        "    print(*{pool.submit(code).result() for _ in range(4)})\n"
        "print(ping())",
        "FORKED True",
    ),
    "a pool that is forked first": (
        "import multiprocessing, concurrent.futures\n"
        "fork = multiprocessing.get_context('fork')\n"
        "with concurrent.futures.ProcessPoolExecutor(2, mp_context=fork) as pool:\n"
        "    print(*{pool.submit(ping).result() for _ in range(4)})",
        "True",
    ),
}


@pytest.fixture(scope="module")
def user(server):
    client = callie.blocking.Client(server.url, "fork.user", PASSWORD, register=True)
    client.login()
    return server.url, "fork.user", client.token


@pytest.mark.parametrize("version", pythons())
@pytest.mark.parametrize("what", PROGRAMS)
def test_fork(user, what, version):
    program, expected = PROGRAMS[what]
    code, output, errors = run(OPENING + program, *user, python=pythons()[version])
    assert (code, " ".join(output.split()), errors) == (0, expected, "")


def test_parent_continues_while_children_fail(user):
    """Messages continue to arrive in the parent while children use inherited objects."""
    program = (
        "client = callie.blocking.Client(URL, NAME, token=TOKEN)\n"
        "client.connect()\n"
        "for n in range(20):\n"
        "    in_child(lambda: reason(ping))\n"
        "    client.send(NAME, str(n))\n"
        "texts = []\n"
        "while len(texts) < 20:\n"
        "    texts += [e.text for e in client.next_events(timeout=20) if isinstance(e, callie.Message)]\n"
        "client.disconnect()\n"
        "assert texts == [str(n) for n in range(20)]"
    )
    code, output, errors = run(OPENING + program, *user)
    assert (code, output.split(), errors) == (0, ["FORKED"] * 20, "")
