"""Tests the matrix of scenarios: it reads the results of every runner, and fails if a cell is empty or failed."""

import json
import subprocess
import sys

import pytest

from conftest import ROOT

LANGUAGES = ["rust", "c", "python", "kotlin", "swift", "node", "chromium"]


@pytest.fixture
def matrix(tmp_path):
    """Runs the script with a list of two scenarios."""
    table = tmp_path / "scenarios.json"
    table.write_text(json.dumps([{"name": name, "about": "-"} for name in ("message_arrives", "ping_is_answered")]))

    def run(*arguments):
        command = [sys.executable, ROOT / "scripts/matrix.py", "--scenarios", table, "--results", tmp_path / "results"]
        return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=20)

    return run


@pytest.fixture
def noted(matrix, tmp_path):
    """Returns the saved results of a run."""

    def run(kind, text, *more):
        file = tmp_path / "run"
        file.write_text(text)
        done = matrix("read", "c", kind, file, *more)
        assert done.returncode == 0, done.stderr
        return (tmp_path / "results/c.txt").read_text().splitlines()

    return run


def note(tmp_path, **results):
    folder = tmp_path / "results"
    folder.mkdir(exist_ok=True)
    for language, text in results.items():
        (folder / f"{language}.txt").write_text(text)


ALL = "message_arrives ok\nping_is_answered ok\n"


def test_full_matrix_passes(matrix, tmp_path):
    note(tmp_path, **{language: ALL for language in LANGUAGES})
    done = matrix()
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == [
        LANGUAGES,
        ["message_arrives", *["ok"] * 7],
        ["ping_is_answered", *["ok"] * 7],
        ["of", "2", "passed", *["2"] * 7],
    ]


@pytest.mark.parametrize(
    "chromium, cells",
    [("message_arrives ok\n", ["ok", "-"]), ("message_arrives failed\nping_is_answered ok\n", ["FAILED", "ok"]), ("", ["-", "-"])],
)
def test_empty_or_failed_cell_fails(matrix, tmp_path, chromium, cells):
    note(tmp_path, **{language: ALL for language in LANGUAGES} | {"chromium": chromium})
    done = matrix()
    assert done.returncode == 1
    assert [line.split()[-1] for line in done.stdout.splitlines()[1:3]] == cells


@pytest.fixture
def excepted(tmp_path, matrix):
    """A list whose second scenario Swift cannot pass."""
    rows = [
        {"name": "message_arrives", "about": "-"},
        {"name": "ping_is_answered", "about": "-", "impossible": {"swift": "Swift has no pings"}},
    ]
    (tmp_path / "scenarios.json").write_text(json.dumps(rows))


def test_exception_is_shown_with_its_reason(excepted, matrix, tmp_path):
    note(tmp_path, **{language: ALL for language in LANGUAGES} | {"swift": "message_arrives ok\n"})
    done = matrix()
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert lines[2].split() == ["ping_is_answered", *["ok"] * 4, "n/a", *["ok"] * 2]
    assert lines[-1] == "n/a: Swift has no pings: ping_is_answered (swift)"


@pytest.mark.parametrize("verdict", ["ok", "failed"])
def test_exception_with_a_result_fails(excepted, matrix, tmp_path, verdict):
    swift = f"message_arrives ok\nping_is_answered {verdict}\n"
    note(tmp_path, **{language: ALL for language in LANGUAGES} | {"swift": swift})
    assert matrix().returncode == 1


def test_language_without_results_fails(matrix, tmp_path):
    note(tmp_path, **{language: ALL for language in LANGUAGES[:-1]})
    assert matrix().returncode == 1


def test_libtest_results_of_one_binary_are_read(noted):
    text = """
     Running tests/other.rs (target/debug/deps/other-1)
test ping_is_answered ... FAILED
     Running tests/scenarios/main.rs (target/debug/deps/scenarios-1)
test messages::message_arrives ... ok
test commands::ping_is_answered ... ok
test messages::something_else ... ok
   Doc-tests callie
test ping_is_answered ... FAILED
"""
    assert noted("libtest", text, "--part", "tests/scenarios/") == ["message_arrives ok", "ping_is_answered ok"]
    assert noted("libtest", "test a::message_arrives ... FAILED\ntest ping_is_answered ... ignored") == [
        "message_arrives failed"
    ]


def test_junit_results_of_every_runner_are_read(noted):
    text = """<testsuites><testsuite>
        <testcase classname="python.tests.test_scenarios" name="test_message_arrives"/>
        <testcase classname="python.tests.test_scenarios" name="test_ping_is_answered"><failure message="no"/></testcase>
        <testcase classname="c.tests.test_c_scenarios" name="test_scenario[message_arrives]"><error/></testcase>
        <testcase classname="c.tests.test_c_scenarios" name="test_scenario[ping_is_answered-valgrind]"/>
        <testcase classname="dev.callie.ScenariosTest" name="messageArrives" time="1"/>
        <testcase classname="CallieTests.Scenarios" name="pingIsAnswered()"/>
    </testsuite></testsuites>"""
    assert noted("junit", text, "--part", "python") == ["message_arrives ok", "ping_is_answered failed"]
    assert noted("junit", text, "--part", "c.tests") == ["message_arrives failed", "ping_is_answered ok"]
    assert noted("junit", text, "--part", "ScenariosTest") == ["message_arrives ok"]
    assert noted("junit", text, "--part", "CallieTests") == ["ping_is_answered ok"]


def test_skipped_test_leaves_its_cell_empty(noted):
    text = '<testsuite><testcase name="message_arrives"><skipped/></testcase></testsuite>'
    assert noted("junit", text) == []


def test_scenario_fails_with_one_of_its_tests(noted):
    assert noted("lines", "message_arrives failed: why\nmessage_arrives ok\n") == ["message_arrives failed"]
    assert noted("lines", "message_arrives ok\nmessage_arrives failed: why\n") == ["message_arrives failed"]


def test_scenarios_have_distinct_names_and_sentences():
    table = json.loads((ROOT / "bindings/scenarios.json").read_text())
    names = [row["name"] for row in table]
    assert len(names) == len(set(names)) >= 25
    assert all(set(row) - {"impossible"} == {"name", "about"} and row["about"].endswith(".") for row in table)
    assert all(set(row.get("impossible", {})) <= set(LANGUAGES) for row in table)
