"""The suite's protos as Python modules, generated from proto/ for tests."""

import functools
import importlib
import pathlib
import subprocess
import sys
import tempfile

PROTO_DIR = pathlib.Path(__file__).resolve().parent.parent / "proto"


@functools.lru_cache(maxsize=None)
def _generated():
    """A directory (kept until the process ends) that holds all of them, on sys.path."""
    directory = tempfile.TemporaryDirectory(prefix="gitops-protos-")
    files = sorted(str(path.relative_to(PROTO_DIR)) for path in PROTO_DIR.rglob("*.proto"))
    subprocess.run(["protoc", f"-I{PROTO_DIR}", f"--python_out={directory.name}",
                    "--plugin=protoc-gen-grpc=/usr/bin/grpc_python_plugin",
                    f"--grpc_out={directory.name}", *files], check=True)
    sys.path.insert(0, directory.name)
    return directory


def messages(name):
    """messages("gitops/v1/hooks") has DispatchHookRequest and so on."""
    _generated()
    return importlib.import_module(name.replace("/", ".") + "_pb2")


def stubs(name):
    """stubs("gitops/v1/hooks") has HookDispatcherServiceStub and so on."""
    _generated()
    return importlib.import_module(name.replace("/", ".") + "_pb2_grpc")
