"""The measurements. Each returns plain numbers: seconds, bytes, counts."""

import random
import statistics
import subprocess
import threading
import time

import processes
from host import Host, Watch

LATENCY_POLL = 0.05
IDLE_POLL = 2.0
TRACED = 3


def when_visible(marker, text, seconds=60):
    """Waits until the published file has this text; the moment, by the monotonic clock."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if marker.read_text() == text:
                return time.monotonic()
        except OSError:
            pass
        time.sleep(0.001)
    raise AssertionError(f"{marker} did not change within {seconds} s")


def spread(samples):
    ordered = sorted(samples)
    return {"median": statistics.median(ordered), "min": ordered[0], "max": ordered[-1],
            "p90": ordered[min(len(ordered) - 1, int(len(ordered) * 0.9))], "rounds": len(ordered)}


def idle(follower, seconds, directory):
    """CPU and spawned processes for each poll while nothing changes."""
    polls, cpu = follower.polls(), processes.Cpu.of_all(follower.pids)
    time.sleep(seconds)
    polls, cpu = follower.polls() - polls, processes.Cpu.of_all(follower.pids) - cpu
    # Counted in a window of its own, because tracing takes CPU; of many copies of one program a few.
    traced = follower.polls(TRACED)
    spawned = processes.spawned_during(follower.pids[:TRACED], seconds / 2, directory)
    traced = follower.polls(TRACED) - traced
    return {"polls": polls, "cpu": cpu.total / polls, "own_cpu": cpu.own / polls,
            "spawned": spawned / traced}


def agent_idle(directory, upstream, services, api, settle, seconds):
    with Host(directory, upstream, services, f"{IDLE_POLL}s", api) as host:
        time.sleep(settle)
        found = {"memory": processes.memory(host.pid), "start": host.start_seconds}
        found.update(idle(host, seconds, directory))
        return found


def peer_idle(kind, directory, upstream, copies, settle, seconds):
    with kind(directory, upstream, IDLE_POLL, copies) as peer:
        time.sleep(settle)
        found = {"memory": processes.memory_of_all(peer.pids)}
        found.update(idle(peer, seconds, directory))
        # A round of polls is one of every copy.
        return {**found, "cpu": found["cpu"] * copies, "spawned": found["spawned"] * copies}


class Pace:
    """Lets each round begin at another moment of the poll's period."""

    @staticmethod
    def wait():
        time.sleep(0.3 + random.uniform(0, 2 * LATENCY_POLL))


def agent_latency(directory, upstream, services, api, rounds):
    """From the release of a commit to the service active at it, and to its files seen."""
    active, visible, rollbacks, commits = [], [], [], []
    with Host(directory, upstream, services, f"{int(LATENCY_POLL * 1000)}ms", api) as host:
        watch = Watch(host)
        for _ in range(rounds):
            commit, text = upstream.prepare()
            Pace.wait()
            seen = []
            looking = threading.Thread(
                target=lambda: seen.append(when_visible(host.marker(), text)))
            looking.start()
            began = time.monotonic()
            upstream.release(commit)
            active.append(watch.active_at(commit) - began)
            looking.join()
            visible.append(seen[0] - began)
            commits.append(commit)
        watch.close()
        for index in range(rounds):
            Pace.wait()
            rollbacks.append(host.rollback(commits[-2 + index % 2]))
    return {"active": spread(active), "visible": spread(visible), "rollback": spread(rollbacks)}


def agent_pull(directory, upstream, services, api, rounds):
    """From the release of a commit, and a pull at that moment, to the files seen: what a webhook makes of it."""
    visible = []
    with Host(directory, upstream, services, "1h", api) as host:
        for _ in range(rounds):
            commit, text = upstream.prepare()
            Pace.wait()
            began = time.monotonic()
            upstream.release(commit)
            pull = host.stub.PullService.future(host.pb.PullServiceRequest(service="app"), timeout=60)
            visible.append(when_visible(host.marker(), text) - began)
            pull.result()
    return {"pull": spread(visible)}


def agent_restart(directory, upstream, services, api, rounds):
    """From the start of an agent that finds everything as it should be to all services OK; and the CPU time that it takes
    until it rests. As root also from a start that finds nothing mounted, as after a reboot, to everything mounted."""
    took, cpu, rebooted = [], [], []
    with Host(directory, upstream, services, "1h", api) as host:
        host.settled()
        for _ in range(rounds):
            host.agent.stop()
            took.append(host.restarted())
            cpu.append(host.settled())
        for _ in range(rounds if host.namespace else 0):
            rebooted.append(host.restarted_without_mounts())
            host.settled()
    found = {"restart": spread(took), "restart_cpu": spread(cpu)}
    return {**found, "reboot": spread(rebooted)} if rebooted else found


def peer_latency(kind, directory, upstream, rounds):
    visible = []
    with kind(directory, upstream, LATENCY_POLL) as peer:
        for _ in range(rounds):
            commit, text = upstream.prepare()
            Pace.wait()
            began = time.monotonic()
            upstream.release(commit)
            visible.append(when_visible(peer.marker(), text) - began)
    return {"visible": spread(visible)}


def peer_rollback(directory, upstream, rounds):
    """As gitopper does it: git reset --hard in the published work tree itself."""
    commits = [upstream.prepare()[0] for _ in range(2)]
    tree = directory / "tree"
    subprocess.run(["git", "clone", "-q", "-b", "ahead", upstream.url, tree], check=True)
    took = []
    for index in range(rounds):
        began = time.monotonic()
        subprocess.run(["git", "-C", tree, "reset", "-q", "--hard", commits[index % 2]], check=True)
        took.append(time.monotonic() - began)
    return {"rollback": spread(took)}
