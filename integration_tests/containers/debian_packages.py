"""Packages of tools/package, and a host that has nothing but Debian's smallest base with systemd, to install
them on.

    packages = make_packages(directory / "one", "1.0")
    with BareHost(mounts={directory: "/debs:ro"}) as host:
        host.apt("install", "./debs/gitops-agent_1.0_amd64.deb")
"""

import pathlib
import subprocess

from host import HOST_PATH, WORKSPACE, CommandFailed, Result, SystemdHost, bin_dir

NAMES = ("gitops-agent", "gitops-server", "gitopsctl")
AGENT, SERVER, CTL = NAMES


def make_packages(directory, version, release=False):
    """{name: file} of the packages of the programs in bin_dir(), or of a release build, which takes long."""
    programs = [] if release else ["--bin-dir", bin_dir()]
    made = subprocess.run([WORKSPACE / "tools/package", "--out", directory, "--version", version, *programs],
                          capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    files = [pathlib.Path(line) for line in made.stdout.split()]
    return {file.name.split("_")[0]: file for file in files}


class BareHost(SystemdHost):
    """Its apt is set up as the machine's, and uses the machine's network; nothing else of it does."""

    def __init__(self, **options):
        mounts = {"/etc/apt": "/etc/apt:ro", **options.pop("mounts", {})}
        super().__init__(image_flags=["--base"], mounts=mounts, **options)

    def __enter__(self):
        super().__enter__()
        self.write("/etc/resolv.conf", pathlib.Path("/etc/resolv.conf").read_text())
        self.write("/etc/hosts", pathlib.Path("/etc/hosts").read_text())
        # Where the mirror speaks HTTPS, the machine's authorities; removed again, so that they are no part of the base.
        bundle = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
        self.write("/run/machine.crt", bundle.read_text() if bundle.exists() else "")
        self.apt("update")
        return self

    def apt(self, *words, check=True):
        command = ["apt-get", "-q", "-y", "--no-install-recommends", "-o", "Acquire::https::CAInfo=/run/machine.crt",
                   "-o", "Dpkg::Options::=--force-confold", *map(str, words)]
        done = subprocess.run(
            ["nsenter", "--target", self.pid, "--mount", "--uts", "--ipc", "--pid", "--", *command], check=False,
            timeout=600, capture_output=True, text=True, stdin=subprocess.DEVNULL,
            env={"PATH": HOST_PATH, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"})
        if check and done.returncode != 0:
            raise CommandFailed(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return Result(done.returncode, done.stdout, done.stderr)

    def installed_kib(self):
        """{package: KiB} of what is installed."""
        listed = self.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Installed-Size}\n"]).stdout
        return {words[1]: int(words[2]) for line in listed.splitlines()
                if (words := line.split())[0] == "installed"}

    def shown(self, unit, name):
        return self.run(["systemctl", "show", "--value", "--property", name, unit]).stdout.strip()
