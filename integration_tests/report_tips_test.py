"""A commit that touches nothing of most services of a host: their hash moves with it, as the planner shows it, and
nothing else; and the agent says so in one small message, not in one for each service."""

import socket
import threading

import pytest

from fleet import Fleet
from harness import toml, wait_for

SERVICES = 60


class CountingProxy:
    """Between an agent and the planner, on unix sockets. Counts what the agent says."""

    def __init__(self, path, planner):
        self.planner = str(planner)
        self.bytes = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                agent, _ = self._listener.accept()
            except OSError:
                return
            planner = socket.socket(socket.AF_UNIX)
            planner.connect(self.planner)
            threading.Thread(target=self._pass, args=(agent, planner, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(planner, agent, False), daemon=True).start()

    def _pass(self, source, sink, counts):
        try:
            while data := source.recv(65536):
                if counts:
                    self.bytes += len(data)
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self._listener.close()


def service(base, name, **keys):
    keys = {"machine": "web1", "service": name, "mount": base / "web1/revisions",
            "dirs": [{"local": str(base / f"web1/etc/{name}"), "link": name}], **keys}
    return "\n".join(["", "[[services]]", *(f"{key} = {toml(value)}" for key, value in keys.items()), ""])


@pytest.fixture
def fleet(tmp_path):
    names = [f"s{number}" for number in range(SERVICES)] + ["frozen", "touched"]
    extra = "".join(service(tmp_path, name) for name in names)
    fleet = Fleet(tmp_path, hosts=1, extra_config=extra)
    fleet.repository.commit({f"{name}/file": f"of {name}\n" for name in [*names, "foreign"]})
    agent = fleet.agents["web1"]
    fleet.proxy = CountingProxy(fleet.sockets / "proxy", fleet.sockets / "planner")
    agent.flags[agent.flags.index("--planner") + 1] = f"unix:{fleet.sockets}/proxy"
    with fleet:
        yield fleet
    fleet.proxy.close()


def shown(fleet):
    """{service: how the planner shows it}."""
    listed = fleet.ctl("list", "services", "-o", "json").json()["services"]
    return {service["service"]: service for service in listed}


def settled(fleet, commit, *apart):
    """How the planner shows the services once they are at the commit, except those in `apart`."""
    def all_at():
        services = shown(fleet)
        followers = [services.get(name, {}) for name in services if name not in ("app", *apart)]
        done = len(followers) >= SERVICES and all(
            (s["hash"], s["targetHash"], s["state"]) == (commit, commit, "OK") for s in followers)
        return services if done and services["app"]["targetHash"] == commit else None
    return wait_for(all_at, 60, f"the services at {commit}")


def test_a_foreign_commit_moves_the_hash_of_services_in_one_small_message(fleet):
    first = fleet.repository.head()
    settled(fleet, first)
    fleet.agents["web1"].ctl("freeze", "frozen", "--reason", "release day")
    before = wait_for(lambda: (lambda s: s if s["frozen"]["state"] == "FREEZE" else None)(shown(fleet)))
    size = len(fleet.ctl("list", "services", "-o", "json").out)
    said = fleet.proxy.bytes

    second = fleet.repository.commit({"foreign/file": "changed\n"})
    after = settled(fleet, second, "frozen")
    said = fleet.proxy.bytes - said
    print(f"{said} bytes from the agent for {SERVICES + 1} services; as JSON they have {size}")
    assert said < 2000
    commit = after["s1"]["commit"]
    assert (commit["hash"], commit["subject"], commit["author"]) == (second, "change", "Test")
    for name, was in before.items():
        moved = dict(was)
        if name != "frozen":
            moved["targetHash"], moved["targetCommit"] = second, commit
            moved["generation"] = str(int(was["generation"]) + 1)
        if name not in ("frozen", "app"):  # app is coordinated
            moved["hash"], moved["commit"] = second, commit
        assert after[name] == moved, name


def test_what_a_commit_touches_is_reported_with_the_rest_and_the_planner_agrees_with_the_host(fleet):
    settled(fleet, fleet.repository.head())
    second = fleet.repository.commit({"touched/file": "changed\n"})
    after = settled(fleet, second)
    assert (fleet.base / "web1/etc/touched/file").read_text() == "changed\n"
    assert after["touched"]["changeTime"] > after["s1"]["changeTime"]
    # The agent and the planner agree about each of them, also after the agent began anew.
    agent = fleet.agents["web1"]
    agent.kill()
    agent.start()
    fleet.await_online()
    again = settled(fleet, second)
    for name, was in after.items():
        for key in ("hash", "targetHash", "state", "stateInfo", "changeTime"):
            assert again[name][key] == was[key], (name, key)
    third = fleet.repository.commit({"foreign/file": "changed again\n"})
    settled(fleet, third)
