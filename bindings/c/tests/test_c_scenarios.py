"""Runs the scenarios of bindings/scenarios.json in C: directly, under valgrind, and with the address sanitizer."""

import json
import subprocess
from pathlib import Path

import pytest

from conftest import BUILT, ROOT, SCENARIOS

SOURCES = Path(__file__).resolve().parent / "scenarios"
#: Valgrind takes seconds for each scenario, so it runs only some of each family, which allocate memory. Scenarios with
#: TLS are not among them: valgrind does not understand the assembler of the cryptography, and reports its output as
#: uninitialised.
UNDER_VALGRIND = [
    "registers_and_logs_in",
    "invalid_token_is_refused",
    "states_are_reported_in_order",
    "message_arrives",
    "attachment_arrives",
    "group_message_arrives",
    "invalid_arguments_are_refused",
    "message_is_edited_and_deleted",
    "command_result_is_typed",
    "cut_connection_loses_nothing",
    "token_is_refreshed",
    "garbage_is_survived",
    "lying_server_is_survived",
    "close_at_every_step_is_an_error",
    "callback_may_call_back",
    "failing_callback_is_survived",
    "client_may_be_dropped_on_another_thread",
    "use_after_disconnect_is_an_error",
    "untaken_message_is_not_delivered",
    "reply_names_its_message",
    "invalid_text_is_refused",
    "abandoned_iterator_loses_nothing",
    "damaged_state_is_set_aside",
    "application_store_keeps_the_state",
    "failing_store_ends_the_client",
]


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Compiles the scenarios."""
    folder = tmp_path_factory.mktemp("scenarios")

    def compile(name, *flags):
        program = folder / name
        subprocess.run(
            ["cc", "-std=c11", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-Werror", "-pedantic", "-g", "-pthread"]
            + [*flags, "-I", ROOT / "bindings/c/include", *sorted(SOURCES.glob("*.c")), "-o", program]
            + ["-L", BUILT, "-lcallie", f"-Wl,-rpath,{BUILT}"],
            check=True,
            timeout=100,
        )
        return program

    return compile


@pytest.fixture(scope="module")
def plain(build):
    return build("plain")


@pytest.fixture(scope="module")
def sanitized(build):
    return build("sanitized", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    """Returns the conformance vectors as records, because C has no JSON parser."""
    records = []
    for file in sorted((ROOT / "callie-core/tests/vectors").glob("*.json")):
        for vector in json.loads(file.read_text())["vectors"]:
            payload = vector.get("payload", "".join(text * times for text, times in vector.get("parts", []))).encode()
            fault = vector.get("fault")
            code, path = (fault["code"], fault["path"].encode()) if fault else ("-", b"")
            # Only the connection's server knows which parts of a path the connection's token hides.
            path_length = len(path) if "connectionToken" not in vector else -1
            records.append(f"{vector['from']} {code} {path_length} {len(payload)}\n".encode() + path * (path_length > 0) + payload)
    written = tmp_path_factory.mktemp("vectors") / "vectors"
    written.write_bytes(b"".join(records))
    return written


@pytest.fixture
def passes(bed_port, vectors):
    def run(command, name):
        command = [*command, str(bed_port), vectors, name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=110)
        assert done.stdout == f"{name} ok\n", done.stdout + done.stderr

    return run


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(plain, passes, name):
    passes([plain], name)


@pytest.mark.parametrize("name", UNDER_VALGRIND)
def test_scenario_under_valgrind(plain, passes, under_valgrind, name):
    passes(under_valgrind([plain]), name)


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario_with_the_address_sanitizer(sanitized, passes, name):
    passes([sanitized], name)


def test_program_has_exactly_the_scenarios(plain):
    listed = subprocess.run([plain, "--list"], capture_output=True, text=True, check=True, timeout=20)
    assert sorted(listed.stdout.split()) == sorted(SCENARIOS)
