"""The measurements of the planner. Each returns plain numbers: seconds, bytes, counts.

As a program it makes one measurement, with the binaries in GITOPS_BIN_DIR, and prints its result as JSON:

    planner_measure.py deployments 1000 3"""

import concurrent.futures
import datetime
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

# Programs are started as the integration tests start them.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration_tests"))

import processes
from agent_swarm import Swarm
from harness import BIN, ctl, wait_for
from swarm import Planner, Prober, SilentSwarm

# Above this the planner has hosts wait for a worker thread (--max-parallel-hosts).
MOST_PARALLEL = 1000


def _moment(text):
    # Python reads microseconds at most.
    text = re.sub(r"(\.\d{6})\d*", r"\1", text.replace("Z", "+00:00"))
    return datetime.datetime.fromisoformat(text).timestamp()


def _deploy(swarm):
    """One deployment that changes nothing over all hosts: seconds from its creation to its end by its record, and
    the wall time of gitopsctl."""
    began = time.monotonic()
    done = ctl("deploy", "sync", "--all", "-y", "--max-parallel", str(min(swarm.hosts, MOST_PARALLEL)),
               "--planner", swarm.planner, timeout=300)
    wall = time.monotonic() - began
    assert done.status == 0, done
    listed = ctl("list", "deployments", "--planner", swarm.planner, "-o", "json").json()
    record = listed["deployments"][0]
    assert record["state"] == "SUCCEEDED" and record["hostCount"] == swarm.hosts, record
    return _moment(record["endTime"]) - _moment(record["createTime"]), wall


def deployments(directory, hosts, more, tls=""):
    """Of one planner, with agents that report to it. `first`: its first deployment, which also makes the connections
    to the agents; `next`: `more` further ones. Lists of seconds. `tls`: "tls", or nothing."""
    return _deployments(directory, Swarm(hosts, services=5, tls=bool(tls)), more)


def tls_deployments(directory, hosts, more):
    """The same over TLS."""
    return deployments(directory, hosts, more, "tls")


def handshakes(directory, seconds):
    """Full TLS handshakes with a client certificate, by clients on this machine for so long: per second, and per
    second of the planner's CPU time."""
    swarm = Swarm(1, services=1, quiet=True, tls=True)
    host, port = swarm.planner_tcp.split(":")
    certificate = swarm.sockets / "tls/web1"
    with Planner(directory, swarm, config=False) as planner:
        context = ssl.create_default_context(cafile=str(certificate / "ca.crt"))
        context.check_hostname = False  # Its name is in its URI.
        context.load_cert_chain(certificate / "tls.crt", certificate / "tls.key")
        context.set_alpn_protocols(["h2"])
        deadline = time.monotonic() + seconds
        before = processes.Cpu.of(planner.pid)

        def shake(_):
            done = 0
            while time.monotonic() < deadline:
                with socket.create_connection((host, int(port))) as plain, context.wrap_socket(plain) as made:
                    assert made.version() == "TLSv1.3" and not made.session_reused
                    made.recv(1)  # The planner's first frame comes when it has verified the client.
                done += 1
            return done

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            done = sum(pool.map(shake, range(4)))
        used = (processes.Cpu.of(planner.pid) - before).total
    shutil.rmtree(swarm.sockets)
    return {"per_second": done / seconds, "per_core": done / used}


def silent_deployments(directory, hosts, more):
    """The same with agents that do not report: half of the open files."""
    return _deployments(directory, SilentSwarm(hosts), more)


def _deployments(directory, swarm, more):
    found = {kind: {"record": [], "wall": []} for kind in ("first", "next")}
    with swarm, Planner(directory, swarm):
        swarm.when_connected(swarm.hosts)
        for kind in ["first"] + ["next"] * more:
            record, wall = _deploy(swarm)
            found[kind]["record"].append(record)
            found[kind]["wall"].append(wall)
    return found


def memory(directory, agents, services, settle, tls=""):
    """Of a planner without agents, and with so many."""
    swarm = Swarm(agents, services, quiet=True, tls=bool(tls))
    with Planner(directory, swarm, config=False) as planner:
        # It gives back what its start needed after ten seconds.
        time.sleep(12)
        before = processes.memory(planner.pid)
        with swarm:
            swarm.when_connected(agents)
            time.sleep(settle)
            after = processes.memory(planner.pid)
    return {"before": before, "after": after,
            "each": (after["resident"] - before["resident"]) / agents}


def reconnect(directory, agents, services, rounds, tls=""):
    """A planner that is killed and started at once, `rounds` times. Seconds: `serving`, until its first answer;
    `back`, until all agents are connected again; `answers` and `slowest`, the median and the longest time that a
    client waited for a page of hosts meanwhile."""
    found = {"serving": [], "back": [], "answers": [], "slowest": []}
    with Swarm(agents, services, quiet=True, tls=bool(tls)) as swarm, Planner(directory, swarm) as planner:
        swarm.when_connected(agents)
        for _ in range(rounds):
            with Prober(swarm.planner) as prober:
                prober.await_first()
                swarm.forget()
                began = time.monotonic()
                planner.kill()
                prober.forget()
                planner.start(wait=False)
                back = swarm.when_connected(agents) - began
                assert prober.online() == agents, "the planner shows another number of hosts"
                prober.await_first()
                wait_for(lambda: prober.took, 30, "a second answer")
            assert not prober.errors, f"while the agents came back it answered {prober.errors}"
            found["serving"].append(prober.first - began)
            found["back"].append(back)
            found["answers"].append(statistics.median(prober.took))
            found["slowest"].append(max(prober.took))
            # Agents that had a good stream begin with the shortest wait again.
            time.sleep(11)
    return found


def benchmark(directory, name, pattern):
    """The results of one of the google-benchmarks, by the names of their runs."""
    done = subprocess.run([str(BIN / "bench" / name), f"--benchmark_filter={pattern}",
                           "--benchmark_repetitions=3", "--benchmark_format=json"],
                          env={**os.environ, "TEST_TMPDIR": str(directory)},
                          check=True, capture_output=True, text=True)
    runs = {}
    for run in json.loads(done.stdout)["benchmarks"]:
        assert not run.get("error_occurred"), run
        if run["run_type"] == "iteration":
            runs.setdefault(run["run_name"], []).append(run)
    return runs


def ansible_ping(directory, hosts):
    """Seconds; None: not installed."""
    if shutil.which("ansible") is None:
        return None
    inventory = directory / "inventory"
    inventory.write_text("".join(f"host{i} ansible_connection=local "
                                 "ansible_python_interpreter=/usr/bin/python3\n"
                                 for i in range(hosts)))
    return _timed(["ansible", "all", "-i", str(inventory), "-m", "ping", "-f", str(hosts)], directory)


def clush_true(directory, hosts):
    """Seconds, with its own fan-out or with that many, whichever is shorter; None: not installed."""
    if shutil.which("clush") is None:
        return None
    command = ["clush", "-q", "-R", "exec", "-w", f"node[1-{hosts}]"]
    return min(_timed([*command, *fanout, "true"], directory) for fanout in ([], ["-f", str(hosts)]))


def _timed(command, directory):
    began = time.monotonic()
    subprocess.run(command, check=True, env={**os.environ, "HOME": str(directory)},
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - began


def main():
    name, *arguments = sys.argv[1:]
    values = [int(value) if value.isdigit() else value for value in arguments]
    with tempfile.TemporaryDirectory(prefix="gitops-bench.") as directory:
        print(json.dumps(globals()[name](pathlib.Path(directory), *values)))


if __name__ == "__main__":
    main()
