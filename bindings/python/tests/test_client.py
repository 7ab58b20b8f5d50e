"""The Python client against a real server process."""

import asyncio
import inspect
import logging
import logging.handlers
import queue
import subprocess
import sys
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import callie
import callie.blocking
from callie import Attachment, Closed, ConnectionChanged, Ended, Message, Notice, arguments
from callie.options import ClientOptions, Options

from conftest import PASSWORD

#: The timeout of a wait for an event.
SOON = 20


def run(work):
    return asyncio.run(asyncio.wait_for(work, 90))


@pytest.fixture
def enter(server, name):
    """Creates clients of new users."""
    return lambda stem="user", **options: callie.Client(server.url, name(stem), PASSWORD, register=True, **options)


def is_own(event):
    """Returns whether an event is about the connection or an own message."""
    return isinstance(event, (ConnectionChanged, Ended))


async def take(client):
    while True:
        (event,) = await client.next_events(1, timeout=SOON)
        if not is_own(event):
            return event


def test_message_arrives_unchanged(enter):
    async def scenario():
        async with enter("ada") as ada, enter("bob") as bob:
            files = [
                Attachment("image", "https://example.org/a.png", "ä.png", 1, "image/png", {"width": 640}),
                Attachment("file", "http://example.org/b"),
            ]
            sent = ada.send(bob.username, "# Grüße 👋\n\n`code`\0", files)
            event = await take(bob)
            assert isinstance(event, Message)
            assert (event.sender, event.recipient) == (ada.username, bob.username)
            assert event.message_id == sent.message_id
            assert (await sent).kind == "delivered"
            assert event.text == "# Grüße 👋\n\n`code`\0"
            assert [a.url for a in event.attachments] == [a.url for a in files]
            image, plain = event.attachments
            assert (image.kind, image.filename, image.size, image.filetype) == ("image", "ä.png", 1, "image/png")
            assert image.metadata["width"] == 640
            assert plain == files[1]
            assert abs(event.sent_at - datetime.now(timezone.utc)) < timedelta(minutes=5)

    run(scenario())


def test_ping_returns_the_round_trip_time(enter):
    async def scenario():
        async with enter() as ada, enter() as bob:
            assert timedelta(0) < await ada.ping() < timedelta(seconds=SOON)
            assert timedelta(0) < await ada.ping(bob.username) < timedelta(seconds=SOON)
            with pytest.raises(callie.Refused) as refused:
                await ada.ping("nobody.of.that.name")
            assert refused.value.code == "RECIPIENT_UNKNOWN"

    run(scenario())


def test_offline_recipient_is_an_outcome_and_event(enter):
    async def scenario():
        async with enter() as absent:
            pass
        async with enter() as ada:
            sent = ada.send(absent.username, "are you there?")
            outcome = await sent
            assert outcome.kind is callie.OutcomeKind.OFFLINE
            # Only DELIVERED has counts.
            assert (outcome.confirmed, outcome.unconfirmed, outcome.offline) == (None, None, None)
            ended = next(e for e in await ada.next_events(timeout=SOON) if isinstance(e, Ended))
            assert (ended.ticket, ended.message_id) == (sent.number, sent.message_id)
            assert ended.outcome.kind == "offline"

    run(scenario())


def test_group_is_created_used_listed_and_left(enter):
    async def scenario():
        async with enter() as ada, enter() as bob:
            group = await ada.create_group("Tea ☕", [bob.username])
            assert sorted(group.members) == sorted([ada.username, bob.username])
            assert (await take(bob)).code == "USER_JOINED"
            ada.send(group.group_id, "to all")
            event = await take(bob)
            assert (event.text, event.recipient) == ("to all", group.group_id)
            (summary,) = (await bob.list_groups()).groups
            assert (summary.group_id, summary.name, summary.member_count) == (group.group_id, "Tea ☕", 2)
            await bob.leave_group(group.group_id)
            with pytest.raises(callie.Refused) as refused:
                await bob.leave_group(group.group_id)
            assert refused.value.code == "GROUP_NOT_FOUND"

    run(scenario())


def test_iterators_return_all_pages(enter, server, name):
    async def scenario():
        async with enter() as ada, enter() as bob:
            names = sorted(f"Group {n}" for n in range(5))
            for group_name in names:
                group = await ada.create_group(group_name, [bob.username], visibility=callie.Visibility.PUBLIC)
            assert sorted([group.name async for group in ada.all_groups(limit=2)]) == names
            listed = {group.name async for group in bob.all_public_groups(limit=200)}
            assert listed >= set(names)
            members = [member.username async for member in ada.all_members(group.group_id, limit=1)]
            assert sorted(members) == sorted([ada.username, bob.username])
            await ada.block_user(bob.username)
            assert [username async for username in ada.all_blocked(limit=1)] == [bob.username]

    run(scenario())
    with callie.blocking.Client(server.url, name(), PASSWORD, register=True) as client:
        for n in range(3):
            client.create_group(f"Group {n}")
        assert len(list(client.all_groups(limit=1))) == 3


def test_broadcast_reaches_everyone_else(own_server, name):
    async def scenario():
        def enter():
            return callie.Client(own_server.url, name(), PASSWORD, register=True)

        async with enter() as ada, enter() as bob, enter() as eve:
            ada.send("BROADCAST", "hear ye")
            for other in (bob, eve):
                event = await take(other)
                assert (event.text, event.recipient) == ("hear ye", "BROADCAST")

    run(scenario())


def test_events_arrive_in_order_and_in_batches(enter):
    async def scenario():
        async with enter() as ada, enter() as bob:
            for n in range(60):
                ada.send(bob.username, str(n))
            texts = []
            while len(texts) < 60:
                batch = await bob.next_events(16, timeout=SOON)
                assert 1 <= len(batch) <= 16
                texts += [event.text for event in batch if not is_own(event)]
            assert texts == [str(n) for n in range(60)]

    run(scenario())


def test_wait_times_out_and_cancelling_loses_nothing(enter):
    async def scenario():
        async with enter() as ada, enter() as bob:
            assert all(is_own(event) for event in await bob.next_events(timeout=SOON))
            assert await bob.next_events(timeout=0.05) == []
            for n in range(20):
                waiting = asyncio.ensure_future(bob.next_events(1))
                await asyncio.sleep(0)
                ada.send(bob.username, str(n))
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                assert (await take(bob)).text == str(n)

    run(scenario())


def test_iteration_ends_with_closed(enter):
    async def scenario():
        async with enter() as client:
            waiting = asyncio.ensure_future(_all(client))
            await client.ping()
            await client.disconnect()
            *before, closed = await waiting
            assert all(is_own(event) for event in before)
            assert isinstance(closed, Closed)
            assert (closed.close_code, closed.code) == (1000, "DISCONNECTED")
            with pytest.raises(callie.ClosedError):
                await client.next_events()
            with pytest.raises(callie.ClosedError):
                client.send("anyone", "x")

    async def _all(client):
        return [event async for event in client]

    run(scenario())


def test_iteration_ends_after_any_way_of_taking(enter):
    async def scenario():
        async with enter() as client:
            pass
        while not isinstance((await client.next_events())[-1], Closed):
            pass
        assert [event async for event in client] == []
        assert [event async for event in client] == []

    run(scenario())


def test_connect_when_online_and_after_the_end(enter):
    async def scenario():
        async with enter() as client:
            await client.connect()
            assert client.state.kind == "online"
        with pytest.raises(callie.ClosedError):
            await client.connect()
        assert client.state.kind == "closed"

    run(scenario())


def test_client_has_one_listener(enter):
    async def scenario():
        async with enter() as client:
            client.listen(lambda events: None)
            with pytest.raises(callie.InvalidArgument):
                client.listen(lambda events: None)

    run(scenario())


def test_token_source_may_use_its_own_loop(enter, server):
    async def scenario():
        def source(username, code):
            asked.append(code)
            return asyncio.run(callie.Server(server.url).login(username, PASSWORD)).token

        asked = []
        async with enter(token_source=source) as client:
            await client.logout()
            while not asked or client.state.kind != "online":
                await client.next_events(timeout=SOON)
            assert asked == ["SESSION_REVOKED"]
            assert await client.ping()

    run(scenario())


def test_log_can_be_disabled_and_enabled():
    def connect():
        with pytest.raises(callie.Unreachable):
            run(callie.Client("http://127.0.0.1:1", "ada", token="t").connect())

    def log_to(name):
        lines = queue.SimpleQueue()
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.setLevel(callie.TRACE)
        logger.handlers = [logging.handlers.QueueHandler(lines)]
        callie.set_logger(callie.TRACE, logger)
        return lines

    def until_it_failed(lines):
        while "no connection" not in lines.get(timeout=SOON).getMessage():
            pass

    try:
        before = log_to("before")
        connect()
        until_it_failed(before)
        callie.set_logger(None)
        connect()
        # Lines arrive in order, so lines of the earlier call would have arrived by now.
        after = log_to("after")
        connect()
        assert "connecting to" in after.get(timeout=SOON).getMessage()
        until_it_failed(after)
        assert before.empty() and after.empty()
    finally:
        callie.set_logger(None)
    with pytest.raises(callie.InvalidArgument):
        callie.set_logger(3)


def test_typed_options_match_the_accepted_ones():
    def taken(call):
        return {p.name for p in inspect.signature(call).parameters.values() if p.kind is p.KEYWORD_ONLY}

    assert taken(arguments.config) == set(Options.__annotations__)
    assert taken(callie.Client.__init__) == set(ClientOptions.__annotations__)
    for name in ("send", "ping", "command", "next_events"):
        plain, blocking = (inspect.signature(getattr(kind, name)) for kind in (callie.Client, callie.blocking.Client))
        assert list(plain.parameters.values()) == list(blocking.parameters.values())


def test_client_waits_for_a_killed_server(own_server, name):
    async def scenario():
        async with callie.Client(own_server.url, name(), PASSWORD, register=True) as client:
            own_server.kill()
            while True:
                (event,) = await client.next_events(1, timeout=SOON)
                if isinstance(event, ConnectionChanged) and event.state.kind == "waiting":
                    break
            state = event.state
            assert state.close_code == 1006 and state.retry_in >= timedelta(0) and state.reason

    run(scenario())


def test_stopped_server_is_reported(own_server, name):
    async def scenario():
        async with callie.Client(own_server.url, name(), PASSWORD, register=True) as client:
            stopping = asyncio.get_running_loop().run_in_executor(None, own_server.stop)
            assert (await take(client)).code == "SERVER_SHUTDOWN"
            (event,) = await client.next_events(1, timeout=SOON)
            assert (event.state.kind, event.state.close_code) == ("waiting", 1001)
            await stopping

    run(scenario())


def test_logout_ends_connection_and_token(enter, server):
    async def scenario():
        async with enter() as client:
            token = client.token
            await client.logout()
            seen = [event async for event in client]
            assert [e.code for e in seen if isinstance(e, Notice)] == ["SESSION_REVOKED"]
            assert (seen[-1].close_code, seen[-1].code) == (4501, "SESSION_REVOKED")
        with pytest.raises(callie.Refused) as refused:
            await callie.Client(server.url, client.username, token=token).connect()
        assert refused.value.code == "AUTH_FAILED"

    run(scenario())


def test_token_replaces_the_password(enter, server):
    async def scenario():
        async with enter() as first:
            async with callie.Client(server.url, first.username, token=first.token) as second:
                await second.ping(first.username)

    run(scenario())


def test_refusals_have_the_code_of_the_server(server, name):
    async def scenario():
        user = name()
        async with callie.Client(server.url, user, PASSWORD, register=True):
            pass
        for password, username, register, code in [
            ("another password", user, False, "INVALID_CREDENTIALS"),
            ("another password", user, True, "INVALID_CREDENTIALS"),
            (PASSWORD, "Not A Name", True, "INVALID_USERNAME"),
            (PASSWORD, "admin", True, "INVALID_USERNAME"),
            ("short", name(), True, "WEAK_PASSWORD"),
        ]:
            with pytest.raises(callie.Refused) as refused:
                await callie.Client(server.url, username, password, register=register).connect()
            assert refused.value.code == code

    run(scenario())


def test_invalid_arguments_are_typed_errors(enter, server):
    async def scenario():
        for arguments, options in [
            (("nonsense", "ada", PASSWORD), {}),
            ((server.url, "ada"), {}),
            ((server.url, "ada", PASSWORD), {"token": "t"}),
            ((server.url, 7, PASSWORD), {}),
            ((None, "ada", PASSWORD), {}),
            ((server.url, "ada", "\ud800"), {}),
            ((server.url, "ada", PASSWORD), {"send_timeout": -1}),
            ((server.url, "ada", PASSWORD), {"connect_timeout": "soon"}),
            ((server.url, "ada", PASSWORD), {"event_queue": 0}),
        ]:
            with pytest.raises(callie.InvalidArgument):
                callie.Client(*arguments, **options)
        with pytest.raises(callie.InvalidArgument):
            await callie.Client(server.url, "Not A Name", token="t").connect()
        unused = callie.Client(server.url, "ada", PASSWORD)
        for call in (unused.ping, unused.next_events, unused.__anext__):
            with pytest.raises(callie.InvalidArgument):
                await call()
        with pytest.raises(callie.InvalidArgument):
            unused.token
        async with enter() as client:
            for call in [
                lambda: client.send("Not A Name", "x"),
                lambda: client.send("bob", ""),
                lambda: client.send("bob", None),
                lambda: client.send("bob", "\udfff"),
                lambda: client.send("bob", "x" * 32_769),
                lambda: client.send("bob", "x", [Attachment("sound", "https://example.org/a")]),
                lambda: client.send("bob", "x", [Attachment("file", "ftp://example.org/a")]),
                lambda: client.send("bob", "x", [Attachment("file", "https://example.org/a", size=-1)]),
                lambda: client.send("bob", "x", [Attachment("file", "https://example.org/a", filetype="?")]),
                lambda: client.ping("Not A Name"),
                lambda: client.command("lower case"),
                lambda: client.command("LIST_GROUPS", []),
                lambda: client.command("LIST_GROUPS", {"x": object()}),
                lambda: client.create_group(""),
                lambda: client.create_group("Tea", ["Not A Name"]),
                lambda: client.leave_group("nonsense"),
                lambda: client.next_events(0),
                lambda: client.next_events("many"),
            ]:
                with pytest.raises(callie.InvalidArgument) as error:
                    await call()
                assert error.value.code and error.value.reason
            await client.ping()

    run(scenario())


def test_refused_command_is_reported_with_its_path(enter):
    async def scenario():
        async with enter() as client:
            for name, parameters, code in [
                ("NO_SUCH_COMMAND", {}, "UNKNOWN_COMMAND"),
                ("LIST_GROUPS", {"limit": 0}, "INVALID_PARAMETERS"),
                ("CREATE_GROUP", {}, "INVALID_PARAMETERS"),
            ]:
                with pytest.raises(callie.Refused) as refused:
                    await client.command(name, parameters)
                assert refused.value.code == code
            assert "groups" in await client.command("LIST_GROUPS")

    run(scenario())


def test_repr_shows_no_password_or_token(enter):
    async def scenario():
        async with enter() as client:
            for shown in (repr(client), str(client), repr(client.credentials)):
                assert PASSWORD not in shown and client.token not in shown

    run(scenario())


def test_blocking_client_has_the_same_calls(server, name):
    ada, bob = name("ada"), name("bob")
    with callie.blocking.Client(server.url, ada, PASSWORD, register=True) as first:
        with callie.blocking.Client(server.url, bob, PASSWORD, register=True) as second:
            assert all(is_own(event) for event in second.next_events(timeout=SOON))
            assert second.next_events(timeout=0.05) == []
            sent = first.send(bob, "Hello")
            (event,) = second.next_events(timeout=SOON)
            assert (event.text, event.message_id) == ("Hello", sent.message_id)
            assert sent.outcome().kind == "delivered"
            assert first.ping(bob)
            group = first.create_group("Tea", [bob])
            assert [g.group_id for g in second.list_groups().groups] == [group.group_id]
            second.leave_group(group.group_id)
            assert first.command("LIST_GROUPS")["groups"][0]["memberCount"] == 1
        assert isinstance(list(second)[-1], Closed)


def test_blocking_client_serves_several_threads(server, name):
    user = name()
    with callie.blocking.Client(server.url, user, PASSWORD, register=True) as client:
        texts = {f"{thread}.{n}" for thread in range(4) for n in range(10)}

        def send(thread):
            for n in range(10):
                client.send(user, f"{thread}.{n}")

        threads = [threading.Thread(target=send, args=(thread,)) for thread in range(4)]
        for thread in threads:
            thread.start()
        seen = set()
        while len(seen) < len(texts):
            seen |= {event.text for event in client.next_events(timeout=SOON) if not is_own(event)}
        for thread in threads:
            thread.join()
        assert seen == texts


def test_program_may_end_immediately():
    program = (
        "import asyncio, callie\n"
        "async def main():\n"
        "    try:\n"
        "        await callie.Client('http://127.0.0.1:1', 'ada', token='t').connect()\n"
        "    except callie.Unreachable:\n"
        "        pass\n"
        "asyncio.run(main())\n"
    )
    folder = Path(callie.__file__).parent.parent
    for _ in range(8):
        done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stderr) == (0, "")
