"""The unit files of deploy/systemd."""

import configparser
import subprocess
from pathlib import Path

import pytest

UNITS = sorted((Path(__file__).parent.parent / "deploy/systemd").glob("*.service"))


def test_each_server_has_a_unit():
    assert [unit.stem for unit in UNITS] == ["gitops-agent", "gitops-gateway", "gitops-hook-dispatcher",
                                          "gitops-planner", "gitops-promotion-receiver"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_bounds_memory_and_files_since_grpc_does_not(unit):
    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str
    parsed.read(unit)
    service = parsed["Service"]
    assert service["MemoryMax"].endswith("G")
    assert 1024 < int(service["LimitNOFILE"]) <= 65536
    assert service["Restart"] == "on-failure", "a process that was killed for its memory comes back"
    assert service["Type"] == "notify" and service["WatchdogSec"], "one that hangs comes back too"


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.stem != "gitops-agent"], ids=lambda unit: unit.stem)
def test_systemd_gives_the_units_of_the_control_plane_an_exposure_of_at_most_two(unit):
    rated = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", unit],
                           capture_output=True, text=True, check=False)
    assert rated.returncode == 0 and "Overall exposure level" in rated.stdout, rated.stdout + rated.stderr
