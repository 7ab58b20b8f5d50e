"""Runs programs in processes of their own, for tests of exits and forks, with each installed Python."""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import callie

PACKAGE = Path(callie.__file__).resolve().parent.parent
#: The supported versions of pyproject.toml.
VERSIONS = ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14"]
#: The timeout of a program.
PATIENCE_SECONDS = 60


@functools.lru_cache(maxsize=None)
def pythons():
    """Returns the interpreters of supported versions, by version: the one that runs the tests, those on the PATH and pyenv's."""
    installed = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [sys.executable]
    for version in VERSIONS:
        candidates += filter(None, [shutil.which(f"python{version}")])
        candidates += sorted(installed.glob(f"{version}*/bin/python"))
    found = {}
    for candidate in candidates:
        show = "import sys; print('%d.%d' % sys.version_info[:2])"
        shown = subprocess.run([candidate, "-c", show], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        if shown.returncode == 0 and shown.stdout.strip() in VERSIONS:
            found.setdefault(shown.stdout.strip(), str(candidate))
    return found


def run(source, *given, python=sys.executable):
    """Runs a program with the arguments `given`. Returns its exit code, its output and its errors."""
    done = subprocess.run(
        [python, "-c", source, *map(str, given)],
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    return done.returncode, done.stdout, done.stderr
