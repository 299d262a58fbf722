"""The images of deploy/Containerfile with the programs that were built, and a host that runs containers."""

import functools
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

import host
from host import HERE, PODMAN, WORKSPACE, bin_dir, podman

TAG = "test"
PROGRAMS = {"planner": "services/planner/gitops-planner", "gateway": "gateway/gitops-gateway",
            "hook-dispatcher": "services/hook_dispatcher/gitops-hook-dispatcher",
            "promotion-receiver": "services/promotion_receiver/gitops-promotion-receiver",
            "gitopsctl": "ctl/gitopsctl", "agent": "agent/gitops-agent"}
HOST_IMAGE = "localhost/gitops-test-podman-host"


def name(target, tag=TAG):
    return f"localhost/{'' if target == 'gitopsctl' else 'gitops-'}{target}:{tag}"


@functools.cache
def build(*targets):
    """Builds the images on that of the test hosts, which has the libraries already."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as programs:
        for target in targets:
            shutil.copy(bin_dir() / PROGRAMS[target], programs)
            os.chmod(pathlib.Path(programs) / pathlib.Path(PROGRAMS[target]).name, 0o755)
        done = subprocess.run(
            [WORKSPACE / "tools/build-images", "--tag", TAG, "--base", host.image(), "--programs", programs,
             "--apt", "/etc/apt", *targets], env={**os.environ, "PODMAN": PODMAN}, check=False, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout[-8000:]
    return [name(target) for target in targets]


@functools.cache
def podman_host_image():
    """The image of the test hosts with podman, for hosts that run containers themselves."""
    text = (HERE / "podman-host.containerfile").read_bytes()
    tag = hashlib.sha256(host.image().encode() + text).hexdigest()[:12]
    image = f"{HOST_IMAGE}:{tag}"
    if not podman("image", "exists", image, check=False).ok:
        host.say(f"building {image}, about a minute")
        podman("build", "--tag", image, "--build-arg", f"BASE={host.image()}", "--volume", "/etc/apt:/etc/apt:ro",
               "--network", "host", "--ulimit", "nofile=4096:4096", "--ulimit", "nproc=1000:1000",
               "--file", HERE / "podman-host.containerfile", HERE, timeout=600)
    return image


def image_store(own):
    """The mounts of such a host: the machine's images, read-only, and the directory `own` for what it makes itself."""
    store = podman("info", "--format", "{{.Store.GraphRoot}}").stdout.strip()
    return {store: "/var/lib/machine-images:ro", own: "/var/lib/containers/storage"}
