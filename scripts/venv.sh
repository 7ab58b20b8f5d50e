#!/usr/bin/env bash
# Creates the venv for pytest and the NATS server below target/, so that the system is not changed. Fast if the venv exists.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=target/venv
if ! "$venv/bin/python" -c 'import pytest, pytest_timeout' 2>/dev/null || [[ ! -x $venv/bin/nats-server ]]; then
    echo "venv: python3 -m venv $venv; pip install -r scripts/requirements.txt"
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r scripts/requirements.txt </dev/null
fi
