"""A message is confirmed when the application has taken it, and messages that were not taken are not lost."""

import asyncio
import subprocess
import sys
import threading
import time

import pytest

import callie
import callie.blocking
from callie import Message

from conftest import PASSWORD
from programs import PACKAGE
from programs import run as run_program

SOON = 20


def run(work):
    return asyncio.run(asyncio.wait_for(work, 90))


@pytest.fixture
def enter(server, name):
    return lambda **options: callie.Client(server.url, name(), PASSWORD, register=True, **options)


async def first(client):
    async for event in client:
        if isinstance(event, Message):
            return event


async def queued(enter, count):
    """Returns two clients, and the tickets of messages from the first that wait at the second in one batch."""
    ada, bob = enter(), enter()
    await ada.connect()
    await bob.connect()
    tickets = [ada.send(bob.username, str(n)) for n in range(count)]
    while bob.stats.messages_received < count:
        await ada.ping()
    return ada, bob, tickets


async def delivered(ada, tickets):
    """Returns how many of the messages are delivered by now."""
    await ada.ping()
    ended = [asyncio.ensure_future(ticket) for ticket in tickets]
    done, pending = await asyncio.wait(ended, timeout=0.1)
    for waiting in pending:
        waiting.cancel()
    assert {task.result().kind for task in done} <= {"delivered"}
    return len(done)


def test_listener_receives_what_an_iteration_fetched(enter):
    async def scenario():
        ada, bob, tickets = await queued(enter, 10)
        await first(bob)
        texts = []
        bob.listen(lambda events: texts.extend(event.text for event in events if isinstance(event, Message)))
        tickets += [ada.send(bob.username, str(n)) for n in range(10, 20)]
        assert {(await ticket).kind for ticket in tickets} == {"delivered"}
        assert texts == [str(n) for n in range(1, 20)]
        await ada.disconnect()
        await bob.disconnect()

    run(scenario())


def test_disconnect_confirms_what_was_taken(enter):
    async def scenario():
        ada, bob, tickets = await queued(enter, 10)
        for _ in range(5):
            await first(bob)
        await bob.disconnect()
        kinds = [(await ticket).kind for ticket in tickets]
        assert kinds[:5] == ["delivered"] * 5
        assert "delivered" not in kinds[5:]
        await ada.disconnect()

    run(scenario())


def test_iteration_confirms_returned_messages(enter):
    async def scenario():
        ada, bob, tickets = await queued(enter, 10)
        assert await delivered(ada, tickets) == 0
        assert (await first(bob)).text == "0"
        assert (await tickets[0]).kind == "delivered"
        assert await delivered(ada, tickets) == 1
        for n in range(1, 5):
            assert (await first(bob)).text == str(n)
        assert (await tickets[4]).kind == "delivered"
        assert await delivered(ada, tickets) == 5
        # The rest in one batch.
        assert [event.text for event in await bob.next_events(3)] == ["5", "6", "7"]
        assert (await tickets[7]).kind == "delivered"
        assert await delivered(ada, tickets) == 8
        await asyncio.gather(ada.disconnect(), bob.disconnect())

    run(scenario())


def test_blocking_iteration_confirms_returned_messages(enter):
    async def scenario():
        ada, bob, tickets = await queued(enter, 10)
        blocking = callie.blocking.Client.__new__(callie.blocking.Client)
        blocking._client = bob

        def take(count):
            texts = (event.text for event in blocking if isinstance(event, Message))
            return [next(texts) for _ in range(count)]

        assert await asyncio.to_thread(take, 4) == ["0", "1", "2", "3"]
        assert (await tickets[3]).kind == "delivered"
        assert await delivered(ada, tickets) == 4
        assert await asyncio.to_thread(take, 6) == ["4", "5", "6", "7", "8", "9"]
        assert (await tickets[9]).kind == "delivered"
        await asyncio.gather(ada.disconnect(), bob.disconnect())

    run(scenario())


def test_disconnect_confirms_returned_messages(enter):
    async def scenario():
        for count in range(1, 6):
            ada, bob, tickets = await queued(enter, 5)
            for n in range(count):
                assert (await first(bob)).text == str(n)
            await bob.disconnect()
            assert (await asyncio.wait_for(tickets[count - 1], SOON)).kind == "delivered"
            await ada.disconnect()

    run(scenario())


def test_killed_process_has_confirmed_returned_messages(server, enter):
    program = (
        "import sys, time, callie, callie.blocking\n"
        "URL, NAME, TOKEN = sys.argv[1:]\n"
        "client = callie.blocking.Client(URL, NAME, token=TOKEN)\n"
        "client.connect()\n"
        "print('online', flush=True)\n"
        "while client.stats.messages_received < 20:\n"
        "    time.sleep(0.01)\n"
        "texts = (event.text for event in client if isinstance(event, callie.Message))\n"
        "taken = [next(texts) for _ in range(3)]\n"
        "print(*taken, flush=True)\n"
        "sys.stdin.read()"
    )

    async def scenario():
        bob = enter()
        await bob.login()
        async with enter(send_timeout=5) as ada:
            process = subprocess.Popen(
                [sys.executable, "-c", program, server.url, bob.username, bob.token],
                env={"PYTHONPATH": str(PACKAGE)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            try:
                assert process.stdout.readline() == "online\n"
                tickets = [ada.send(bob.username, str(n)) for n in range(20)]
                taken = await asyncio.to_thread(process.stdout.readline)
                assert taken == "0 1 2\n"
                assert (await tickets[2]).kind == "delivered"
            finally:
                process.kill()
                process.communicate()
            kinds = [(await ticket).kind for ticket in tickets]
            assert kinds[:3] == ["delivered"] * 3 and "delivered" not in kinds[3:]

    run(scenario())


def test_iterations_share_the_events(enter):
    async def scenario():
        ada, bob, _ = await queued(enter, 300)
        texts = []

        async def iterate():
            async for event in bob:
                if isinstance(event, Message):
                    texts.append(event.text)
                    await asyncio.sleep(0)
                    if len(texts) >= 300:
                        break

        async def take():
            while len(texts) < 300:
                texts.extend(e.text for e in await bob.next_events(5, 0.1) if isinstance(e, Message))

        done, pending = await asyncio.wait(
            [asyncio.ensure_future(work()) for work in (iterate, iterate, take)], return_when=asyncio.FIRST_COMPLETED
        )
        while len(texts) < 300:
            await asyncio.sleep(0.01)
        for task in pending:
            task.cancel()
        assert sorted(map(int, texts)) == list(range(300))
        await asyncio.gather(ada.disconnect(), bob.disconnect())

    run(scenario())


def test_threads_share_the_events(server, name):
    ada = callie.blocking.Client(server.url, name(), PASSWORD, register=True)
    texts, over = [], threading.Event()

    def iterate():
        for event in ada:
            if isinstance(event, Message):
                texts.append(event.text)
                if len(texts) == 500:
                    over.set()

    with ada:
        threads = [threading.Thread(target=iterate) for _ in range(4)]
        for thread in threads:
            thread.start()
        for n in range(500):
            ada.send(ada.username, str(n))
        assert over.wait(SOON)
    for thread in threads:
        thread.join(SOON)
    assert sorted(map(int, texts)) == list(range(500))


def test_interrupted_wait_loses_nothing(server, name):
    """Ctrl-C while the blocking client waits."""
    # Interrupts only when the program has stored all earlier events and waits for the next one: between a call and the line
    # that stores its result, an interrupt would lose the result in the program itself.
    program = (
        "import _thread, sys, threading, time, callie, callie.blocking\n"
        "URL, NAME, TOKEN = sys.argv[1:]\n"
        "client = callie.blocking.Client(URL, NAME, token=TOKEN)\n"
        "client.connect()\n"
        "texts, outcomes = [], []\n"
        "def store(found):\n"
        "    outcomes.extend(event for event in found if isinstance(event, callie.Ended))\n"
        "    texts.extend(event.text for event in found if isinstance(event, callie.Message))\n"
        "def waits():\n"
        "    frame = sys._current_frames()[threading.main_thread().ident]\n"
        "    while frame is not None and frame.f_code.co_filename != callie.blocking.__file__:\n"
        "        frame = frame.f_back\n"
        "    return frame is not None and frame.f_code.co_name == 'run'\n"
        "for n in range(40):\n"
        "    def later(n=n):\n"
        "        while len(texts) < n or len(outcomes) < n or not waits():\n"
        "            time.sleep(0.001)\n"
        "        _thread.interrupt_main()\n"
        "        client.send(NAME, str(n))\n"
        "    thread = threading.Thread(target=later)\n"
        "    try:\n"
        "        thread.start()\n"
        "        while True:\n"
        "            store([next(client)] if n % 2 else client.next_events())\n"
        "    except KeyboardInterrupt:\n"
        "        thread.join()\n"
        "while len(texts) < 40:\n"
        "    store(client.next_events(timeout=20))\n"
        "client.disconnect()\n"
        "print(texts == [str(n) for n in range(40)])"
    )
    client = callie.blocking.Client(server.url, name(), PASSWORD, register=True)
    client.login()
    assert run_program(program, server.url, client.username, client.token) == (0, "True\n", "")


def test_message_is_confirmed_without_a_next_event(enter):
    """An event is confirmed while the application handles it, however long that takes."""

    async def scenario():
        ada, bob, tickets = await queued(enter, 3)
        handled = []

        async def handle():
            async for event in bob:
                if isinstance(event, Message):
                    handled.append(event.text)
                    if event.text == "1":
                        await asyncio.sleep(60)

        handling = asyncio.ensure_future(handle())
        began = time.monotonic()
        assert (await asyncio.wait_for(tickets[1], SOON)).kind == "delivered"
        assert time.monotonic() - began < SOON and handled == ["0", "1"]
        assert await delivered(ada, tickets) == 2
        handling.cancel()
        assert (await first(bob)).text == "2"
        await asyncio.gather(ada.disconnect(), bob.disconnect())

    run(scenario())
