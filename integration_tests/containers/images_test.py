"""The images of deploy/Containerfile, and deploy/compose.yaml by tools/demo --containers."""

import json
import os
import re
import subprocess

import pytest
import suite_images
from host import WORKSPACE, bin_dir, podman

pytestmark = pytest.mark.long  # builds images
TARGETS = list(suite_images.PROGRAMS)
CONTAINERFILE = (WORKSPACE / "deploy/Containerfile").read_text()
BUILD_AND_RELEASE = (WORKSPACE / "docs/how-to/build-and-release.md").read_text()
LIMITS = ["--ulimit", "nofile=4096:4096", "--ulimit", "nproc=1000:1000"]


@pytest.fixture(name="config", params=TARGETS)
def image_config(request):
    suite_images.build(*TARGETS)
    described = json.loads(podman("image", "inspect", suite_images.name(request.param)).stdout)[0]
    return {"target": request.param, "Healthcheck": described.get("Healthcheck"), **described["Config"]}


def version(target):
    """What the program of an image says, in a container with a read-only root and no rights."""
    flags = ["version"] if target == "gitopsctl" else ["--version"]
    return podman("run", "--rm", "--read-only", "--cap-drop=ALL", "--network=none", *LIMITS,
                  suite_images.name(target), *flags).stdout.strip()


def test_program_of_each_image_runs_without_rights_and_is_the_version_of_its_label(config):
    assert version(config["target"]).split()[-1] == config["Labels"]["org.opencontainers.image.version"]


def test_each_image_has_a_numeric_user_labels_and_a_health_check(config):
    user = {"agent": "0:0"}.get(config["target"], "10001:10001")
    assert config["User"] == user
    for label in ("title", "description", "revision", "base.name"):
        assert config["Labels"][f"org.opencontainers.image.{label}"]
    if config["target"] != "gitopsctl":
        assert config["Healthcheck"]["Test"][:2] == ["CMD", "healthy"]


def test_images_have_the_libraries_that_a_host_needs():
    listed = re.search(r"apt-get install --no-install-recommends ((?:.*\\\n)*.*)", BUILD_AND_RELEASE).group(1)
    installed = " ".join(re.findall(r"apt-get install -q -y --no-install-recommends(.*?)&&", CONTAINERFILE, re.S))
    words = set(installed.replace("\\", " ").split())
    assert words == set(listed.replace("\\", " ").split()) | {"openssh-client"}


def test_health_check_fails_for_a_program_that_is_not_there():
    suite_images.build("gateway")
    done = podman("run", "--rm", "--network=none", "--entrypoint", "healthy", *LIMITS, suite_images.name("gateway"),
                  "9225", check=False)
    assert done.status == 1 and "refused" in done.stderr


def test_server_that_would_serve_others_in_plain_text_does_not_start():
    suite_images.build("planner")
    done = podman("run", "--rm", "--network=none", "--env", "GITOPS_CONFIG=", *LIMITS, suite_images.name("planner"),
                  check=False)
    assert done.status == 2 and "refusing to serve other machines in plain text" in done.stderr, done


def test_demo_shows_the_main_job_in_containers_and_leaves_nothing():
    done = subprocess.run([WORKSPACE / "tools/demo", "--containers"], text=True, timeout=540, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, "GITOPS_BIN_DIR": str(bin_dir())})
    assert done.returncode == 0, done.stdout
    for shown in ("every health check succeeds", "web1 web3 serve version 2", "web2 serve version 1", "FREEZE", "Done"):
        assert shown in done.stdout, done.stdout
    assert "gitops-demo" not in podman("ps", "-a", "--format", "{{.Names}}").stdout
    assert "gitops-demo" not in podman("volume", "ls", "--format", "{{.Name}}").stdout
    assert "gitops-demo" not in podman("images", "--format", "{{.Tag}}").stdout
