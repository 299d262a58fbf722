"""The unit files of deploy/systemd."""

import configparser
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
