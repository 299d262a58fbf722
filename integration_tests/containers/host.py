"""A Linux host for a test: a container with systemd as PID 1, and what a test does to it.

    with SystemdHost(mounts={bin_dir(): "/opt/gitops:ro"}) as host:
        host.write("/etc/systemd/system/web.service", UNIT)
        host.run("systemctl daemon-reload")
        host.wait_for(lambda: "active" in host.run("systemctl is-active web", check=False).stdout)

The image is built at the first use (build-image). Needs root and podman.
"""

import atexit
import dataclasses
import os
import pathlib
import resource
import subprocess
import sys
import time
import uuid

HERE = pathlib.Path(__file__).resolve().parent
WORKSPACE = HERE.parent.parent
sys.path.insert(0, str(HERE.parent))

from harness import wait_for  # noqa: E402

PODMAN = str(HERE / "podman")
BOOT_SECONDS = 60
HOST_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_images = {}


def say(text):
    print(f"host: {text}", file=sys.stderr, flush=True)


def bin_dir():
    """Where our built binaries are, as a path without links (a container sees only what is mounted)."""
    directory = pathlib.Path(os.environ.get("GITOPS_BIN_DIR") or WORKSPACE / "bazel-bin")
    if not directory.is_dir():
        raise FileNotFoundError(
            f"{directory} does not exist: build first (bazel build //...), or set GITOPS_BIN_DIR")
    return directory.resolve()


def image(*flags):
    """The name of the image that build-image makes with these flags, built if it is missing."""
    if flags not in _images:
        _images[flags] = subprocess.run([HERE / "build-image", *flags], stdout=subprocess.PIPE, check=True,
                                        text=True).stdout.strip()
    return _images[flags]


class CommandFailed(AssertionError):
    """A command in a host ended with another status than 0."""


@dataclasses.dataclass
class Result:
    """How a command ended."""
    status: int
    stdout: str
    stderr: str

    @property
    def ok(self):
        return self.status == 0


def podman(*arguments, check=True, timeout=120, **keywords):
    """Runs podman on the machine."""
    done = subprocess.run([PODMAN, *map(str, arguments)], capture_output=True, text=True,
                          timeout=timeout, check=False, **keywords)
    result = Result(done.returncode, done.stdout, done.stderr)
    if check and not result.ok:
        raise CommandFailed(f"podman {' '.join(map(str, arguments))}: status {result.status}\n"
                            f"{result.stdout}{result.stderr}")
    return result


def _limit(kind, wanted):
    # Podman's own defaults are above what a machine may allow, and then nothing starts.
    hard = resource.getrlimit(kind)[1]
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


class SystemdHost:
    """A booted host. Removed at the end of the `with`, or of the process, whatever happened."""

    def __init__(self, name="web1", mounts=None, shared=None, network="none", environment=None, image_flags=(),
                 base=None):
        """
        name: the host's name; the container's is unique.
        mounts: {directory of the machine: "path in the host" or "path:ro"}.
        shared: the same, with mount propagation both ways (rshared).
        network: as podman takes it; "none" has loopback only.
        image_flags: of build-image.
        base: the image; the one of build-image, if none is given.
        """
        self.hostname = name
        self.container = f"gitops-test-{name}-{uuid.uuid4().hex[:8]}"
        self._mounts = dict(mounts or {})
        self._shared = dict(shared or {})
        self._network = network
        self._image_flags = tuple(image_flags)
        self._environment = dict(environment or {})
        self._base = base
        self._unmake = []
        self._pid = None

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, kind, value, traceback):
        if kind is not None:
            say(f"{self.hostname} at the failure, last lines of its journal:\n{self.logs(lines=60)}")
        self.remove()

    def _start(self):
        started = time.monotonic()
        files = _limit(resource.RLIMIT_NOFILE, 20000)
        processes = _limit(resource.RLIMIT_NPROC, 4000)
        options = ["--detach", "--name", self.container, "--hostname", self.hostname,
                   "--systemd=always", "--privileged", "--network", self._network,
                   "--ulimit", f"nofile={files}:{files}", "--ulimit", f"nproc={processes}:{processes}"]
        for source, target in self._mounts.items():
            options += ["--volume", f"{source}:{target}"]
        for source, target in self._shared.items():
            self._make_shared(source)
            options += ["--volume", f"{source}:{target}{',' if ':' in str(target) else ':'}rshared"]
        for key, value in self._environment.items():
            options += ["--env", f"{key}={value}"]
        atexit.register(self.remove)
        podman("run", *options, self._base or image(*self._image_flags))
        self._await_boot()
        say(f"{self.hostname} is up after {time.monotonic() - started:.1f} s")

    @property
    def pid(self):
        """The machine's number of the host's PID 1."""
        if self._pid is None:
            self._pid = podman("inspect", "--format", "{{.State.Pid}}", self.container).stdout.strip()
        return self._pid

    def _make_shared(self, source):
        # rshared is refused for a directory whose own mount is not shared.
        subprocess.run(["mount", "--bind", source, source], check=True)
        self._unmake.append(source)
        subprocess.run(["mount", "--make-rshared", source], check=True)

    def _await_boot(self):
        # The manager's socket comes first; until then is-system-running cannot even ask.
        wait_for(lambda: self.run("test -S /run/systemd/private", check=False).ok, BOOT_SECONDS,
                 f"systemd of {self.hostname} answers")
        state = self.run("systemctl is-system-running --wait", check=False, timeout=BOOT_SECONDS)
        if state.stdout.strip() != "running":
            failed = self.run("systemctl --failed --no-legend", check=False).stdout
            raise AssertionError(f"{self.hostname} booted to {state.stdout.strip()!r}: {failed}")

    def run(self, command, check=True, timeout=120, stdin=None, environment=None):
        """Runs a shell command, or a list of words, in the host as root."""
        words = ["sh", "-c", command] if isinstance(command, str) else list(map(str, command))
        # podman exec does the same, and takes eight times as long.
        done = subprocess.run(
            ["nsenter", "--target", self.pid, "--all", "--", *words], check=False, timeout=timeout,
            capture_output=True, text=True, env={"PATH": HOST_PATH, **(environment or {})},
            **({"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}))
        result = Result(done.returncode, done.stdout, done.stderr)
        if check and not result.ok:
            raise CommandFailed(f"{self.hostname}: {command}: status {result.status}\n"
                                f"{result.stdout}{result.stderr}")
        return result

    def popen(self, words, **keywords):
        """Starts a command in the host and returns its Popen, for what is talked with or left running."""
        return subprocess.Popen([PODMAN, "exec", "--interactive", self.container, *map(str, words)],
                                text=True, **keywords)

    def write(self, path, text, mode="0644"):
        """Writes a file, and the directories above it."""
        self.run(["sh", "-c", 'mkdir -p "$(dirname "$1")" && cat > "$1" && chmod "$2" "$1"', "sh",
                  path, mode], stdin=text)

    def read(self, path):
        return self.run(["cat", path]).stdout

    def wait_for(self, predicate, seconds=30, what=None):
        """wait_for(); the predicate may take the host or nothing."""
        return wait_for(predicate, seconds, what or f"{predicate} on {self.hostname}")

    def logs(self, unit=None, lines=400):
        """The host's journal, of one unit or all."""
        words = ["journalctl", "--no-pager", "-n", lines]
        return self.run(words + (["-u", unit] if unit else []), check=False).stdout

    def reboot(self, clean=True):
        """systemctl reboot, or (clean=False) power lost; then boots again. Its disk stays."""
        if clean:
            self.run("systemctl reboot", check=False)
        else:
            self.power_off()
        self.come_back()

    def power_off(self):
        """Power lost."""
        podman("kill", "--signal", "KILL", self.container)
        podman("wait", self.container, timeout=BOOT_SECONDS)

    def come_back(self):
        """Waits until the host has gone down, and boots it again."""
        podman("wait", self.container, timeout=BOOT_SECONDS)
        self.power_on()

    def power_on(self):
        self._pid = None
        podman("start", self.container)
        self._await_boot()

    def is_off(self):
        state = podman("inspect", "--format", "{{.State.Running}}", self.container, check=False)
        return state.stdout.strip() != "true"

    def kill_agent(self, unit="gitops-agent.service"):
        """kill -9 of the agent, as a crash; what becomes of it then is its unit's Restart=."""
        self.run(["systemctl", "kill", "--kill-whom=main", "--signal=KILL", unit])

    def kill(self, name):
        """kill -9 of every process of this name, for one that no unit runs."""
        self.run(["sh", "-c", 'for d in /proc/[0-9]*; do [ "$(cat $d/comm 2>/dev/null)" = "$1" ] && '
                  'kill -9 "${d#/proc/}"; done; true', "sh", name[:15]])

    def remove(self):
        """Removes the container; harmless to repeat."""
        atexit.unregister(self.remove)
        podman("rm", "--force", "--time", "0", "--ignore", self.container, check=False)
        while self._unmake:
            subprocess.run(["umount", "--lazy", self._unmake.pop()], check=False)
