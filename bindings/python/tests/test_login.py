"""Login and logout: one session for each client, none left over, and always a valid token."""

import asyncio
import threading
import time

import pytest

import callie
import callie.blocking

from conftest import PASSWORD

SOON = 20


def run(work):
    return asyncio.run(asyncio.wait_for(work, 90))


async def sessions(server, name):
    """Returns the number of a user's sessions, without the one of this call."""
    api = callie.Server(server.url)
    session = await api.login(name, PASSWORD)
    try:
        return len(await api.sessions(session)) - 1
    finally:
        await api.logout(session)


async def becomes(server, name, count):
    deadline = time.monotonic() + SOON
    while (found := await sessions(server, name)) != count:
        assert time.monotonic() < deadline, f"{found} sessions"


@pytest.fixture
def user(server, name):
    made = name()
    asyncio.run(callie.Server(server.url).register(made, PASSWORD))
    return made


@pytest.mark.parametrize("calls", [["connect"] * 4, ["login"] * 4, ["start"] * 4, ["login", "connect", "start", "connect"]])
def test_concurrent_calls_create_one_session(server, user, calls):
    async def scenario():
        client = callie.Client(server.url, user, PASSWORD)
        await asyncio.gather(*(getattr(client, call)() for call in calls))
        await client.connect()
        assert len(await client.list_sessions()) == 1
        await client.disconnect()

    run(scenario())


def test_concurrent_threads_create_one_session(server, user):
    client = callie.blocking.Client(server.url, user, PASSWORD)
    together = threading.Barrier(4)

    def connect():
        together.wait()
        client.connect()

    threads = [threading.Thread(target=connect) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(client.list_sessions()) == 1
    client.disconnect()


def test_message_sent_between_two_logins_arrives(server, user):
    async def scenario():
        for _ in range(10):
            client = callie.Client(server.url, user, PASSWORD)

            async def send():
                await client.login()
                return client.send(user, "to myself")

            ticket, _ = await asyncio.gather(send(), client.login())
            await client.connect()
            while not any(isinstance(event, callie.Message) for event in await client.next_events(timeout=SOON)):
                pass
            assert (await ticket).kind == "delivered"
            await client.disconnect()
            await client.logout()

    run(scenario())


def test_cancelled_login_leaves_no_session(server, user):
    async def scenario():
        kept = callie.Client(server.url, user, PASSWORD)
        await kept.login()
        for n in range(20):
            client = callie.Client(server.url, user, PASSWORD)
            login = asyncio.ensure_future(client.login())
            # At every stage of the call, and after it.
            await asyncio.wait([login], timeout=n * 0.004)
            if not login.cancel():
                await client.logout()
        await becomes(server, user, 1)
        assert kept.token

    run(scenario())


def test_another_login_follows_a_cancelled_one(server, user):
    async def scenario():
        client = callie.Client(server.url, user, PASSWORD)
        first, second = asyncio.ensure_future(client.login()), asyncio.ensure_future(client.login())
        await asyncio.sleep(0)
        first.cancel()
        await second
        with pytest.raises(asyncio.CancelledError):
            await first
        await client.connect()
        await becomes(server, user, 1)
        await client.disconnect()

    run(scenario())


def test_login_works_in_consecutive_loops(server, user):
    client = callie.Client("http://127.0.0.1:1", user, PASSWORD)

    async def fail():
        return await asyncio.gather(client.login(), client.login(), return_exceptions=True)

    for _ in range(3):
        assert [type(error) for error in run(fail())] == [callie.Unreachable] * 2


def test_token_belongs_to_the_last_login(server, user):
    async def scenario():
        def source(username, code):
            return asyncio.run(callie.Server(server.url).login(username, PASSWORD)).token

        async with callie.Client(server.url, user, PASSWORD, token_source=source) as client:
            first = client.token
            await callie.Server(server.url).logout(client.credentials)
            while client.token == first or client.state.kind != "online":
                await client.next_events(timeout=SOON)
            async with callie.Client(server.url, user, token=client.token) as other:
                assert await other.ping()

    run(scenario())


def test_logout_ends_the_session_of_the_last_login(server, user):
    async def scenario():
        tokens = []

        def source(username, code):
            if tokens:
                raise KeyError("no more")
            tokens.append(asyncio.run(callie.Server(server.url).login(username, PASSWORD)).token)
            return tokens[0]

        client = callie.Client(server.url, user, PASSWORD, token_source=source)
        await client.connect()
        await client.logout()
        while not tokens or client.state.kind != "online":
            await client.next_events(timeout=SOON)
        assert client.token == tokens[0]
        await client.logout()
        async for event in client:
            last = event
        assert (last.close_code, last.code) == (4501, "SESSION_REVOKED")
        with pytest.raises(callie.InvalidArgument):
            client.token
        # There is no session left to end.
        await client.logout()
        await becomes(server, user, 0)

    run(scenario())


NO_TOKEN = [(5, "token"), (None, "token"), ("", "token"), ("nonsense", "log in again"), ("\ud800", "token")]


@pytest.mark.parametrize(("wrong", "why"), NO_TOKEN, ids=ascii)
def test_token_source_without_token_ends_the_client(server, user, wrong, why):
    async def scenario():
        client = callie.Client(server.url, user, PASSWORD, token_source=lambda name, code: wrong)
        await client.connect()
        await client.logout()
        async for event in client:
            last = event
        assert isinstance(last, callie.Closed) and why in last.reason

    run(scenario())
