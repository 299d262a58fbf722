"""A fleet on this machine: a planner, a hook dispatcher with its endpoints, and agents as hosts.

    with Fleet(tmp_path, hosts=3) as fleet:
        fleet.commit("1")                                  # app/version says 1
        assert fleet.deploy("sync").status == 0
        assert fleet.versions() == {"web1": "1", "web2": "1", "web3": "1"}

All programs are the real ones. Hosts publish by symlinks into a directory of their own; their agents
listen on unix sockets, so that the config can name them before they run.
"""

import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading

from harness import BIN, Agent, Repository, ctl, everyone_may_do_everything, toml, wait_for

PLANNER = BIN / "services/planner/gitops-planner"
CRASH_PLANNER = BIN / "services/planner/gitops-planner-crash"
DISPATCHER = BIN / "services/hook_dispatcher/gitops-hook-dispatcher"


class Program:
    """A server of the suite, with its address file and its log."""

    def __init__(self, binary, directory, flags, env=None):
        self.binary = binary
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.addresses = self.directory / "addresses"
        self.log = self.directory / "log"
        self.flags = [str(flag) for flag in flags]
        self.env = env or {}
        self.wrapper = []  # what its command begins with
        self.process = None

    def start(self, wait=True, env=None):
        self.addresses.unlink(missing_ok=True)
        environment = {"PATH": os.environ["PATH"], **everyone_may_do_everything(self.flags), **self.env,
                       **(env or {})}
        command = [*self.wrapper, str(self.binary), "--metrics-listen", "127.0.0.1:0",
                   "--address-file", str(self.addresses), *self.flags]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        if wait:
            wait_for(lambda: self.addresses.exists() or self.process.poll() is not None,
                     what=f"the address file of {self.binary.name}")
            assert self.addresses.exists(), f"{self.binary.name} ended at its start:\n{self.logged()}"
        return self

    def logged(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def address(self, kind="grpc"):
        return re.search(f"^{kind}=(.*)$", self.addresses.read_text(), re.M).group(1)

    def metrics(self):
        import urllib.request
        with urllib.request.urlopen(f"http://{self.address('http')}/metrics", timeout=10) as answer:
            return answer.read().decode()

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, with_signal=signal.SIGTERM, seconds=30):
        if self.process is None:
            return None
        if self.running():
            self.process.send_signal(with_signal)
            self.process.wait(timeout=seconds)
        return self.process.returncode

    def kill(self):
        return self.stop(signal.SIGKILL)

    def await_crash(self, seconds=60):
        assert self.process.wait(timeout=seconds) == -signal.SIGKILL, self.logged()


class HookEndpoint:
    """A hook over real HTTP. `answer(payload, call)` returns the payload to answer with, or a
    (status, bytes) or (status, bytes, headers), or a function of the request's handler that answers by
    itself; by default what came in. Calls are kept."""

    def __init__(self, answer=None):
        self.answer = answer
        self.calls = []
        self._lock = threading.Lock()
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                call = {"path": self.path, "body": body, "payload": json.loads(body) if body else None,
                        "point": self.headers.get("X-Gitops-Point"),
                        "hook": self.headers.get("X-Gitops-Hook"),
                        "result": self.headers.get("X-Gitops-Result"),
                        "headers": {k.lower(): v for k, v in self.headers.items()}}
                with endpoint._lock:
                    call["number"] = len(endpoint.calls)
                    endpoint.calls.append(call)
                answer = call["payload"]
                if endpoint.answer is not None:
                    answer = endpoint.answer(call["payload"], call)
                if callable(answer):
                    answer(self)
                    return
                status, data, headers = 200, answer, {}
                if isinstance(answer, tuple):
                    status, data, headers = (*answer, {})[:3]
                if not isinstance(data, bytes):
                    data = json.dumps(data).encode()
                try:
                    self.send_response(status)
                    for name, value in {"Content-Type": "application/json", **headers}.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # it went away, as it may

            do_GET = do_POST  # a redirect that is followed may come as one

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 1024

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def seen(self):
        """The calls, as "point host actions" (at select points: "point host=actions host=actions")."""
        told = []
        for call in self.calls:
            payload = call["payload"]
            if isinstance(payload, list):
                what = " ".join(f"{p['host']}={'+'.join(p['actions'])}" for p in payload)
            else:
                what = f"{payload['host']} {'+'.join(payload['actions'])}".rstrip()
            told.append(f"{call['point']} {what}".rstrip())
        return told

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Fleet:
    """See the module. `hosts`: a number (web1, web2, …) or {name: keys of [[hosts]]}; `hooks`: tables
    of [[hooks]] (a hook's `url` may be a HookEndpoint); `service`: keys of every [[services]]."""

    def __init__(self, tmp_path, hosts=3, hooks=None, service=None, planner_flags=(), agent_flags=(),
                 planner_binary=None, extra_config="", order_by_tags=()):
        self.base = pathlib.Path(tmp_path)
        # Socket paths are short.
        self.sockets = pathlib.Path(tempfile.mkdtemp(prefix="gitops-", dir="/tmp"))
        self.hosts = ({f"web{i + 1}": {} for i in range(hosts)} if isinstance(hosts, int)
                      else {name: dict(keys) for name, keys in hosts.items()})
        self.repository = Repository(self.base / "upstream")
        self.repository.commit({"app/version": "0\n"}, "first")
        self.service_keys = service or {}
        self.order_by_tags = order_by_tags
        self.extra_config = extra_config
        self.config = self.base / "fleet.toml"
        self.write_config()
        self.dispatcher = None
        if hooks is not None:
            self.hooks_config = self.base / "hooks.toml"
            self.write_hooks(hooks)
            self.dispatcher = Program(DISPATCHER, self.base / "dispatcher", [
                "--config", self.hooks_config, "--listen", f"unix:{self.sockets}/hooks"])
        flags = ["--config", self.config, "--listen", f"unix:{self.sockets}/planner",
                 "--state-dir", self.base / "planner" / "state", *planner_flags]
        if self.dispatcher:
            flags += ["--hook-dispatcher", f"unix:{self.sockets}/hooks"]
        self.planner = Program(planner_binary or PLANNER, self.base / "planner", flags)
        self.agents = {name: self._agent(name, agent_flags) for name in self.hosts}

    def _agent(self, name, flags):
        agent = Agent(self.base / name, self.config.read_text(), host=name,
                      flags=["--planner", f"unix:{self.sockets}/planner", *flags])
        agent.config = self.config
        command = agent.command

        def with_socket():
            words = command()
            words[words.index("--listen") + 1] = f"unix:{self.sockets}/{name}"
            return words

        agent.command = with_socket
        return agent

    def write_config(self):
        lines = ["[global]", f"upstream = {toml(self.repository.url)}", 'branch = "main"',
                 f"mount = {toml(self.base / 'revisions')}", 'poll = "500ms"']
        for name in self.hosts:
            keys = {"machine": name, "service": "app", "tracking": "coordinated",
                    "mount": self.base / name / "revisions",
                    "dirs": [{"local": str(self.base / name / "etc/app"), "link": "app"}],
                    **self.service_keys}
            lines += ["", "[[services]]"] + [f"{key} = {toml(value)}" for key, value in keys.items()]
        if self.order_by_tags:
            lines += ["", "[fleet]", f"order_by_tags = {toml(list(self.order_by_tags))}"]
        for name, keys in self.hosts.items():
            keys = {"name": name, "address": f"unix:{self.sockets}/{name}", **keys}
            lines += ["", "[[hosts]]"] + [f"{key} = {toml(value)}" for key, value in keys.items()]
        fresh = self.config.with_suffix(".new")
        fresh.write_text("\n".join(lines) + "\n" + self.extra_config)
        fresh.rename(self.config)

    def write_hooks(self, hooks):
        lines = []
        for keys in hooks:
            keys = {key: value.url if isinstance(value, HookEndpoint) else value
                    for key, value in keys.items()}
            lines += ["[[hooks]]"] + [f"{key} = {toml(value)}" for key, value in keys.items()] + [""]
        self.hooks_config.write_text("\n".join(lines))

    # Life.

    def start(self, agents=True):
        if self.dispatcher:
            self.dispatcher.start()
        self.planner.start()
        if agents:
            for agent in self.agents.values():
                agent.start(wait=False)
            self.await_online()
        return self

    def await_online(self, *names, seconds=30):
        names = names or tuple(self.agents)

        def online():
            answer = self.ctl("list", "hosts", "-o", "json", check=False)
            states = {h["host"]: h["state"] for h in answer.json()["hosts"]} if not answer.status else {}
            return all(states.get(name) == "ONLINE" for name in names)

        wait_for(online, seconds, f"{', '.join(names)} online")

    def stop(self):
        programs = [*self.agents.values(), self.planner] + ([self.dispatcher] if self.dispatcher else [])
        for program in programs:
            if program.process is not None and program.process.poll() is None:
                program.process.send_signal(signal.SIGCONT)
                program.process.kill()
                program.process.wait()
        shutil.rmtree(self.sockets, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()

    # Actions and results for tests.

    def commit(self, version):
        return self.repository.commit({"app/version": f"{version}\n"}, f"version {version}")

    def ctl(self, *arguments, **options):
        return ctl(*arguments, "--planner", f"unix:{self.sockets}/planner", **options)

    def deploy(self, *arguments, check=False, everything=True, timeout=120, **options):
        """Runs `gitopsctl deploy`, over the whole fleet unless a selection is given."""
        selected = {"--on", "--tagged", "--skip", "--every", "--limit", "--plan", "--all"}
        whole = ["--all"] if everything and not selected & set(arguments) else []
        return self.ctl("deploy", *arguments, *whole, "-y", check=check, timeout=timeout, **options)

    def begin(self, *arguments):
        """Begins a deployment and returns its id."""
        return self.deploy(*arguments, "--detach", "-o", "json", check=True).json()["id"]

    def deployment(self, deployment_id):
        return self.ctl("get", "deployment", deployment_id, "-o", "json").json()

    def latest(self):
        deployments = self.ctl("list", "deployments", "-o", "json").json()["deployments"]
        return self.deployment(deployments[0]["id"])

    def await_end(self, deployment_id, seconds=60):
        done = ("SUCCEEDED", "FAILED", "CANCELLED", "INTERRUPTED")
        return wait_for(lambda: (lambda d: d if d["state"] in done else None)(
            self.deployment(deployment_id)), seconds, f"the end of {deployment_id}")

    def version(self, host):
        file = self.base / host / "etc/app/version"
        return file.read_text().strip() if file.exists() else None

    def versions(self):
        return {name: self.version(name) for name in self.hosts}


def states(deployment):
    """{host: state} of a deployment."""
    return {host["host"]: host["state"] for host in deployment["hosts"]}


def actions_done(deployment, host):
    """The actions that were performed on a host, in order, with those that failed marked."""
    found = next(h for h in deployment["hosts"] if h["host"] == host)
    return [("+" if a["implied"] else "") + a["action"] + ("" if a["result"] == "OK" else "!")
            for step in found["steps"] for a in step["actions"]]
