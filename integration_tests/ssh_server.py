"""A real sshd on a port of its own, for the account that runs the tests, which may do nothing but
what the repository's key is for."""

import os
import pathlib
import pwd
import re
import signal
import socket
import subprocess

from harness import wait_for


class Key:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f",
                        str(self.path)], check=True)
        # Left beside it, ssh would trust it more than the key.
        file = self.path.with_suffix(".pub")
        self.public = file.read_text().strip()
        file.unlink()


class SshServer:
    """Used as a context manager. `command` runs instead of what the client asks for, which is in
    SSH_ORIGINAL_COMMAND."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir()
        self.host_key = Key(self.directory / "host_key")
        self.authorized = self.directory / "authorized_keys"
        self.authorized.touch()
        self.account = pwd.getpwuid(os.geteuid()).pw_name
        self.log = self.directory / "log"
        self.process = None
        self.port = None

    def authorize(self, *keys, command='git-shell -c "$SSH_ORIGINAL_COMMAND"'):
        escaped = command.replace('"', '\\"')
        self.authorized.write_text("".join(
            f'restrict,command="{escaped}" {key.public}\n' for key in keys))

    def known_hosts(self, key=None):
        return f"[127.0.0.1]:{self.port} {(key or self.host_key).public}\n"

    def url(self, path):
        return f"ssh://{self.account}@127.0.0.1:{self.port}{path}"

    def start(self):
        # sshd takes no port 0; one that is taken meanwhile makes it end, and another is tried.
        for _ in range(20):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
            if self._start_once():
                return self
        raise AssertionError(f"sshd does not start:\n{self.log.read_text()}")

    def _start_once(self):
        config = self.directory / "config"
        config.write_text(
            f"ListenAddress 127.0.0.1:{self.port}\nHostKey {self.host_key.path}\n"
            f"AuthorizedKeysFile {self.authorized}\nPidFile none\nStrictModes no\nUsePAM no\n"
            "PermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            "AllowTcpForwarding no\nX11Forwarding no\nMaxStartups 100\n")
        if os.geteuid() == 0:
            pathlib.Path("/run/sshd").mkdir(exist_ok=True)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(["/usr/sbin/sshd", "-f", str(config), "-D", "-e"],
                                            stdout=log, stderr=log, start_new_session=True)
        def listens():
            return re.search(r"^Server listening", self.log.read_text(), re.M) is not None
        wait_for(lambda: listens() or self.process.poll() is not None, what="sshd listens or ends")
        return listens()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=10)

    def kill_sessions(self):
        """What sshd started for its clients, such as an upload-pack that hangs."""
        for pid in self._descendants(self.process.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    @staticmethod
    def _descendants(pid):
        found = []
        for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                children = [int(child) for child in task.read_text().split()]
            except OSError:
                continue
            for child in children:
                found += [child, *SshServer._descendants(child)]
        return found

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.kill_sessions()
        self.stop()
