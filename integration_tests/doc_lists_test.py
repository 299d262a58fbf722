"""Lists in docs/ that must agree with what is built."""

import functools
import re
import subprocess

import pytest
from harness import BIN, ROOT

PROGRAMS = ["agent/gitops-agent", "ctl/gitopsctl", "gateway/gitops-gateway", "services/planner/gitops-planner",
            "services/hook_dispatcher/gitops-hook-dispatcher", "services/promotion_receiver/gitops-promotion-receiver"]
# Every Debian host has them.
BASE = {"libc6", "libgcc-s1"}
# What the programs run, and what only optimized builds are linked to (third_party/BUILD).
NOT_LINKED = {"git", "ca-certificates", "libtcmalloc-minimal4"}
BUILD_AND_RELEASE = (ROOT / "docs/how-to/build-and-release.md").read_text()


def printed(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@functools.cache
def package_of(library):
    """The package of a shared library. dpkg knows files by the name that they were installed under."""
    for path in (library, library.removeprefix("/usr"), f"/usr{library}"):
        done = subprocess.run(["dpkg-query", "--search", path], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.split(":")[0]
    raise AssertionError(f"no package has {library}")


def packages_of(program):
    """The packages of the libraries to which a program itself is linked; apt finds those that these need."""
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", printed("readelf", "--dynamic", program))
    paths = dict(re.findall(r"^\t(\S+) => (\S+)", printed("ldd", program), re.M))
    return {package_of(paths[name]) for name in needed if name in paths and not paths[name].startswith(str(BIN.resolve()))} - BASE


def test_the_packages_to_install_are_those_that_the_programs_need():
    command = re.search(r"apt-get install --no-install-recommends ((?:.*\\\n)*.*)", BUILD_AND_RELEASE).group(1)
    listed = set(command.replace("\\", " ").split())
    needed = set().union(*(packages_of(BIN / program) for program in PROGRAMS))
    assert listed == needed | NOT_LINKED


def test_hosts_of_tests_have_the_packages_that_the_programs_need():
    lines = (ROOT / "integration_tests/containers/packages.txt").read_text().splitlines()
    assert set().union(*(packages_of(BIN / program) for program in PROGRAMS)) <= set(lines)


def test_a_release_has_every_program_with_its_unit():
    for program in PROGRAMS:
        folder, name = program.rsplit("/", 1)
        assert f"//{folder}:{name}" in BUILD_AND_RELEASE and f"bazel-bin/{program}" in BUILD_AND_RELEASE


@pytest.mark.parametrize("enum, prefix", [("ServiceState", "SERVICE_STATE_"), ("SyncStatus", "SYNC_STATUS_"),
                                          ("StateReason", "STATE_REASON_")])
def test_states_statuses_and_reasons_are_explained(enum, prefix):
    declared = re.search(rf"enum {enum} {{(.*?)\n}}", (ROOT / "proto/gitops/v1/types.proto").read_text(), re.S).group(1)
    rows = re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs/reference/states.md").read_text(), re.M)
    values = set(re.findall(rf"{prefix}(\w+) =", declared)) - {"UNSPECIFIED"}
    assert values and values <= set(rows)
