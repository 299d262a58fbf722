#!/usr/bin/python3
"""Sums up a run of tools/test: test_summary.py DIRECTORY

DIRECTORY/stages has a line for each stage: seconds, exit status, report, name, separated by tabs. Reports are
files there: of Bazel's build events (.json), or JUnit XML of pytest (.xml). Prints a table of the stages, and as
the last line "N passed, N failed, N skipped". These are test cases; a unit test counts once for each sanitizer
it ran under. A stage that failed has at least one failure, and a stage whose report has no passed test failed.
Exits with 1 if anything failed."""

import collections
import json
import pathlib
import sys
import urllib.parse
import xml.etree.ElementTree

OUTCOMES = ("passed", "failed", "skipped")


def outcome(case):
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    # googletest says so of DISABLED_ tests ("notrun") and of GTEST_SKIP().
    if case.find("skipped") is not None or "notrun" == case.get("status"):
        return "skipped"
    return "passed"


def count_cases(file):
    return collections.Counter(map(outcome, xml.etree.ElementTree.parse(file).iter("testcase")))


def count_unit_tests(file):
    """Counts what Bazel says of each test target; a target that was not built, or failed beside its cases (a
    leak, a crash, a timeout), is a failure."""
    counts = collections.Counter()
    for line in file.read_text().splitlines():
        event = json.loads(line)
        if "testResult" in event:
            result = event["testResult"]
            reports = [output["uri"] for output in result.get("testActionOutput", ())
                       if output["name"] == "test.xml"]
            cases = collections.Counter()
            for uri in reports:
                cases += count_cases(urllib.parse.unquote(urllib.parse.urlparse(uri).path))
            if result["status"] != "PASSED" and not cases["failed"]:
                cases["failed"] += 1
            counts += cases
        elif "targetCompleted" in event["id"] and not event.get("completed", {}).get("success"):
            counts["failed"] += 1
    return counts


def count(file):
    if not file.exists():
        return collections.Counter()
    return count_unit_tests(file) if file.suffix == ".json" else count_cases(file)


def main():
    directory = pathlib.Path(sys.argv[1])
    total = collections.Counter()
    print("\n== Stages")
    for line in (directory / "stages").read_text().splitlines():
        seconds, status, report, name = line.split("\t")
        counts = collections.Counter() if report == "-" else count(directory / report)
        failed = status != "0" or (report != "-" and not counts["passed"])
        if failed and not counts["failed"]:
            counts["failed"] = 1
        total += counts
        said = ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES) if report != "-" else ""
        print(f"{seconds:>6} s  {'FAILED' if counts['failed'] else 'ok':6}  {name}{said and ': '}{said}")
    print(", ".join(f"{total[outcome]} {outcome}" for outcome in OUTCOMES))
    return 1 if total["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
