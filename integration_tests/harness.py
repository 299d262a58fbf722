"""What integration tests share: repositories, agents and gitopsctl, each real and each in a
directory of its own. Nothing sleeps to wait for something: wait_for() looks until a deadline."""

import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("GITOPS_BIN_DIR", ROOT / "bazel-bin"))
AGENT = BIN / "agent" / "gitops-agent"
# The agent in which a test can choose where it is killed; see docs/reference/crash-points.md.
CRASH_AGENT = BIN / "agent" / "gitops-agent-crash"

# The account the tests run as: what gitopsctl says of its caller.
ACCOUNT = pwd.getpwuid(os.geteuid()).pw_name
# The same in records of what it did over a unix socket.
LOCAL_ACTOR = ACCOUNT if os.geteuid() == 0 else f"{ACCOUNT} (uid {os.geteuid()})"

GIT_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "test@localhost",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@localhost",
}


def wait_for(predicate, seconds=20, what="the condition"):
    """Returns the first true answer of predicate; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = predicate()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {seconds} s")
        time.sleep(0.02)


class Repository:
    """An upstream with a work tree to commit from."""

    def __init__(self, path, branch="main"):
        self.path = pathlib.Path(path)
        self.path.mkdir(parents=True)
        self.git("init", "-q", "-b", branch)
        # What any served repository allows its clients.
        self.git("config", "uploadpack.allowFilter", "true")
        self.git("config", "uploadpack.allowAnySHA1InWant", "true")

    @property
    def url(self):
        return f"file://{self.path}"

    def git(self, *arguments, check=True, **options):
        done = subprocess.run(["git", "-C", str(self.path), *arguments], env=GIT_ENVIRONMENT,
                              capture_output=True, text=True, **options)
        assert not check or done.returncode == 0, f"git {arguments}: {done.stderr}"
        return done.stdout.strip()

    def commit(self, files, message="change", remove=()):
        """Writes files ({path: text}), commits, and returns the new commit's hash."""
        for name, text in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        for name in remove:
            (self.path / name).unlink()
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.head()

    def head(self, ref="HEAD"):
        return self.git("rev-parse", ref)


def toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(str(value))


def fleet_config(global_keys, services):
    """The text of a fleet config: a [global] table and a list of [[services]]."""
    lines = ["[global]"] + [f"{key} = {toml(value)}" for key, value in global_keys.items()]
    for service in services:
        lines += ["", "[[services]]"] + [f"{key} = {toml(value)}" for key, value in service.items()]
    return "\n".join(lines) + "\n"


class Result:
    def __init__(self, done):
        self.status = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit {self.status}\nstdout: {self.out}\nstderr: {self.err}"


def ctl(*arguments, check=True, env=None, timeout=60):
    """Runs gitopsctl; with check, a failure fails the test."""
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "USER": "tester", **(env or {})}
    done = Result(subprocess.run([str(BIN / "ctl" / "gitopsctl"), *arguments], env=environment,
                                 capture_output=True, text=True, timeout=timeout))
    assert not check or done.status == 0, f"gitopsctl {arguments}: {done}"
    return done


def everyone_may_do_everything(words):
    """The variables that let callers over plain TCP do everything, for a program with these flags."""
    told = any(str(word).startswith(("--tls-dir", "--insecure")) for word in words)
    return {} if told else {"GITOPS_INSECURE": "true"}


class Agent:
    """A real gitops-agent as one host. Used as a context manager, it is stopped at the end."""

    def __init__(self, directory, config, host="web1", root=False, flags=(), env=None,
                 binary=None, wrapper=()):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.config = self.directory / "config.toml"
        self.state = self.directory / "state"
        self.addresses = self.directory / "addresses"
        self.log = self.directory / "log"
        self.host = host
        self.root = root
        self.flags = list(flags)
        self.env = env or {}
        self.binary = binary or AGENT
        self.wrapper = list(wrapper)
        self.process = None
        self.write_config(config)

    def write_config(self, config):
        """Replaces the config as an editor does, by a rename."""
        fresh = self.config.with_suffix(".new")
        fresh.write_text(config)
        fresh.rename(self.config)

    def command(self):
        listen = [] if "--listen" in self.flags else ["--listen", "127.0.0.1:0"]
        return [*self.wrapper, str(self.binary), "--config", str(self.config), "--hosts", self.host,
                "--state-dir", str(self.state), *listen, "--metrics-listen", "127.0.0.1:0", "--address-file", str(self.addresses),
                f"--root={'true' if self.root else 'false'}", *self.flags]

    def start(self, wait=True):
        self.addresses.unlink(missing_ok=True)
        command = self.command()
        environment = {"PATH": os.environ["PATH"], **everyone_may_do_everything(command), **self.env}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        if wait:
            wait_for(lambda: self.addresses.exists() or self.process.poll() is not None,
                     what="the agent's address file")
            assert self.addresses.exists(), f"the agent ended at its start:\n{self.logged()}"
        return self

    def logged(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def address(self, kind="grpc"):
        return re.search(f"^{kind}=(.*)$", self.addresses.read_text(), re.M).group(1)

    @property
    def at(self):
        return "@" + self.address()

    def stop(self, with_signal=signal.SIGTERM, seconds=20):
        if self.process is None or self.process.poll() is not None:
            return self.process and self.process.returncode
        self.process.send_signal(with_signal)
        return self.process.wait(timeout=seconds)

    def kill(self):
        return self.stop(signal.SIGKILL)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    # What a test sees of it.

    def ctl(self, *arguments, **options):
        return ctl(*arguments, self.at, **options)

    def service(self, name):
        return self.ctl("get", "service", name, "-o", "json").json()

    def metrics(self):
        import urllib.request
        with urllib.request.urlopen(f"http://{self.address('http')}/metrics", timeout=10) as answer:
            return answer.read().decode()

    def wait_service(self, name, seconds=30, **wanted):
        """Waits until the service has these fields (state="OK", hash=…); returns it."""
        last = {}

        def reached():
            nonlocal last
            last = self.service(name)
            return all(last[key] == value for key, value in wanted.items())

        try:
            wait_for(reached, seconds)
        except AssertionError as error:  # of the wait, or of a call that failed
            raise AssertionError(f"{name} did not become {wanted} within {seconds} s: {error}; it was "
                                 f"{json.dumps(last, indent=1)}\nlog:\n{self.logged()}") from None
        return last

    def wait_diff(self, name, said, seconds=30):
        """Waits until the service is DIFF and says something that matches; returns what it says."""
        last = {}

        def reached():
            nonlocal last
            last = self.service(name)
            return last["state"] == "DIFF" and re.search(said, last["stateInfo"])

        try:
            wait_for(reached, seconds)
        except AssertionError:
            raise AssertionError(f"{name} did not become DIFF with {said!r} within {seconds} s; it "
                                 f"is {json.dumps(last, indent=1)}") from None
        return last["stateInfo"]


def as_root():
    return os.geteuid() == 0


def remove_tree(path):
    shutil.rmtree(path, ignore_errors=True)
