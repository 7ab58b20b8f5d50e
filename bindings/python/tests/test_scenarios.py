"""The scenarios of bindings/scenarios.json, in its order and under its names, against the test bed."""

import asyncio
import gc
import json
import threading
import time
from collections import deque
from datetime import timedelta
from pathlib import Path

import pytest

import callie
import callie.blocking
from callie import Attachment, Closed, ConnectionChanged, Ended, Message, Notice, Server, Unknown, Unreadable

from conftest import PASSWORD
from testbed import TestBed

#: The timeout of every step.
SOON = 30
#: Every kind of character that JSON, UTF-8 and UTF-16 treat differently.
TEXT = "# Grüße 👋🏽\n\n`\"\\\t\u0001\u007f\u2028 <b>&amp;</b> \ufffd 你好 \U0001f469\u200d\U0001f680"


@pytest.fixture(scope="module")
def bed():
    bed = TestBed()
    yield bed
    bed.close()


@pytest.fixture
def env(bed):
    env = bed.env()
    yield env
    env.close()


@pytest.fixture
def url(env):
    return env.url("server")


def scenario(work):
    """Runs a coroutine function as a test, with a timeout."""

    def test(**fixtures):
        asyncio.run(asyncio.wait_for(work(**fixtures), 100))

    test.__signature__ = __import__("inspect").signature(work)
    test.__doc__ = work.__doc__
    return test


def enter(url, name, **options):
    """A client of a new or existing user."""
    return callie.Client(url, name, PASSWORD, register=True, **options)


async def until(client, wanted):
    """Waits for an event that `wanted` accepts, and discards others."""
    deadline = time.monotonic() + SOON
    while True:
        for event in await client.next_events(1, timeout=deadline - time.monotonic()):
            if wanted(event):
                return event
        assert time.monotonic() < deadline, "it did not come in time"


async def message(client):
    return await until(client, lambda event: isinstance(event, Message))


async def state(client, name):
    changed = await until(client, lambda event: isinstance(event, ConnectionChanged) and event.state.kind == name)
    return changed.state


async def rest(client):
    """Returns all events up to the last."""
    return [event async for event in client]


async def outcome(ticket):
    return await asyncio.wait_for(ticket.outcome(), SOON)


@scenario
async def test_registers_and_logs_in(url):
    server = Server(url)
    await server.register("ada", PASSWORD)
    session = await server.login("ada", PASSWORD, "a test")
    assert session.username == "ada" and session.token
    assert session.token not in repr(session)
    assert [s.device for s in await server.sessions(session)] == ["a test"]


@scenario
async def test_wrong_password_is_refused(url):
    server = Server(url)
    await server.register("ada", PASSWORD)
    with pytest.raises(callie.Refused) as refused:
        await server.login("ada", "another password")
    assert refused.value.code == "INVALID_CREDENTIALS"


@scenario
async def test_taken_name_is_refused(url):
    server = Server(url)
    await server.register("ada", PASSWORD)
    with pytest.raises(callie.Refused) as refused:
        await server.register("ada", PASSWORD)
    assert refused.value.code == "USERNAME_TAKEN"


@scenario
async def test_connects_and_authenticates(url):
    async with enter(url, "ada") as ada:
        assert ada.state.kind == "online"
        assert ada.limits.messages_per_second > 0 and ada.limits.max_text_bytes > 0


@scenario
async def test_invalid_token_is_refused(url):
    client = callie.Client(url, "ada", token="x" * 43)
    with pytest.raises(callie.Refused) as refused:
        await client.connect()
    assert refused.value.code == "AUTH_FAILED"
    assert client.state.kind == "closed"


@scenario
async def test_unused_port_is_unreachable(env):
    url = env.url("nobody")
    began = time.monotonic()
    with pytest.raises(callie.Unreachable):
        await Server(url).login("ada", PASSWORD)
    client = callie.Client(url, "ada", token="token")
    with pytest.raises(callie.Unreachable) as error:
        await client.connect()
    assert error.value.code == "UNREACHABLE" and error.value.reason
    assert client.state.kind == "suspended"
    assert time.monotonic() - began < SOON


@scenario
async def test_wrong_certificate_is_refused(env):
    url, _, _ = env.ask("tls")
    with pytest.raises(callie.Unreachable):
        await Server(url).login("ada", PASSWORD)
    with pytest.raises(callie.Unreachable):
        await callie.Client(url, "ada", token="token").connect()


@scenario
async def test_extra_root_is_trusted(env):
    url, root, _ = env.ask("tls")
    pem = Path(root).read_text()
    for bundled in (True, False):
        async with enter(url, "ada", extra_roots=[pem], bundled_roots=bundled) as ada:
            assert await ada.ping()


@scenario
async def test_unreadable_root_is_refused(env):
    url, root, _ = env.ask("tls")
    pems = [Path(root).read_text(), "-----BEGIN CERTIFICATE-----\nAAAA\n"]
    for make in (lambda: Server(url, extra_roots=pems), lambda: callie.Client(url, "ada", PASSWORD, extra_roots=pems)):
        with pytest.raises(callie.InvalidArgument, match="block 1 of extra root 2 .* its END line is missing"):
            make()


@scenario
async def test_pinned_key_is_required(env):
    url, root, pin = env.ask("tls")
    pem = Path(root).read_text()
    async with enter(url, "ada", extra_roots=[pem], pins=[pin]) as ada:
        assert await ada.ping()
    with pytest.raises(callie.Unreachable):
        await enter(url, "ada", extra_roots=[pem], pins=["00" * 32]).connect()


@scenario
async def test_states_are_reported_in_order(url):
    async with enter(url, "ada") as ada:
        await ada.disconnect()
        *states, closed = await rest(ada)
    assert [event.state.kind for event in states] == ["connecting", "online"]
    assert isinstance(closed, Closed) and (closed.close_code, closed.code) == (1000, "DISCONNECTED")
    with pytest.raises(callie.ClosedError):
        await ada.next_events()


@scenario
async def test_message_arrives(url):
    async with enter(url, "ada") as ada, enter(url, "bob") as bob:
        sent = ada.send("bob", TEXT)
        ada.send("bob", "the next")
        first, second = await message(bob), await message(bob)
        assert (first.text, first.sender, first.recipient) == (TEXT, "ada", "bob")
        assert first.message_id == sent.message_id and first.payload_id
        assert second.text == "the next"


@scenario
async def test_attachment_arrives(url):
    async with enter(url, "ada") as ada, enter(url, "bob") as bob:
        file = Attachment("video", "https://example.org/%E2%9C%93.mp4", "✓ été.mp4", 2**53 - 1, "video/mp4")
        ada.send("bob", "look", [file])
        (arrived,) = (await message(bob)).attachments
        assert (arrived.kind, arrived.url, arrived.filename) == (file.kind, file.url, file.filename)
        assert (arrived.size, arrived.filetype) == (file.size, file.filetype)


@scenario
async def test_message_is_confirmed(url):
    async with enter(url, "ada") as ada, enter(url, "bob") as bob:
        sent = ada.send("bob", "Hello")
        await message(bob)
        end = await outcome(sent)
        assert (end.kind, end.confirmed, end.unconfirmed, end.offline) == ("delivered", 1, 0, 0)
        ended = await until(ada, lambda event: isinstance(event, Ended))
        assert (ended.ticket, ended.message_id, ended.outcome) == (sent.number, sent.message_id, end)


@scenario
async def test_offline_recipient_is_reported(url):
    await Server(url).register("bob", PASSWORD)
    async with enter(url, "ada") as ada:
        assert (await outcome(ada.send("bob", "are you there?"))).kind == "offline"


@scenario
async def test_unknown_recipient_is_reported(url):
    async with enter(url, "ada") as ada:
        end = await outcome(ada.send("nobody", "are you there?"))
        assert (end.kind, end.code) == ("failed", "RECIPIENT_UNKNOWN") and end.reason


@scenario
async def test_group_message_arrives(url):
    async with enter(url, "ada") as ada, enter(url, "bob") as bob, enter(url, "eve") as eve:
        group = await ada.create_group("Tea ☕", ["bob", "eve"])
        ada.send(group.group_id, "to all")
        for other in (bob, eve):
            arrived = await message(other)
            assert (arrived.text, arrived.recipient, arrived.sender) == ("to all", group.group_id, "ada")


@scenario
async def test_broadcast_arrives(url):
    async with enter(url, "ada") as ada, enter(url, "bob") as bob, enter(url, "eve") as eve:
        sent = ada.send("BROADCAST", "hear ye")
        for other in (bob, eve):
            arrived = await message(other)
            assert (arrived.text, arrived.recipient) == ("hear ye", "BROADCAST")
        assert (await outcome(sent)).kind == "sent"


@scenario
async def test_events_keep_their_order(url):
    async with enter(url, "ada") as ada, enter(url, "bob") as bob:
        for n in range(200):
            ada.send("bob", str(n))
        assert [(await message(bob)).text for _ in range(200)] == [str(n) for n in range(200)]


@scenario
async def test_burst_of_10000_events_arrives(url):
    count = 10_000
    async with enter(url, "ada") as ada, enter(url, "bob") as bob:

        async def send():
            under_way = deque()
            for n in range(count):
                while True:
                    try:
                        under_way.append(ada.send("bob", str(n), confirm=False))
                        break
                    except callie.QueueFull:
                        await outcome(under_way.popleft())

        # Takes the sender's events too, because sends are refused while too many of them wait.
        drain = asyncio.ensure_future(rest(ada))
        sending = asyncio.ensure_future(send())
        texts = []
        while len(texts) < count:
            batch = await bob.next_events(64, timeout=SOON)
            assert batch, f"{len(texts)} came"
            texts += [event.text for event in batch if isinstance(event, Message)]
        await sending
        assert texts == [str(n) for n in range(count)]
        await ada.disconnect()
        await drain


@scenario
async def test_invalid_arguments_are_refused(url):
    for bad in ("nonsense", "ftp://example.org", "http://u:p@example.org", ""):
        with pytest.raises(callie.InvalidArgument):
            callie.Client(bad, "ada", token="token")
    async with enter(url, "ada") as ada:
        for arguments in [
            ("Not A Name", "x"),
            ("", "x"),
            ("bob", ""),
            ("bob", "x" * (ada.limits.max_text_bytes + 1)),
            ("bob", "\ud800"),
            ("bob", None),
            ("bob", "x", [Attachment("file", "ftp://example.org/a")]),
            ("bob", "x", [Attachment("sound", "https://example.org/a")]),
        ]:
            with pytest.raises(callie.InvalidArgument) as error:
                ada.send(*arguments)
            assert error.value.code and error.value.reason
        with pytest.raises(callie.InvalidArgument):
            await ada.command("lower case")
        assert ada.stats.messages_sent == 0


@scenario
async def test_message_is_edited_and_deleted(url):
    async with enter(url, "ada") as ada, enter(url, "bob") as bob:
        sent = ada.send("bob", "Helo")
        assert (await message(bob)).message_id == sent.message_id
        await ada.edit_message("bob", sent.message_id, "Hello")
        edited = await until(bob, lambda event: isinstance(event, callie.Edited))
        assert (edited.message_id, edited.sender, edited.text) == (sent.message_id, "ada", "Hello")
        await ada.delete_message("bob", sent.message_id)
        deleted = await until(bob, lambda event: isinstance(event, callie.Deleted))
        assert (deleted.message_id, deleted.sender, deleted.deleted_by) == (sent.message_id, "ada", "ada")


@scenario
async def test_signal_arrives(url):
    async with enter(url, "ada") as ada, enter(url, "bob") as bob:
        ada.signal("bob", "typing", {"since": 3, "what": "é"})
        signal = await until(bob, lambda event: isinstance(event, callie.Signal))
        assert (signal.sender, signal.kind, signal.data) == ("ada", "typing", {"since": 3, "what": "é"})


@scenario
async def test_command_result_is_typed(url):
    async with enter(url, "ada") as ada, enter(url, "bob"):
        group = await ada.create_group("Tea ☕", ["bob"], visibility="public")
        assert sorted(group.members) == ["ada", "bob"] and group.visibility is callie.Visibility.PUBLIC
        (summary,) = (await ada.list_groups()).groups
        assert summary == callie.GroupSummary(group.group_id, "Tea ☕", 2, callie.Role.OWNER)
        assert [group async for group in ada.all_groups()] == [summary]
        details = await ada.get_group(group.group_id)
        assert {(m.username, m.role, m.online) for m in details.members} == {
            ("ada", "owner", True),
            ("bob", "member", True),
        }
        settings = await ada.update_settings(display_name="Ada L.", presence="groups")
        assert settings == await ada.get_settings() == callie.Settings("Ada L.", "groups", "everyone")
        assert await ada.get_profile("ada") == callie.Profile("ada", "Ada L.")
        assert await ada.get_presence(["bob"]) == {"bob": True}
        await ada.block_user("bob")
        assert (await ada.list_blocked()).usernames == ["bob"]
        assert [session.current for session in await ada.list_sessions()] == [True]


@scenario
async def test_refused_command_has_its_code(url):
    async with enter(url, "ada") as ada:
        for name, parameters, code in [
            ("NO_SUCH_COMMAND", {}, "UNKNOWN_COMMAND"),
            ("LIST_GROUPS", {"limit": 0}, "INVALID_PARAMETERS"),
        ]:
            with pytest.raises(callie.Refused) as refused:
                await ada.command(name, parameters)
            assert refused.value.code == code
        with pytest.raises(callie.Refused) as refused:
            await ada.announce("hear ye")
        assert refused.value.code == "FORBIDDEN"


@scenario
async def test_ping_is_answered(url):
    async with enter(url, "ada") as ada, enter(url, "bob"):
        assert timedelta(0) < await ada.ping() < timedelta(seconds=SOON)
        assert timedelta(0) < await ada.ping("bob") < timedelta(seconds=SOON)


@scenario
async def test_cut_connection_loses_nothing(env):
    url = env.url("server")
    async with enter(url, "ada") as ada, enter(env.url("direct"), "bob") as bob:
        await state(bob, "online")
        env.ask("hold")
        for n in range(20):
            ada.send("bob", str(n))
        env.ask("cut")
        env.ask("release")
        assert [(await message(bob)).text for _ in range(20)] == [str(n) for n in range(20)]
        assert await bob.next_events(1, timeout=0.2) == []
        assert ada.stats.reconnects >= 1


@scenario
async def test_lost_connection_is_resumed(env):
    url = env.url("server")
    async with enter(url, "ada") as ada, enter(env.url("direct"), "bob") as bob:
        assert (await state(ada, "online")).resumed is False
        await state(bob, "online")
        env.ask("refuse")
        env.ask("cut")
        await state(ada, "waiting")
        sent = [bob.send("ada", str(n)) for n in range(3)]
        env.ask("accept")
        assert (await state(ada, "online")).resumed is True
        assert [(await message(ada)).text for _ in range(3)] == [str(n) for n in range(3)]
        assert [(await outcome(ticket)).kind for ticket in sent] == ["delivered"] * 3
        ada.suspend()
        ada.resume()
        assert (await state(ada, "online")).resumed is False
        assert (ada.stats.reconnects, ada.stats.resumed) == (2, 1)


@scenario
async def test_client_reconnects_to_restarted_server(env):
    url = env.url("server")
    async with enter(url, "ada") as ada:
        await state(ada, "online")
        env.ask("kill")
        waiting = await state(ada, "waiting")
        assert waiting.retry_in >= timedelta(0) and waiting.close_code == 1006 and waiting.reason
        env.ask("start")
        await state(ada, "online")
        assert await ada.ping()


@scenario
async def test_message_sent_offline_arrives_later(env):
    url = env.url("server")
    # The other client is connected directly, because clients reconnect in any order.
    async with enter(env.url("direct"), "bob") as bob:
        ada = enter(url, "ada")
        await ada.login()
        early = ada.send("bob", "before connecting")
        await ada.start()
        assert (await message(bob)).text == "before connecting"
        assert (await outcome(early)).kind == "delivered"
        env.ask("refuse")
        env.ask("cut")
        await state(ada, "waiting")
        ada.send("bob", "while it was away")
        env.ask("accept")
        assert (await message(bob)).text == "while it was away"
        await ada.disconnect()


@scenario
async def test_deadline_ends_a_ticket(env):
    client = callie.Client(env.url("nobody"), "ada", token="token")
    await client.start()
    began = time.monotonic()
    end = await outcome(client.send("bob", "too late", timeout=0.3))
    assert (end.kind, end.code) == ("failed", "EXPIRED")
    assert 0.2 < time.monotonic() - began < SOON
    await client.disconnect()


@scenario
async def test_revoked_session_ends_the_client(env):
    url = env.url("server")
    async with enter(url, "ada") as ada:
        env.ask("revoke ada")
        closed = (await rest(ada))[-1]
        assert (closed.close_code, closed.code) == (4501, "SESSION_REVOKED")
        assert ada.state.kind == "closed"


@scenario
async def test_token_is_refreshed(env):
    url = env.url("server")
    asked = []

    def source(username, code):
        asked.append((username, code))
        return fresh.result(SOON)

    async def log_in():
        return (await Server(url).login("ada", PASSWORD)).token

    loop = asyncio.get_running_loop()
    async with enter(url, "ada", token_source=source) as ada:
        await state(ada, "online")

        class Fresh:
            def result(self, patience):
                return asyncio.run_coroutine_threadsafe(log_in(), loop).result(patience)

        fresh = Fresh()
        env.ask("revoke ada")
        await state(ada, "online")
        assert asked == [("ada", "SESSION_REVOKED")]
        assert await ada.ping()


@scenario
async def test_suspended_client_resumes(url):
    async with enter(url, "ada") as ada, enter(url, "bob") as bob:
        ada.suspend()
        await state(ada, "suspended")
        sent = ada.send("bob", "from the background")
        assert ada.state.kind == "suspended"
        assert await bob.next_events(64, timeout=0.2) and await bob.next_events(1, timeout=0.2) == []
        ada.resume()
        assert (await message(bob)).text == "from the background"
        assert (await outcome(sent)).kind == "delivered"


@scenario
async def test_garbage_is_survived(env):
    async with callie.Client(env.url("hostile garbage"), "ada", token="token") as ada:
        seen = []
        while not seen or not isinstance(seen[-1], Message):
            seen.append(await until(ada, lambda event: not isinstance(event, ConnectionChanged)))
        assert [type(event) for event in seen] == [Unreadable] * 3 + [Unknown, Message]
        assert all(event.code and event.reason for event in seen[:3])
        assert seen[3].payload["content"]["code"] == "FROM_THE_FUTURE"
        assert seen[4].text == "still here"
        assert await ada.ping()


@scenario
async def test_lying_server_is_survived(env):
    async with callie.Client(env.url("hostile liar"), "ada", token="token") as ada:
        assert (await message(ada)).text == "once"
        sent = ada.send("bob", "Hello")
        await until(ada, lambda event: isinstance(event, Notice) and event.code == "DELIVERED")
        with pytest.raises(callie.BadAnswer):
            await ada.list_groups()
        assert await ada.ping()
        assert ada.stats.messages_received == 1 and ada.stats.duplicates == 1
        # The false DELIVERED has no effect: the message has no outcome until the end.
        assert ada.stats.waiting == 1
        await ada.disconnect()
        assert (await outcome(sent)).kind == "unconfirmed"


@scenario
async def test_silent_server_times_out(env):
    url = env.url("hostile silent")
    began = time.monotonic()
    with pytest.raises(callie.TimedOut):
        await Server(url, request_timeout=0.3).login("ada", PASSWORD)
    with pytest.raises(callie.TimedOut):
        await callie.Client(url, "ada", token="token", request_timeout=0.3).connect()
    assert time.monotonic() - began < SOON


@pytest.mark.parametrize("step", ["on-accept", "in-upgrade", "after-upgrade", "after-authenticate", "in-frame"])
def test_close_at_every_step_is_an_error(env, step):
    async def work():
        client = callie.Client(env.url(f"hostile close-{step}"), "ada", token="token")
        with pytest.raises((callie.Unreachable, callie.BadAnswer)) as error:
            await client.connect()
        assert error.value.code and error.value.reason
        assert client.state.kind == "suspended"

    asyncio.run(asyncio.wait_for(work(), SOON))


@scenario
async def test_cancelled_wait_loses_nothing(url):
    async with enter(url, "ada") as ada, enter(url, "bob") as bob:
        await state(bob, "online")
        assert await bob.next_events(timeout=0.05) == []
        for n in range(50):
            waiting = asyncio.ensure_future(bob.next_events(1))
            await asyncio.sleep(0)
            ada.send("bob", str(n))
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert (await message(bob)).text == str(n)


@scenario
async def test_callback_may_call_back(url):
    async with enter(url, "ada") as ada:
        bob = callie.blocking.Client(url, "bob", PASSWORD, register=True)
        delivered, over = [], threading.Event()

        def listen(events):
            for event in events:
                delivered.append(event)
                if isinstance(event, Message):
                    assert bob.state.kind == "online"
                    # Waits for the end inside the callback.
                    assert bob.send("ada", "back to you").outcome().kind == "delivered"
                    bob.disconnect()
                if isinstance(event, Closed):
                    over.set()

        await asyncio.to_thread(bob.connect)
        bob.listen(listen)
        with pytest.raises(callie.InvalidArgument):
            bob.listen(listen)
        ada.send("bob", "Hello")
        assert (await message(ada)).text == "back to you"
        assert await asyncio.to_thread(over.wait, SOON)
        assert isinstance(delivered[-1], Closed)


@scenario
async def test_failing_callback_is_survived(url):
    delivered, second = [], threading.Event()

    def listen(events):
        texts = [event.text for event in events if isinstance(event, Message)]
        delivered.extend(texts)
        if "second" in texts:
            second.set()
        raise RuntimeError("the application's own fault")

    async with enter(url, "ada") as ada, enter(url, "bob") as bob:
        bob.listen(listen)
        assert (await outcome(ada.send("bob", "first"))).kind == "delivered"
        ada.send("bob", "second")
        assert await asyncio.to_thread(second.wait, SOON)
        assert delivered == ["first", "second"]


@scenario
async def test_client_may_be_dropped_on_another_thread(url):
    async with enter(url, "ada") as ada:
        holder = [enter(url, "bob")]
        await holder[0].connect()
        await ada.subscribe_presence(["bob"])

        def drop():
            holder.clear()
            gc.collect()

        thread = threading.Thread(target=drop)
        thread.start()
        thread.join()
        # The server receives the close frame.
        while (await ada.get_presence(["bob"]))["bob"]:
            await until(ada, lambda event: isinstance(event, Notice))


@scenario
async def test_use_after_disconnect_is_an_error(url):
    async with enter(url, "ada") as ada:
        pass
    await rest(ada)
    for call in (
        lambda: ada.next_events(),
        lambda: ada.ping(),
        lambda: ada.list_groups(),
        lambda: ada.send("bob", "x"),
        lambda: ada.signal("bob", "typing"),
    ):
        with pytest.raises(callie.ClosedError) as error:
            await call()
        assert error.value.code and error.value.reason
    for call in (ada.connect, ada.start, ada.login):
        with pytest.raises(callie.ClosedError):
            await call()
    for call in (ada.suspend, ada.resume, lambda: ada.listen(print)):
        with pytest.raises(callie.ClosedError):
            call()
    ada.network_changed()
    await ada.disconnect()
    await ada.disconnect()


def test_every_vector_is_checked(env):
    wrong, checked = [], 0
    for file in Path(env.ask("vectors")[0]).glob("*.json"):
        for vector in json.loads(file.read_text())["vectors"]:
            payload = vector.get("payload")
            if payload is None:
                payload = "".join(text * times for text, times in vector["parts"])
            check = callie.check_payload if vector["from"] == "client" else callie.check_server_payload
            fault, expected = check(payload), vector.get("fault")
            if expected and vector.get("connectionToken"):
                # Only the connection's server knows which parts of a path the connection's token hides.
                agree = fault is not None and fault.code == expected["code"]
            elif expected:
                agree = fault is not None and (fault.code, fault.path) == (expected["code"], expected["path"])
            else:
                agree = fault is None
            checked += 1
            if not agree:
                wrong.append((file.name, vector["name"], fault, expected))
    assert checked >= 300 and not wrong, wrong


@scenario
async def test_statistics_count(env):
    url = env.url("server")
    async with enter(url, "ada") as ada, enter(env.url("direct"), "bob") as bob:
        await state(ada, "online")
        ticket = ada.send("bob", "Hello")
        await message(bob)
        assert (await outcome(ticket)).kind == "delivered"
        sent, received = ada.stats, bob.stats
        assert (sent.connects, sent.reconnects, sent.messages_sent) == (1, 0, 1)
        assert (received.messages_received, received.duplicates) == (1, 0)
        assert sent.payloads_sent >= 2 and sent.payloads_received >= 2
        assert sent.bytes_sent > 100 and sent.bytes_received > 100
        env.ask("cut")
        await state(ada, "online")
        assert (ada.stats.connects, ada.stats.reconnects) == (2, 1)


@scenario
async def test_sent_message_arrives(env):
    url = env.url("strict")
    count = 150
    async with enter(url, "bob") as bob:
        texts = []

        async def take():
            while len(texts) < 2 * count:
                texts.extend(e.text for e in await bob.next_events(timeout=SOON) if isinstance(e, Message))

        taking = asyncio.ensure_future(take())
        async with enter(url, "ada") as first, enter(url, "ada") as second:
            tickets = []
            for n in range(count):
                tickets.append(first.send("bob", f"first {n}", confirm=False))
                tickets.append(second.send("bob", f"second {n}", confirm=False))
            endings = [await asyncio.wait_for(ticket, 3 * SOON) for ticket in tickets]
        await asyncio.wait_for(taking, SOON)
    assert {ending.kind for ending in endings} == {"sent"}
    for device in ("first", "second"):
        assert [text for text in texts if text.startswith(device)] == [f"{device} {n}" for n in range(count)]


@scenario
async def test_untaken_message_is_not_delivered(url):
    async with enter(url, "ada") as ada, enter(url, "bob") as bob:
        await state(bob, "online")
        ticket = ada.send("bob", "take me")
        # The answer to this ping follows everything that the message could have caused.
        await ada.ping("bob")
        await ada.ping("bob")
        ended = asyncio.ensure_future(ticket)
        await asyncio.sleep(0)
        assert not ended.done()
        assert (await message(bob)).text == "take me"
        assert (await asyncio.wait_for(ended, SOON)).kind == "delivered"


@scenario
async def test_sender_may_take_no_events(url):
    taken = []
    async with enter(url, "ada", event_queue=64) as ada, enter(url, "bob") as bob:
        bob.listen(taken.extend)
        endings = [await outcome(ada.send("bob", str(n))) for n in range(200)]
        assert {e.kind for e in endings} == {"delivered"}
        assert await ada.ping()
    assert [event.text for event in taken if isinstance(event, Message)] == [str(n) for n in range(200)]


@scenario
async def test_suspend_and_connect_in_any_order(env):
    client = callie.Client(env.url("hostile silent"), "ada", token="token")
    connecting = asyncio.ensure_future(client.connect())
    while client.state.kind != "connecting":
        await asyncio.sleep(0)
    client.suspend()
    with pytest.raises(callie.CallieError) as error:
        await asyncio.wait_for(connecting, SOON)
    assert error.value.code == "SUSPENDED"
    async with enter(env.url("server"), "ada") as ada:
        for _ in range(20):
            ada.suspend()
            await asyncio.wait_for(ada.connect(), SOON)
            assert ada.state.kind == "online"
        assert await ada.ping()


@scenario
async def test_disconnect_writes_what_was_sent(url):
    async with enter(url, "bob") as bob:
        for n in range(30):
            ada = enter(url, "ada")
            await ada.connect()
            tickets = [ada.send("bob", f"{n} {k}") for k in range(3)]
            await ada.disconnect()
            for k in range(3):
                assert (await message(bob)).text == f"{n} {k}"
            ended = [event.ticket for event in await rest(ada) if isinstance(event, Ended)]
            assert sorted(ended) == [ticket.number for ticket in tickets]
            for ticket in tickets:
                assert (await outcome(ticket)).kind in ("delivered", "unconfirmed")


@scenario
async def test_longest_timeout_is_accepted(url):
    for longest in (float("inf"), 1.7e308, 10**400):
        times = {"connect_timeout": longest, "request_timeout": longest, "send_timeout": longest}
        async with enter(url, "ada", **times) as ada, enter(url, "bob") as bob:
            ticket = ada.send("bob", "Hello", timeout=longest)
            received = []
            while not any(isinstance(event, Message) for event in received):
                received += await bob.next_events(timeout=longest)
            assert (await outcome(ticket)).kind == "delivered"


@scenario
async def test_reply_names_its_message(url):
    async with enter(url, "ada") as ada, enter(url, "bob") as bob:
        ada.send("bob", "question", metadata={"colour": "red", "big": 10**30})
        question = await message(bob)
        bob.send("ada", "answer", metadata={"inReplyTo": question.payload_id})
        answer = await message(ada)
        assert (answer.text, answer.metadata["inReplyTo"]) == ("answer", question.payload_id)
        # Received metadata can be sent again unchanged.
        ada.send("bob", "the same metadata", metadata=question.metadata)
        again = await message(bob)
        assert again.metadata["colour"] == "red" and again.metadata["big"] == 10**30
        bob.send("ada", "and back", metadata=answer.metadata)
        assert (await message(ada)).metadata["inReplyTo"] == question.payload_id


@scenario
async def test_invalid_text_is_refused(url):
    async with enter(url, "ada") as ada, enter(url, "bob") as bob:
        for call in (
            lambda: ada.send("bob", "half an emoji \ud83d"),
            lambda: ada.send("bob\udc00", "x"),
            lambda: ada.send("bob", b"\xff"),
            lambda: ada.send("bob", "x", metadata={"x": float("nan")}),
            lambda: ada.send("bob", "x", metadata={"x": float("inf")}),
            lambda: ada.send("bob", "x", metadata={"\ud83d": 1}),
            lambda: ada.signal("bob", "typing", {"x": float("-inf")}),
        ):
            with pytest.raises(callie.InvalidArgument):
                call()
        ada.send("bob", "a complete one \U0001f600")
        assert (await message(bob)).text == "a complete one \U0001f600"


@scenario
async def test_abandoned_iterator_loses_nothing(url):
    async with enter(url, "ada") as ada, enter(url, "bob") as bob:
        await state(bob, "online")
        texts = []

        async def iterate(leave):
            async for event in bob:
                if isinstance(event, Message):
                    texts.append(event.text)
                    await leave(event.text)
                    if len(texts) % 3 == 0:
                        break

        async def fail(text):
            if int(text) % 5 == 0:
                raise KeyError(text)

        async def wait(text):
            await asyncio.sleep(60 if int(text) % 4 == 0 else 0)

        for n in range(100):
            ada.send("bob", str(n))
        while len(texts) < 100:
            for leave in (fail, wait):
                iterating = asyncio.ensure_future(iterate(leave))
                done, _ = await asyncio.wait([iterating], timeout=0.01)
                if not done:
                    iterating.cancel()
                await asyncio.wait([iterating])
                if len(texts) >= 100:
                    break
        assert texts == [str(n) for n in range(100)]
