"""The connection of the tests to the test bed, with one environment of servers for each test."""

import socket
import subprocess

from conftest import BUILT

#: The timeout of a request. Starting a server takes well under a second on an idle machine.
PATIENCE_SECONDS = 60


class TestBed:
    """The running program. Each environment is a connection to it."""

    __test__ = False

    def __init__(self):
        self._process = subprocess.Popen(
            [BUILT / "callie-testbed"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._port = int(self._process.stdout.readline())

    def env(self):
        return TestEnv(self._port)

    def close(self):
        self._process.stdin.close()
        self._process.wait(timeout=PATIENCE_SECONDS)
        self._process.stdout.close()


class TestEnv:
    """The servers of one test, which end with this connection."""

    def __init__(self, port):
        self._link = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        self._lines = self._link.makefile("rw", newline="\n")

    def ask(self, request):
        """Sends a request and returns the values of its answer."""
        self._lines.write(request + "\n")
        self._lines.flush()
        verdict, _, rest = self._lines.readline().rstrip("\n").partition(" ")
        assert verdict == "ok", f"{request}: {verdict} {rest}"
        return rest.split(" ") if rest else []

    def url(self, request):
        """Starts a server and returns its URL."""
        return self.ask(request)[0]

    def close(self):
        self._lines.close()
        self._link.close()
