#!/usr/bin/python3
"""Makes planner.db and agent.db: state that the programs in GITOPS_BIN_DIR wrote, for the tests that open it.

    GITOPS_BIN_DIR=bazel-bin integration_tests/stored_state/make.py DIRECTORY

Run it with the binaries of a release, and keep what it writes in a folder named after their commit. The
planner and the agent of web1 are killed in the middle of a deployment, so that the planner's locks and
unfinished deployment and the agent's unfinished operation are stored too. Needs root."""

import pathlib
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import held_fleet  # noqa: E402
from harness import toml, wait_for  # noqa: E402
from stored import keep  # noqa: E402

HOSTS = ("web1", "web2", "web3")


def own_services(base):
    """Services that web1 follows by itself, for the states that a service can be in."""
    tables = []
    for name, keys in {"ok": {}, "frozen": {}, "pinned": {}, "broken": {"action": "restart"},
                       "diff": {}}.items():
        keys = {"machine": "web1", "service": name, "mount": base / "web1/revisions",
                "dirs": [{"local": str(base / "web1/etc" / name), "link": name}], **keys}
        tables += ["", "[[services]]"] + [f"{key} = {toml(value)}" for key, value in keys.items()]
    return "\n".join(tables) + "\n"


def run(fleet):
    """Deployments with each end; returns the id of the one that is left unfinished."""
    web1 = fleet.agents["web1"]
    fleet.repository.commit({f"{name}/f": "1\n" for name in ("ok", "frozen", "pinned", "broken")})
    first = fleet.commit("1")
    for name in ("ok", "frozen", "pinned"):
        web1.wait_service(name, state="OK", hash=first)

    fleet.deploy("sync", "reboot", "upload-secrets", "--canary", "1", "--reason", "first", check=True)
    web1.ctl("freeze", "frozen", "--reason", "release day")
    second = fleet.repository.commit({"ok/f": "2\n", "pinned/f": "2\n", "app/version": "2\n"})
    web1.wait_service("pinned", state="OK", hash=second)
    web1.ctl("rollback", "pinned", first, "--reason", "regression")
    web1.wait_service("pinned", state="FREEZE", hash=first)

    # FAILED, with hosts that are rolled back.
    fleet.endpoint.answer = lambda payload, call: (
        (500, b"drain failed") if call["point"] == "post-deploy" and payload["host"] == "web2"
        else payload)
    fleet.deploy("sync", "--on-failure", "rollback")
    fleet.endpoint.answer = None
    fleet.deploy("sync", check=True)
    done = fleet.latest()["id"]
    fleet.ctl("rollback", "deployment", done, "-y", check=False, timeout=60)
    fleet.deploy("freeze", "--service", "app", "--on", "web3", check=True)

    # CANCELLED, with a lock that was broken.
    fleet.hold("action", "web1")
    cancelled = fleet.begin("run-secret-triggers", "--max-parallel", "1")
    fleet.await_action("web1")
    fleet.ctl("break", "lock", "web2", "--reason", "maintenance", "-y")
    fleet.ctl("cancel", "deployment", cancelled, "-y", check=False)
    fleet.release("web1")
    fleet.await_end(cancelled)

    # INTERRUPTED: the planner was stopped for longer than its lease.
    fleet.planner.stop()
    fleet.planner.start(env={"GITOPS_LOCK_TTL": "1s"})
    fleet.await_online()
    fleet.forget()
    fleet.hold("action", "web1")
    interrupted = fleet.begin("run-secret-triggers", "--on", "web1")
    fleet.await_action("web1")
    fleet.planner.process.send_signal(signal.SIGSTOP)
    fleet.release("web1")
    time.sleep(2)
    fleet.planner.process.send_signal(signal.SIGCONT)
    fleet.await_end(interrupted)

    # Left unfinished, with locks and a word about one that was broken.
    fleet.planner.stop()
    fleet.planner.start(env={"GITOPS_LOCK_TTL": "1h"})
    fleet.await_online()
    fleet.ctl("plan", "sync", "--all", "--max-failures", "1", "-o", "json")
    fleet.forget()
    fleet.hold("action", "web1")
    fleet.begin("run-secret-triggers", "sync", "--on", "web1", "--on", "web2")
    fleet.await_action("web1")
    fleet.ctl("break", "lock", "web2", "--reason", "maintenance", "-y")
    wait_for(lambda: web1.service("broken")["state"] == "BROKEN", what="BROKEN")
    wait_for(lambda: web1.service("diff")["state"] == "DIFF", what="DIFF")
    fleet.planner.kill()
    web1.kill()


def main():
    target = pathlib.Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="state-", dir="/tmp") as directory:
        base = pathlib.Path(directory)
        (base / "token").write_text("a secret\n")
        held_fleet.POINTS += ["pre-select"]
        with held_fleet.HeldFleet(base, HOSTS, extra_config=own_services(base),
                                  host_keys=lambda name: {"tags": ["web"]}) as fleet:
            run(fleet)
            keep(next((base / "planner/state").glob("*.db")), target / "planner.db")
            keep(next((base / "web1/state").glob("*.db")), target / "agent.db")


main()
