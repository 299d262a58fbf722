"""Requests that schemathesis makes from /openapi.json, good and bad ones, against the real suite: every
operation answers as described, and none with a 500. rest_clients/schemathesis.toml says what is checked."""

import pathlib
import re
import shutil

import pytest

from whole_suite import VENV, WholeSuite, run

SETTINGS = pathlib.Path(__file__).resolve().parent / "rest_clients"


def test_generated_requests(tmp_path, examples=10, seed=20261130):
    for name in ("schemathesis.toml", "hooks.py"):
        shutil.copy(SETTINGS / name, tmp_path)
    with WholeSuite(tmp_path) as suite:
        description = suite.gateway.get("/openapi.json", token=None).json
        operations = sum(len(methods) for methods in description["paths"].values())
        told = run(tmp_path, VENV / "schemathesis", "--no-color", "run", f"{suite.url}/openapi.json",
                   "--header", "Authorization: Bearer token-admin", "--max-examples", examples, "--seed", seed,
                   timeout=1800)
        assert re.search(rf"Tested: +{operations}\b", told), told
        generated = int(re.search(r"(\d+) generated", told).group(1))
        assert generated > 30 * operations, told
        for program in (suite.gateway, suite.receiver, suite.fleet.planner, *suite.fleet.agents.values()):
            assert program.process.poll() is None, program.logged()[-2000:]
        assert suite.gateway.get("/v1/hosts").status == 200


@pytest.mark.long
def test_many_generated_requests(tmp_path):
    test_generated_requests(tmp_path, examples=150, seed=1)
