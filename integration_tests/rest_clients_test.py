"""Clients that are generated from the real gateway's /openapi.json compile, and do what a person does
with the API against the real suite."""

import json
import pathlib
import shutil

import pytest

from whole_suite import NODE_MODULES, VENV, WholeSuite, run

PROGRAMS = pathlib.Path(__file__).resolve().parent / "rest_clients"


@pytest.fixture(name="suite", scope="module")
def running_suite(tmp_path_factory):
    with WholeSuite(tmp_path_factory.mktemp("suite")) as suite:
        yield suite


@pytest.fixture(name="description")
def description_file(suite, tmp_path):
    path = tmp_path / "openapi.json"
    path.write_bytes(suite.gateway.get("/openapi.json", token=None).body)
    return path


def test_a_generated_python_client_compiles_and_works(suite, description, tmp_path):
    (tmp_path / "generator.yaml").write_text("post_hooks: []\n")
    told = run(tmp_path, VENV / "openapi-python-client", "generate", "--path", description, "--meta", "none",
               "--output-path", "gitops_client", "--config", "generator.yaml", "--fail-on-warning")
    assert "WARNING" not in told, told
    operations = [name for path in json.loads(description.read_text())["paths"].values() for name in path]
    generated = [file for file in (tmp_path / "gitops_client/api").glob("*/*.py")
                 if file.name != "__init__.py"]
    assert len(generated) == len(operations) > 40
    shutil.copy(PROGRAMS / "client_use.py", tmp_path)
    run(tmp_path, VENV / "mypy", "--strict", "--follow-imports=silent", "client_use.py")
    run(tmp_path, VENV / "mypy", "gitops_client")
    suite.send_event("1.0.1")
    run(tmp_path, VENV / "python", "client_use.py", suite.url, "1.0.1")


def test_generated_typescript_types_compile_and_describe_what_is_answered(suite, description, tmp_path):
    for name in ("client_use.ts", "tsconfig.json"):
        shutil.copy(PROGRAMS / name, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    run(tmp_path, NODE_MODULES / ".bin/openapi-typescript", description, "-o", "api.d.ts")
    run(tmp_path, NODE_MODULES / ".bin/tsc")
    suite.send_event("1.0.2")
    run(tmp_path, shutil.which("node"), "client_use.js", suite.url, "1.0.2")
