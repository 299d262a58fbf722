"""Lists in docs/ that must agree with what is built."""

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


def libraries():
    """The libraries to which the programs themselves are linked; apt finds those that these need."""
    found = set()
    for program in PROGRAMS:
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]", printed("readelf", "--dynamic", BIN / program))
        paths = dict(re.findall(r"^\t(\S+) => (\S+)", printed("ldd", BIN / program), re.M))
        found |= {paths[name] for name in needed if name in paths}
    return found


def packages(paths):
    """The packages of files. dpkg knows a file by the name under which it was installed."""
    names = {path.removeprefix("/usr") for path in paths}
    done = subprocess.run(["dpkg-query", "--search", *names, *(f"/usr{name}" for name in names)],
                          capture_output=True, text=True, check=False)
    return {line.split(":")[0] for line in done.stdout.splitlines()}


def test_the_packages_to_install_are_those_that_the_programs_need():
    command = re.search(r"apt-get install --no-install-recommends ((?:.*\\\n)*.*)", BUILD_AND_RELEASE).group(1)
    listed = set(command.replace("\\", " ").split())
    assert listed == packages(libraries()) - BASE | NOT_LINKED


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
