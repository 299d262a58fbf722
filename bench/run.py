"""What the benchmarks of the programs have in common: their command line, and where their results go."""

import argparse
import os
import pathlib
import resource
import sys
import tempfile
import time

import report


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def count(value):
    return f"{value:,.0f}"


def _allow_files():
    """For the programs that are started, and for the connections to them."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(description, make_bench, parts, section):
    """`make_bench(directory, quick)` makes an object with a method for each of `parts`, which measures it, and with
    `page(machine)`, which returns the results of those that were measured: Markdown for `section` of the page."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, shorter windows; some minutes")
    parser.add_argument("--page", help=f"put the results between the markers of \"{section}\" of this page")
    parser.add_argument("--only", choices=parts, action="append", help="measure only this; may be repeated")
    arguments = parser.parse_args()
    if "GITOPS_BIN_DIR" not in os.environ:
        parser.error("GITOPS_BIN_DIR must name the release binaries' folder; run tools/bench")
    _allow_files()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gitops-bench.") as directory:
        machine = report.machine(directory)
        bench = make_bench(pathlib.Path(directory), arguments.quick)
        for part in parts:
            if not arguments.only or part in arguments.only:
                getattr(bench, part)()
    text = bench.page(machine)
    print(text)
    say(f"took {(time.monotonic() - began) / 60:.1f} minutes")
    if arguments.page:
        report.write(arguments.page, text, section)
        say(f"written to {arguments.page}")
