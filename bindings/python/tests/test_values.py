"""Values can be copied, pickled and compared; handles cannot."""

import concurrent.futures
import copy
import dataclasses
import json
import multiprocessing
import pickle
from datetime import datetime, timezone
from decimal import Decimal

import pytest

import callie
import callie.blocking
from callie import events, jsontext

from conftest import PASSWORD
from programs import run

ERRORS = [
    callie.BadAnswer,
    callie.CallieError,
    callie.ClosedError,
    callie.Internal,
    callie.InvalidArgument,
    callie.QueueFull,
    callie.Refused,
    callie.TimedOut,
    callie.Unreachable,
]


@pytest.fixture
def handles(server, name):
    """Returns a handle of each kind, and its object of the native library."""
    client = callie.blocking.Client(server.url, name(), PASSWORD, register=True)
    with client:
        inner = client._client
        ticket = client.send(client.username, "x")
        reader = callie._native.LogReader(callie._native.LogLevel.ERROR)
        callie.set_logger(None)
        yield [
            client,
            inner,
            inner._native,
            inner._credentials,
            inner._credentials._native,
            inner._server,
            inner._server._native,
            ticket,
            ticket._ticket,
            ticket._ticket._native,
            inner._native.event_reader(),
            reader,
        ]


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, pickle.dumps, lambda handle: pickle.dumps(handle, 0)])
def test_handles_are_neither_copied_nor_pickled(handles, make):
    for handle in handles:
        with pytest.raises(TypeError) as error:
            make(handle)
        assert type(handle).__name__ in str(error.value) and "copied or pickled" in str(error.value)
        if make is not copy.copy:
            with pytest.raises(TypeError):
                make([handle])


def test_refused_copies_do_not_affect_the_client(handles):
    client = handles[0]
    for _ in range(50):
        for handle in handles:
            with pytest.raises(TypeError):
                copy.deepcopy(handle)
    assert client.ping()


def test_every_native_object_refuses_copies():
    """The list contains every class of the generated module that has a handle."""
    generated = callie._native.generated
    kinds = [kind for kind in vars(generated).values() if hasattr(kind, "_uniffi_clone_handle")]
    assert set(kinds) == set(callie._native._OBJECTS)


@pytest.mark.parametrize("kind", ERRORS)
def test_errors_are_copied_and_pickled(kind):
    error = kind("CODE", "why it is so")
    error.extra = [1]
    for made in (copy.copy(error), copy.deepcopy(error), *(pickle.loads(pickle.dumps(error, p)) for p in range(6))):
        assert type(made) is kind
        assert (made.code, made.reason, str(made), made.extra) == ("CODE", "why it is so", str(error), [1])


def fail(kind):
    raise kind("CODE", "why it is so")


def test_errors_return_from_a_process_pool():
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn) as pool:
        for kind in ERRORS:
            with pytest.raises(kind) as error:
                pool.submit(fail, kind).result(timeout=60)
            assert (error.value.code, error.value.reason) == ("CODE", "why it is so")


MESSAGE = events.Message("ada", "bob", "x", [callie.Attachment("file", "u")], datetime.now(timezone.utc), "m", "p", {"a": [1]})


def test_records_behave_like_dataclasses():
    assert dataclasses.is_dataclass(MESSAGE)
    assert dataclasses.replace(MESSAGE, text="y").text == "y"
    assert dataclasses.asdict(MESSAGE)["attachments"][0]["metadata"] == {}
    assert [field.name for field in dataclasses.fields(callie.Message)][:3] == ["sender", "recipient", "text"]
    attachment = dataclasses.replace(callie.Attachment("file", "u"), size=3)
    assert attachment == callie.Attachment("file", "u", size=3)
    assert MESSAGE.__replace__(text="y") == dataclasses.replace(MESSAGE, text="y")


def test_records_are_copied_pickled_and_hashed():
    for made in (copy.copy(MESSAGE), copy.deepcopy(MESSAGE), pickle.loads(pickle.dumps(MESSAGE))):
        assert made == MESSAGE and hash(made) == hash(MESSAGE)
    assert len({MESSAGE, copy.deepcopy(MESSAGE), dataclasses.replace(MESSAGE, text="y")}) == 2


def test_large_numbers_survive_both_directions():
    digits = "1" * 5_000
    read = jsontext.read_object(f'{{"a": 1e999, "b": -1E+400, "c": [2.5, 1e5, 7], "d": {digits}, "e": {10**30}}}')
    assert read["a"] == Decimal("1e999") and read["b"] == Decimal("-1e400")
    assert read["c"] == [2.5, 1e5, 7] and read["e"] == 10**30
    assert read["d"] == Decimal(digits)
    written = jsontext.write_object(read, "the metadata")
    assert json.loads(written, parse_float=Decimal, parse_int=Decimal) == {
        "a": Decimal("1e999"),
        "b": Decimal("-1e400"),
        "c": [Decimal("2.5"), 100_000, 7],
        "d": Decimal(digits),
        "e": Decimal(10**30),
    }
    with pytest.raises(callie.InvalidArgument):
        jsontext.write({"a": Decimal("NaN")}, "the metadata")


def test_submodules_and_version_are_imported():
    program = "import callie\nprint(callie.__version__ == callie.version(), callie.blocking.Client, callie.options.Options)"
    code, output, errors = run(program)
    assert code == 0 and output.startswith("True <class"), errors
    with pytest.raises(AttributeError):
        callie.no_such_name


def test_failed_constructor_leaves_a_printable_object():
    for kind in (callie.Client, callie.blocking.Client):
        made = kind.__new__(kind)
        with pytest.raises(callie.InvalidArgument):
            made.__init__("nonsense", "ada", PASSWORD)
        assert "not made" in repr(made)
