"""The test bed as the tests talk to it: one env of servers for each test."""

import socket
import subprocess

from conftest import BUILT

#: Starting a server takes well under a second; a machine under load takes longer.
PATIENCE_SECONDS = 60


class TestBed:
    """The running program; every env is a connection to it."""

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
    """Servers that live as long as this connection."""

    def __init__(self, port):
        self._link = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        self._lines = self._link.makefile("rw", newline="\n")

    def ask(self, request):
        """Carries a request out and gives the values of its answer."""
        self._lines.write(request + "\n")
        self._lines.flush()
        verdict, _, rest = self._lines.readline().rstrip("\n").partition(" ")
        assert verdict == "ok", f"{request}: {verdict} {rest}"
        return rest.split(" ") if rest else []

    def url(self, request):
        """Starts a server and gives where it listens."""
        return self.ask(request)[0]

    def close(self):
        self._lines.close()
        self._link.close()
