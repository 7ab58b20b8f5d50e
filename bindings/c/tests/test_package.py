"""Tests the installed C package: its symbols, and programs that are built as its users build them."""

import os
import re
import subprocess

import pytest

from conftest import BUILT, HEADER, ROOT

PREFIX = "/opt/callie"


def run(*command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=100, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    """Runs the package's Makefile with the library that was built."""
    out = tmp_path_factory.mktemp("out")
    fixed = [f"STATIC={BUILT / 'libcallie.a'}", f"OUT={out}", f"PREFIX={PREFIX}", "PROFILE=debug"]
    return lambda *words: run("make", "-C", ROOT / "bindings/c", *fixed, *words)


@pytest.fixture(scope="module")
def installed(make, tmp_path_factory):
    """A folder that contains only the package, below its prefix."""
    folder = tmp_path_factory.mktemp("destination")
    make("install", f"DESTDIR={folder}")
    return folder


@pytest.fixture
def lib(installed):
    return installed / PREFIX.lstrip("/") / "lib"


def test_shared_library_exports_exactly_the_header(lib):
    symbols = run("nm", "-D", "--defined-only", lib / "libcallie.so")
    exported = {line.split()[2].split("@")[0] for line in symbols.splitlines()} - {"CALLIE_0"}
    declared = set(re.findall(r"\b(callie_\w+)\(", re.sub(r"//[^\n]*|/\*.*?\*/", "", HEADER.read_text(), flags=re.S)))
    assert declared, "the header declares functions"
    assert exported == declared


def test_soname_has_the_major_version(lib):
    assert "[libcallie.so.0]" in run("readelf", "-d", lib / "libcallie.so")
    assert (lib / "libcallie.so").resolve() == (lib / "libcallie.so.0").resolve()


@pytest.mark.parametrize(
    "asked, linked",
    [(["callie"], []), (["callie-static"], []), (["--static", "callie"], ["-static"])],
    ids=["shared", "static", "all-static"],
)
def test_program_builds_with_pkg_config(installed, lib, tutorial, tmp_path, says_hello, asked, linked):
    env = {**os.environ, "PKG_CONFIG_SYSROOT_DIR": str(installed), "PKG_CONFIG_PATH": str(lib / "pkgconfig")}
    flags = run("pkg-config", "--cflags", "--libs", *asked, env=env).split()
    program = tmp_path / "hello"
    run("cc", "-std=c11", "-Wall", "-Wextra", "-pedantic", *linked, tutorial, "-o", program, *flags)
    needed = run("readelf", "-d", program)
    assert ("libcallie.so" in needed) == (asked == ["callie"])
    says_hello(program, **({"LD_LIBRARY_PATH": str(lib)} if asked == ["callie"] else {}))


@pytest.mark.parametrize("target", ["callie::callie", "callie::static"])
def test_program_builds_with_cmake(installed, tutorial, tmp_path, says_hello, target):
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(hello C)\n"
        "find_package(callie 0.1 REQUIRED)\nadd_executable(hello hello.c)\n"
        f"target_link_libraries(hello PRIVATE {target})\n"
    )
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={installed}{PREFIX}")
    run("cmake", "--build", tmp_path / "build")
    says_hello(tmp_path / "build/hello")


def test_cmake_refuses_another_version(installed, tmp_path):
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(hello C)\nfind_package(callie 9.0 REQUIRED)\n"
    )
    command = ["cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={installed}{PREFIX}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode != 0 and "version: 0.1" in done.stderr


def test_uninstall_leaves_nothing(make, tmp_path):
    make("install", f"DESTDIR={tmp_path}", "INCLUDEDIR=/usr/include/callie")
    make("uninstall", f"DESTDIR={tmp_path}", "INCLUDEDIR=/usr/include/callie")
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == []
