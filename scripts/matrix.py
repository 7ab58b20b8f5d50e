#!/usr/bin/env python3
"""Reports the scenarios that each language passed.

    matrix.py                               print the matrix; exit 1 if a cell is empty or failed
    matrix.py read LANGUAGE FORMAT FILE...  save the results of a test run for the matrix

The results of a test run are lines `name ok` or `name failed` in target/scenarios/LANGUAGE.txt. They are read from the
output of the language's usual test runner: `libtest` (the output of cargo test), `junit` (XML from pytest, Maven's surefire
and swift test), or `lines` (`name ok` or `name failed: why`). The names are those of bindings/scenarios.json, compared
without underscores, case and a leading "test"; other tests are ignored. A skipped test leaves its cell empty. A scenario
with several tests passes if all of them pass.

A scenario that the platform of a column cannot pass has a member `impossible`, which maps the column to the reason. Its cell
is "n/a", with the reason below the matrix. A result in such a cell fails, because the reason is not true then.
"""

import argparse
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# TypeScript has a column for each platform that it is tested on.
LANGUAGES = ("rust", "c", "python", "kotlin", "swift", "node", "chromium")
OK, FAILED = "ok", "failed"


def plain(name):
    """Normalises a name: `test_message_arrives`, `messageArrives()` and `message_arrives` are equal afterwards."""
    return re.sub(r"[^a-z0-9]", "", name.lower()).removeprefix("test")


def from_libtest(text, part):
    """Yields the tests of the binary whose source path contains `part`, if the output names the binaries."""
    within = not part or "Running " not in text
    for line in text.splitlines():
        if running := re.match(r"\s+(?:Running|Doc-tests) (.*)", line):
            within = not part or part in running[1]
        elif within and (found := re.match(r"test (\S+) (?:- should panic )?\.\.\. (ok|FAILED)$", line)):
            yield found[1].rsplit("::")[-1], OK if found[2] == "ok" else FAILED


def from_junit(text, part):
    """Yields the test cases of the classes whose name contains `part`. The scenario may be a parameter of a case."""
    for case in ElementTree.fromstring(text).iter("testcase"):
        if part and part not in case.get("classname", ""):
            continue
        if case.find("skipped") is not None:
            continue
        failed = case.find("failure") is not None or case.find("error") is not None
        name, _, parameters = case.get("name", "").partition("[")
        for candidate in [name, *parameters.rstrip("]").split("-")]:
            yield candidate, FAILED if failed else OK


def from_lines(text, _part):
    for line in text.splitlines():
        if found := re.match(r"(\S+) (ok|failed)\b", line):
            yield found[1], found[2]


FORMATS = {"libtest": from_libtest, "junit": from_junit, "lines": from_lines}


def scenarios(path):
    """Maps the normalised names of the table to its names, in its order."""
    return {plain(row["name"]): row["name"] for row in json.loads(path.read_text())}


def exceptions(path):
    """Maps the names of scenarios and columns to the reasons why the one cannot pass the other."""
    rows = json.loads(path.read_text())
    return {(row["name"], column): why for row in rows for column, why in row.get("impossible", {}).items()}


def join(results, table):
    """Combines the results by scenario: a scenario passes only if all of its tests pass."""
    verdicts = {}
    for name, verdict in results:
        if scenario := table.get(plain(name)):
            verdicts[scenario] = FAILED if FAILED in (verdict, verdicts.get(scenario)) else OK
    return verdicts


def read(options, table):
    results = []
    for file in options.files:
        results += FORMATS[options.format](file.read_text(), options.part)
    verdicts = join(results, table)
    options.results.mkdir(parents=True, exist_ok=True)
    lines = [f"{name} {verdicts[name]}\n" for name in table.values() if name in verdicts]
    (options.results / f"{options.language}.txt").write_text("".join(lines))
    return 0


def cell(verdict, reason):
    """The text of a cell: the verdict of the run, or that the column cannot have one."""
    if verdict is None:
        return "n/a" if reason else "-"
    return "FAILED" if verdict == FAILED or reason else OK


def show(options, table):
    reasons = exceptions(options.scenarios)
    columns = {}
    for language in LANGUAGES:
        file = options.results / f"{language}.txt"
        verdicts = join(from_lines(file.read_text(), ""), table) if file.exists() else {}
        columns[language] = {name: cell(verdicts.get(name), reasons.get((name, language))) for name in table.values()}
    width = max(map(len, table.values()), default=0)
    print(" " * width, *(f"{language:>8}" for language in LANGUAGES))
    for name in table.values():
        print(f"{name:{width}}", *(f"{columns[language][name]:>8}" for language in LANGUAGES))
    cells = {language: list(column.values()) for language, column in columns.items()}
    print(f"{f'of {len(table)} passed':{width}}", *(f"{cells[language].count(OK):>8}" for language in LANGUAGES))
    for reason in dict.fromkeys(reasons.values()):
        places = [f"{name} ({column})" for (name, column), why in reasons.items() if why == reason]
        print(f"n/a: {reason}: {', '.join(places)}")
    return 0 if table and all(text in (OK, "n/a") for column in cells.values() for text in column) else 1


def main():
    parser = argparse.ArgumentParser(description="Reports the scenarios that each language passed.")
    parser.add_argument("--scenarios", type=Path, default=ROOT / "bindings/scenarios.json", help="the list of scenarios")
    parser.add_argument("--results", type=Path, default=ROOT / "target/scenarios", help="the directory for the results")
    commands = parser.add_subparsers(dest="command")
    reader = commands.add_parser("read", help="save the results of a test run")
    reader.add_argument("language", choices=LANGUAGES)
    reader.add_argument("format", choices=FORMATS)
    reader.add_argument("files", type=Path, nargs="+")
    reader.add_argument("--part", default="", help="read only the tests of this source or class")
    options = parser.parse_args()
    table = scenarios(options.scenarios)
    return read(options, table) if options.command == "read" else show(options, table)


if __name__ == "__main__":
    sys.exit(main())
