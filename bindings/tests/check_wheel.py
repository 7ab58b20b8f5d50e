"""Checks the wheel that `make wheel` has built: what it needs of a system, and that it works where it is installed."""

import re
import subprocess
import sys
import zipfile

import pytest

from conftest import PASSWORD, ROOT

#: The C library of manylinux2014: that of CentOS 7, older than the one of any supported distribution.
OLDEST_GLIBC = (2, 17)

#: Registers a user, who sends a message to themselves.
PROGRAM = """
import sys
import callie
from callie.blocking import Client

url, folder, name, password = sys.argv[1:]
assert callie.__file__.startswith(folder), callie.__file__
with Client(url, name, password, register=True) as client:
    ticket = client.send(name, "There and back")
    message = next(event for event in client if isinstance(event, callie.Message))
    print(message.text, ticket.outcome().kind.value)
"""


@pytest.fixture
def wheel():
    """The only wheel in target/wheels."""
    (wheel,) = (ROOT / "target/wheels").glob("*.whl")
    return wheel


def glibc_versions(library):
    """Returns the versions of the C library whose symbols a shared library needs."""
    symbols = subprocess.run(["objdump", "-T", library], capture_output=True, text=True, check=True).stdout
    return {tuple(map(int, version.split("."))) for version in re.findall(r"GLIBC_([0-9.]+)", symbols)}


def test_wheel_needs_no_newer_glibc_than_its_tag_says(wheel, tmp_path):
    assert "manylinux2014" in wheel.name and "-py3-none-" in wheel.name
    with zipfile.ZipFile(wheel) as contents:
        libraries = [name for name in contents.namelist() if name.endswith(".so")]
        assert len(libraries) == 1
        assert any(name.endswith("licenses/LICENSE") for name in contents.namelist())
        needed = glibc_versions(contents.extract(libraries[0], tmp_path))
    assert needed and max(needed) <= OLDEST_GLIBC, needed


def test_installed_wheel_sends_a_message(wheel, tmp_path, server, name):
    folder = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=120)
    python = folder / "bin/python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", wheel]
    subprocess.run(install, check=True, timeout=120)
    arguments = [server.url, str(folder), name(), PASSWORD]
    ran = subprocess.run(
        [python, "-I", "-c", PROGRAM, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stdout) == (0, "There and back delivered\n"), ran.stderr
