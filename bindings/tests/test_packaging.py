"""Tests that the build context of the image contains every file that the build needs."""

import shutil
import subprocess

from conftest import ROOT


def test_image_is_built_from_a_complete_workspace(tmp_path):
    lines = (ROOT / "packaging/Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in lines and "**/target" in lines
    for name in (line[1:] for line in lines if line.startswith("!")):
        source, copy = ROOT / name, tmp_path / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("target"))
        else:
            shutil.copy(source, copy)
    # cargo tree reads every member of the workspace and the lock file. It builds nothing and does not use the network.
    command = ["cargo", "tree", "--locked", "--offline", "-p", "callie-server"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
