"""Calls gitops.v1.OperationService as a planner does."""

import grpc

import protos


def detail_of(error, message):
    """The detail of this type in the google.rpc.Status of an error."""
    sent = dict(error.trailing_metadata())["grpc-status-details-bin"]
    for detail in protos.messages("google/rpc/status").Status.FromString(sent).details:
        if detail.type_url == "type.googleapis.com/" + message.DESCRIPTOR.full_name:
            return message.FromString(detail.value)
    raise AssertionError(f"no {message.DESCRIPTOR.full_name} in {error}")


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
        """What a failed action moved: a PerformActionResponse among the details of its status."""
        return detail_of(error, self.pb.PerformActionResponse).moves
