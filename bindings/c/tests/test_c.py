"""Tests the C library: its header as C11 and C++17, and its calls with bad input and against a real server, under valgrind."""

import os
import subprocess
from pathlib import Path

import pytest

from conftest import BUILT, HEADER, PASSWORD, ROOT

HERE = Path(__file__).resolve().parent


def run(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_bad_input_is_a_status(compile_c, under_valgrind):
    assert run(under_valgrind([compile_c(HERE / "bad_input.c")])) == "ok\n"


def test_every_call_works_against_a_server(compile_c, under_valgrind, server, name):
    program = compile_c(HERE / "live.c")
    assert run(under_valgrind([program, server.url, name("ada"), name("bob"), PASSWORD])) == "ok\n"


#: What POSIX requires of a program with threads and clocks.
POSIX = ["-D_POSIX_C_SOURCE=200809L", "-pthread"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


@pytest.mark.parametrize("program", ["callbacks", "waits"])
def test_handles_end_as_documented(compile_c, under_valgrind, server, name, program):
    """Tests when user_data can be freed, and what wakes a waiting call."""
    source = HERE / f"{program}.c"
    sanitized = compile_c(source, *POSIX, *SANITIZERS)
    assert run([sanitized, server.url, name("ada"), PASSWORD, "60"]) == "ok\n"
    # Valgrind runs one thread at a time, about thirty times slower.
    plain = compile_c(source, *POSIX)
    assert run(under_valgrind([plain, server.url, name("ada"), PASSWORD, "3"])) == "ok\n"


def test_forked_child_is_refused_and_parent_continues(compile_c, under_valgrind, server, name):
    """Runs without the address sanitizer, whose allocator deadlocks in a child forked while another thread allocates."""
    program = compile_c(HERE / "forks.c", *POSIX, "-fsanitize=undefined", "-fno-sanitize-recover=all")
    assert run([program, server.url, name("ada"), PASSWORD, "200"]) == "ok\n"
    # In a child, memory of the parent's threads looks like a leak.
    plain = compile_c(HERE / "forks.c", *POSIX)
    assert run(under_valgrind([plain, server.url, name("ada"), PASSWORD, "3"], leaks=False)) == "ok\n"


@pytest.mark.parametrize("way", ["main", "thread", "listener", "sink", "at_exit"])
def test_program_ends_with_its_own_code(compile_c, server, name, way):
    program, ada = compile_c(HERE / "exits.c", *POSIX), name("ada")
    token = run([program, server.url, ada, PASSWORD]).strip()
    for _ in range(100):
        done = subprocess.run([program, server.url, ada, token, way], capture_output=True, text=True, timeout=20)
        assert (done.returncode, done.stdout, done.stderr) == (7, "", "")


def test_header_compiles_as_cpp_17(tmp_path):
    program = tmp_path / "cpp"
    subprocess.run(
        ["c++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I", HEADER.parent]
        + [HERE / "usable_from_cpp.cpp", "-o", program, "-L", BUILT, "-lcallie", f"-Wl,-rpath,{BUILT}"],
        check=True,
        timeout=60,
    )
    assert run([program]) == "ok\n"


def test_static_library_links(tmp_path):
    program = tmp_path / "static"
    subprocess.run(
        ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-I", HEADER.parent, HERE / "bad_input.c"]
        + ["-o", program, BUILT / "libcallie.a", "-lpthread", "-ldl", "-lm"],
        check=True,
        timeout=60,
    )
    assert run([program]) == "ok\n"


def test_tutorial_of_the_header_runs(tutorial, compile_c, says_hello):
    says_hello(compile_c(tutorial))
