"""A process ends with its program's own exit code, whatever the library is doing, with each installed Python."""

import threading

import pytest

import callie
import callie.blocking

from conftest import PASSWORD
from programs import pythons, run

#: The runs of each program. Without the fix, most programs abort in one of three runs.
RUNS = 3
#: The messages per second and sender while the programs end, so that callbacks run at any time.
RATE = 300
SENDERS = 3

OPENING = """
import asyncio, logging, sys, threading, time
import callie, callie.blocking

URL, NAME, TOKEN = sys.argv[1:]

def make():
    return callie.blocking.Client(URL, NAME, token=TOKEN)

def listen(callback):
    client = make()
    client.login()
    client.listen(callback)
    client.connect()
    return client

def seen(client, count):
    # Ends while messages arrive.
    while client.stats.messages_received < count:
        time.sleep(0.01)

def in_background(work):
    def repeat():
        while True:
            work()
    threading.Thread(target=repeat, daemon=True).start()
"""

#: The programs, each with its exit code.
PROGRAMS = {
    "a listener": (0, "seen(listen(lambda events: None), 20)"),
    "a listener that prints": (0, "seen(listen(lambda events: print('x' * 3000)), 20)"),
    "a listener, and a code": (9, "seen(listen(lambda events: None), 20)\nraise SystemExit(9)"),
    "a listener that exits": (
        0,
        "logging.disable()\n"
        "seen(listen(lambda events: sys.exit(3)), 20)",
    ),
    "a ping in a thread": (0, "client = make()\nclient.connect()\nin_background(client.ping)\nseen(client, 20)"),
    "events in a thread": (0, "client = make()\nclient.connect()\nin_background(client.next_events)\nseen(client, 20)"),
    "a state store, and sends in a thread": (
        7,
        "class Store:\n"
        "    def load(self):\n"
        "        return {}\n"
        "    def write(self, puts, deletes):\n"
        "        pass\n"
        "client = callie.blocking.Client('http://127.0.0.1:9', NAME, token=TOKEN, state_store=Store(), max_waiting=10**6)\n"
        "client.login()\n"
        "def send():\n"
        "    try:\n"
        "        client.send('bob', 'x')\n"
        "    except (callie.StateError, callie.ClosedError):\n"
        "        time.sleep(1)\n"
        "in_background(send)\n"
        "while len(client.pending) < 20:\n"
        "    time.sleep(0.01)\n"
        "raise SystemExit(7)",
    ),
    "an iteration in a thread": (
        0,
        "client = make()\nclient.connect()\nin_background(lambda: next(client))\nseen(client, 20)",
    ),
    "a connect in a thread": (0, "in_background(lambda: make().connect())\ntime.sleep(0.1)"),
    "a slow log": (
        0,
        "class Slow(logging.Handler):\n"
        "    def emit(self, record):\n"
        "        time.sleep(0.1)\n"
        "logger = logging.getLogger('callie')\n"
        "logger.handlers, logger.propagate = [Slow()], False\n"
        "logger.setLevel(callie.TRACE)\n"
        "callie.set_logger(callie.TRACE)\n"
        "seen(listen(lambda events: None), 20)",
    ),
    "pending tasks": (
        0,
        "async def main():\n"
        "    client = callie.Client(URL, NAME, token=TOKEN)\n"
        "    await client.connect()\n"
        "    for _ in range(20):\n"
        "        asyncio.ensure_future(client.send(NAME, 'x').outcome())\n"
        "    asyncio.ensure_future(client.ping())\n"
        "    asyncio.ensure_future(client.next_events())\n"
        "    await asyncio.sleep(0.05)\n"
        "asyncio.run(main())",
    ),
    "an error": (1, "seen(listen(lambda events: None), 20)\n1 / 0"),
}


@pytest.fixture(scope="module")
def traffic(server):
    """Starts senders to a user, and returns the arguments of the programs."""
    over = threading.Event()
    target = callie.blocking.Client(server.url, "exit.target", PASSWORD, register=True)
    target.login()
    senders = [
        callie.blocking.Client(server.url, f"exit.sender{n}", PASSWORD, register=True) for n in range(SENDERS)
    ]

    def send(sender):
        while not over.wait(1 / RATE):
            try:
                sender.send("exit.target", "x" * 50, confirm=False)
            except callie.QueueFull:
                pass

    threads = []
    for sender in senders:
        sender.login()
        sender.listen(lambda events: None)
        sender.connect()
        threads.append(threading.Thread(target=send, args=(sender,)))
        threads[-1].start()
    yield server.url, "exit.target", target.token
    over.set()
    for thread, sender in zip(threads, senders):
        thread.join()
        sender.disconnect()


@pytest.mark.parametrize("version", pythons())
@pytest.mark.parametrize("what", PROGRAMS)
def test_process_ends_with_its_own_code(traffic, what, version):
    expected, program = PROGRAMS[what]
    for _ in range(RUNS):
        code, _, errors = run(OPENING + program, *traffic, python=pythons()[version])
        assert code == expected, errors
        if expected != 1:
            assert errors == ""


def test_exit_waits_for_a_callback_to_return(traffic):
    program = (
        "entered = threading.Event()\n"
        "def slow(events):\n"
        "    entered.set()\n"
        "    time.sleep(0.3)\n"
        "    print('returned', flush=True)\n"
        "listen(slow)\n"
        "entered.wait()"
    )
    assert run(OPENING + program, *traffic) == (0, "returned\n", "")


def test_exit_abandons_a_callback_that_never_returns(traffic):
    program = (
        "entered = threading.Event()\n"
        "def stuck(events):\n"
        "    entered.set()\n"
        "    threading.Event().wait()\n"
        "listen(stuck)\n"
        "entered.wait()"
    )
    assert run(OPENING + program, *traffic) == (0, "", "")


def test_client_works_in_exit_handlers(traffic):
    program = (
        "import atexit\n"
        "client = make()\n"
        "client.connect()\n"
        "def end():\n"
        "    print(bool(client.ping()))\n"
        "    client.disconnect()\n"
        "atexit.register(end)"
    )
    assert run(OPENING + program, *traffic) == (0, "True\n", "")


def test_import_alone_costs_no_time_at_exit():
    program = (
        "import atexit, time\n"
        "ended = []\n"
        "atexit.register(lambda: print(time.perf_counter() - ended[0] < 0.01))\n"
        "import callie\n"
        "atexit.register(lambda: ended.append(time.perf_counter()))"
    )
    assert run(program) == (0, "True\n", "")
