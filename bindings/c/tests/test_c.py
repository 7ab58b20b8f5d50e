"""The C library: its header as C11 and C++17, its calls with bad input and against a real server, under valgrind."""

import subprocess
from pathlib import Path

from conftest import BUILT, HEADER, PASSWORD, ROOT

HERE = Path(__file__).resolve().parent


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_bad_input_is_a_status(compile_c, under_valgrind):
    assert run(under_valgrind([compile_c(HERE / "bad_input.c")])) == "ok\n"


def test_every_call_works_against_a_server(compile_c, under_valgrind, server, name):
    program = compile_c(HERE / "live.c")
    assert run(under_valgrind([program, server.url, name("ada"), name("bob"), PASSWORD])) == "ok\n"


def test_the_header_is_cpp_17(tmp_path):
    program = tmp_path / "cpp"
    subprocess.run(
        ["c++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I", HEADER.parent]
        + [HERE / "usable_from_cpp.cpp", "-o", program, "-L", BUILT, "-lcallie", f"-Wl,-rpath,{BUILT}"],
        check=True,
        timeout=60,
    )
    assert run([program]) == "ok\n"


def test_the_static_library_links(tmp_path):
    program = tmp_path / "static"
    subprocess.run(
        ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-I", HEADER.parent, HERE / "bad_input.c"]
        + ["-o", program, BUILT / "libcallie.a", "-lpthread", "-ldl", "-lm"],
        check=True,
        timeout=60,
    )
    assert run([program]) == "ok\n"


def test_the_headers_tutorial_runs(tutorial, compile_c, server, name):
    import callie.blocking

    ada, bob = name("ada"), name("bob")
    with callie.blocking.Client(server.url, bob, PASSWORD, register=True) as peer:
        with callie.blocking.Client(server.url, ada, PASSWORD, register=True):
            pass
        hello = subprocess.Popen(
            [compile_c(tutorial), server.url, ada, PASSWORD, bob], stdout=subprocess.PIPE, text=True
        )
        arrived = next(event for event in peer if isinstance(event, callie.Message))
        assert (arrived.sender, arrived.text) == (ada, "Hello, **you**")
        peer.send(ada, "Hello yourself")
        out, _ = hello.communicate(timeout=20)
    assert hello.returncode == 0
    assert f"{bob}: Hello yourself\n" in out
