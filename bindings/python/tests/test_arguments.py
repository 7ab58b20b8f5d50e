"""An invalid argument of any type raises InvalidArgument, with a reason that states what is expected."""

import asyncio
import time
from datetime import datetime, timedelta, timezone

import pytest

import callie
import callie.blocking
from callie import Attachment

from conftest import PASSWORD

SOON = 20
NAN = float("nan")
ENDLESS = [float("inf"), 1e300, 10**400, 4_000_001, 2**64, timedelta.max]


def invalid(call, *words):
    with pytest.raises(callie.InvalidArgument) as error:
        done = call()
        if asyncio.iscoroutine(done):
            asyncio.run(done)
    assert error.value.code == "INVALID_ARGUMENT"
    # One sentence, which contains the code at most once.
    assert str(error.value).count("INVALID_ARGUMENT") == 1 and "must be must" not in str(error.value)
    for word in words:
        assert word in error.value.reason


@pytest.fixture
def client(server, name):
    with callie.blocking.Client(server.url, name(), PASSWORD, register=True) as client:
        yield client


async def coroutine_function(*_):
    return "token"


class AsyncCallable:
    async def __call__(self, *_):
        return "token"


@pytest.mark.parametrize(
    "options",
    [
        {"token_source": 5},
        {"token_source": "token"},
        {"token_source": coroutine_function},
        {"token_source": AsyncCallable()},
        {"extra_roots": None},
        {"extra_roots": "pem"},
        {"extra_roots": b"pem"},
        {"extra_roots": {"pem": 1}},
        {"pins": None},
        {"pins": 7},
        {"bundled_roots": None},
        {"use_proxy": "no"},
        {"register": "yes"},
        {"device": 7},
        {"connect_timeout": NAN},
        {"request_timeout": -1},
        {"send_timeout": "5"},
        {"send_timeout": True},
        {"send_timeout": -float("inf")},
        {"max_waiting": 1.5},
        {"max_waiting": True},
        {"event_queue": 2**32},
    ],
    ids=str,
)
def test_options_are_checked_by_the_constructor(options):
    for kind in (callie.Client, callie.blocking.Client):
        invalid(lambda: kind("http://127.0.0.1:1", "ada", **{"password": PASSWORD, **options}), *options)


@pytest.mark.parametrize(
    "options, reason",
    [
        ({"extra_roots": ["nonsense"]}, "extra root 1 contains no certificate"),
        ({"bundled_roots": False}, "TLS needs an authority to trust"),
        ({"pins": ["00"]}, "64 hexadecimal digits"),
        ({"connect_timeout": 0}, "the timeout for connecting must be longer than 0"),
    ],
    ids=str,
)
def test_unusable_options_are_refused_by_the_constructor(options, reason):
    url = "https://chat.example"
    invalid(lambda: callie.Server(url, **options), reason)
    for kind in (callie.Client, callie.blocking.Client):
        invalid(lambda: kind(url, "ada", PASSWORD, **options), reason)


def test_times_are_checked(client):
    for wrong in (NAN, "5", -1, -(10**400), True, [1], timedelta(seconds=-1)):
        invalid(lambda: client.next_events(timeout=wrong), "seconds")
        invalid(lambda: client.send("bob", "x", timeout=wrong), "seconds")
    assert client.ping()


@pytest.mark.parametrize("endless", ENDLESS, ids=repr)
def test_durations_of_any_length_are_accepted(server, name, endless):
    options = {"connect_timeout": endless, "request_timeout": endless, "send_timeout": endless}
    with callie.blocking.Client(server.url, name(), PASSWORD, register=True, **options) as client:
        ticket = client.send(client.username, "x", timeout=endless)
        while not any(isinstance(event, callie.Message) for event in client.next_events(timeout=endless)):
            pass
        assert ticket.outcome().kind == "delivered"


def test_message_needs_time(client):
    invalid(lambda: client.send(client.username, "x", timeout=0), "longer than 0")


def test_zero_is_a_valid_timeout_for_events(client):
    began = time.monotonic()
    while client.next_events(timeout=0):
        pass
    assert time.monotonic() - began < SOON


@pytest.mark.parametrize(
    "attachments",
    [
        {"kind": "file"},
        "file",
        None,
        7,
        Attachment("file", "https://example.org/a"),
        [{"kind": "file"}],
        [None],
        [Attachment([], "https://example.org/a")],
        [Attachment("file", 7)],
        [Attachment("file", "https://example.org/a", size=True)],
        [Attachment("file", "https://example.org/a", metadata=None)],
        [Attachment("file", "https://example.org/a", metadata=[])],
        [Attachment("file", "https://example.org/a", metadata={"x": NAN})],
    ],
    ids=str,
)
def test_attachments_are_checked(client, attachments):
    invalid(lambda: client.send("bob", "x", attachments), "attachment")


@pytest.mark.parametrize(
    "metadata",
    [[], "x", 7, {"x": NAN}, {"x": {1, 2}}, {"x": object()}, {"x": "\ud800"}, {(1, 2): 3}, {"x": b"y"}, {1: 1, "1": 2}],
    ids=ascii,
)
def test_metadata_is_checked(client, metadata):
    invalid(lambda: client.send("bob", "x", metadata=metadata), "metadata")


def test_nested_metadata_is_checked(client):
    deep = {}
    deeper = deep
    for _ in range(10_000):
        deeper["x"] = deeper = {}
    invalid(lambda: client.send("bob", "x", metadata=deep), "metadata")
    invalid(lambda: client.signal("bob", "typing", deep), "data")


def test_texts_and_lists_are_checked(client):
    group = client.create_group("Tea").group_id
    for call in [
        lambda: client.set_role(group, "bob", []),
        lambda: client.set_role(group, "bob", None),
        lambda: client.update_settings(presence={}),
        lambda: client.create_group("Tea", "bob"),
        lambda: client.create_group("Tea", None),
        lambda: client.create_group("Tea", {"bob": 1}),
        lambda: client.create_group("Tea", visibility="secret"),
        lambda: client.create_group("Tea", visibility=None),
        lambda: client.create_group("Tea", visibility=True),
        lambda: client.get_presence(None),
        lambda: client.get_presence("bob"),
        lambda: client.get_presence([None]),
        lambda: client.ban_user("bob", until=datetime.now()),
        lambda: client.ban_user("bob", until="tomorrow"),
        lambda: client.list_groups(limit=True),
        lambda: client.send("bob", "x", confirm="yes"),
        lambda: client.listen(None),
        lambda: client.listen(coroutine_function),
        lambda: client.next_events("many"),
        lambda: client.next_events(None),
        lambda: client.next_events(True),
        lambda: callie.set_logger([]),
        lambda: callie.set_logger(True),
        lambda: callie.set_logger(callie.TRACE, "callie"),
        lambda: callie.Server(client._client._config.url).logout("session"),
    ]:
        invalid(call)
    assert client.ping()


def test_instants_out_of_range_are_refused(client):
    for until in (datetime.max.replace(tzinfo=timezone.utc), datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))):
        with pytest.raises((callie.InvalidArgument, callie.Refused)):
            client.ban_user("bob", until=until)


def test_invalid_arguments_are_not_sent(client):
    before = client.stats.payloads_sent
    invalid(lambda: client.get_presence([]))
    invalid(lambda: client.get_presence([f"user{n}" for n in range(257)]))
    invalid(lambda: client.subscribe_presence([]))
    invalid(lambda: client.unsubscribe_presence([]))
    invalid(lambda: client.revoke_session("not an ID"))
    assert client.stats.payloads_sent == before
