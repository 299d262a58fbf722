"""Calls gitops.v1.OperationService as a planner does, with stubs made from the protos on the way."""

import importlib
import subprocess
import sys

import grpc

from harness import ROOT

METHODS = ("GetHostStatus", "ResolveRevision", "PerformAction", "RunCheck")


def stubs(directory):
    """The module of operation.proto's messages, generated into the directory."""
    out = directory / "stubs"
    out.mkdir(exist_ok=True)
    subprocess.run(["protoc", f"-I{ROOT / 'proto'}", "-I/usr/include", f"--python_out={out}",
                    "gitops/v1/operation.proto"], check=True)
    # Not below a package "gitops", which other stubs may have made already.
    sys.path.insert(0, str(out / "gitops" / "v1"))
    try:
        return importlib.import_module("operation_pb2")
    finally:
        sys.path.pop(0)


class OperationClient:
    """One agent, as a deployment sees it."""

    def __init__(self, agent, messages, deployment="d1", fencing=1):
        self.agent = agent
        self.pb = messages
        self.deployment = deployment
        self.fencing = fencing

    def call(self, method, request, timeout=30):
        response = getattr(self.pb, f"{method}Response")
        with grpc.insecure_channel(self.agent.address()) as channel:
            send = channel.unary_unary(f"/gitops.v1.OperationService/{method}",
                                       request_serializer=type(request).SerializeToString,
                                       response_deserializer=response.FromString)
            return send(request, timeout=timeout)

    def status(self):
        return self.call("GetHostStatus", self.pb.GetHostStatusRequest())

    def resolve(self, service, revision=None):
        return self.call("ResolveRevision", self.pb.ResolveRevisionRequest(
            service=service, revision=revision))

    def perform(self, number, action, fencing=None, **fields):
        operation = self.pb.Operation(
            id=f"{self.deployment}/web1/{number}", deployment=self.deployment, actor="tester",
            fencing=self.fencing if fencing is None else fencing)
        return self.call("PerformAction", self.pb.PerformActionRequest(
            operation=operation, action=action, **fields))

    def sync(self, number, revision, **fields):
        return self.perform(number, "sync",
                            upstream_revisions=[self.pb.UpstreamRevision(hash=revision)], **fields)

    def check(self, *cmd, kind="KIND_HEALTH", seconds=10):
        request = self.pb.RunCheckRequest(kind=kind, cmd=cmd)
        request.timeout.FromSeconds(seconds)
        return self.call("RunCheck", request)

    def moves_of(self, error):
        """What a failed action moved: the details of its status."""
        details = dict(error.trailing_metadata()).get("grpc-status-details-bin", b"")
        return self.pb.PerformActionResponse.FromString(details).moves
