"""Fixtures for the tests of all bindings: the built server, started on a free port with its own database."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BUILT = ROOT / "target" / "debug"
HEADER = ROOT / "bindings/c/include/callie.h"
#: The names of the scenarios, each of which every language tests.
SCENARIOS = [row["name"] for row in json.loads((ROOT / "bindings/scenarios.json").read_text())]
#: A start takes well under a second, but longer on a machine under load.
START_SECONDS = 30
PASSWORD = "correct horse battery"


class Server:
    """A running server process."""

    def __init__(self, folder: Path, *options: str, listen: str = "127.0.0.1:0") -> None:
        self._process = subprocess.Popen(
            [BUILT / "callie-server", "--listen", listen, "--database", str(folder / "callie.db"), *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=open(folder / "server.log", "ab"),
            env={k: v for k, v in os.environ.items() if not k.startswith("CALLIE_")},
            text=True,
        )
        # Kills a server that prints nothing, which ends the reading.
        watch = threading.Timer(START_SECONDS, self._process.kill)
        watch.start()
        line = self._process.stdout.readline()
        watch.cancel()
        if " on http://" not in line:
            self.kill()
            raise RuntimeError("the server did not start: " + (folder / "server.log").read_text())
        self.url = line.split(" on ")[1].strip()

    def stop(self) -> None:
        """Stops the server with SIGTERM."""
        self._process.send_signal(signal.SIGTERM)
        self._wait()

    def kill(self) -> None:
        """Kills the server, like a crash."""
        self._process.kill()
        self._wait()

    def _wait(self) -> None:
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One server for all tests that do not stop it. Each test uses its own usernames."""
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.stop()


@pytest.fixture
def own_server(tmp_path):
    """A server for one test, which may stop or kill it."""
    server = Server(tmp_path)
    yield server
    server.kill()


@pytest.fixture(scope="session")
def bed_port():
    """The port of the test bed, which ends when its stdin is closed."""
    bed = subprocess.Popen([BUILT / "callie-testbed"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield int(bed.stdout.readline())
    bed.stdin.close()
    bed.wait(timeout=20)
    bed.stdout.close()


_names = iter(range(1_000_000))


@pytest.fixture
def name():
    """Returns usernames that no other test uses."""
    return lambda stem="user": f"{stem}{next(_names)}"


@pytest.fixture(scope="session")
def compile_c(tmp_path_factory):
    """Compiles a C11 program against the header and the shared library, with warnings as errors."""
    folder = tmp_path_factory.mktemp("c")

    def build(source: Path, *more: str) -> Path:
        program = folder / source.stem
        subprocess.run(
            ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-g", *more]
            + ["-I", ROOT / "bindings/c/include", source, "-o", program]
            + ["-L", BUILT, "-lcallie", f"-Wl,-rpath,{BUILT}"],
            check=True,
            timeout=60,
        )
        return program

    return build


@pytest.fixture
def tutorial(tmp_path):
    """Extracts the program at the beginning of the header."""
    opening = HEADER.read_text().split("*/")[0]
    code = [line[7:] for line in re.findall(r"^ \*(?:     .*)?$", opening, re.M)]
    text = "\n".join(code)
    source = tmp_path / "hello.c"
    source.write_text(text[text.index("#include") : text.index("\n}\n", text.index("int main")) + 3])
    return source


@pytest.fixture
def says_hello(server, name):
    """Checks a program that was built from the header's tutorial: it and a peer exchange a message."""

    def check(program: Path, **env: str) -> None:
        import callie.blocking

        ada, bob = name("ada"), name("bob")
        with callie.blocking.Client(server.url, bob, PASSWORD, register=True) as peer:
            with callie.blocking.Client(server.url, ada, PASSWORD, register=True):
                pass
            hello = subprocess.Popen(
                [program, server.url, ada, PASSWORD, bob],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env={**os.environ, **env},
            )
            arrived = next(event for event in peer if isinstance(event, callie.Message))
            assert (arrived.sender, arrived.text) == (ada, "Hello, **you**")
            peer.send(ada, "Hello yourself")
            out, _ = hello.communicate(timeout=20)
        assert hello.returncode == 0, out
        assert f"{bob}: Hello yourself\n" in out

    return check


@pytest.fixture(scope="session")
def under_valgrind():
    """Runs a command under valgrind, if it is installed. Invalid accesses and, unless `leaks` is false, leaks are failures."""
    if shutil.which("valgrind") is None:
        return lambda command, leaks=True: command
    options = ["--quiet", "--error-exitcode=9"]
    leak_options = ["--leak-check=full", "--errors-for-leak-kinds=definite"]
    return lambda command, leaks=True: ["valgrind", *options, *(leak_options if leaks else []), *command]
