"""Reflection belongs to gRPC and passes no gate, so its streams have a limit of their own."""

import threading

import grpc

from harness import wait_for

METHOD = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
STREAMS, CONNECTIONS = 1000, 20


class OpenStreams:
    """Reflection streams that ask for nothing, as many as the agent lets one open."""

    def __init__(self, address):
        self.done = threading.Event()
        options = [("grpc.use_local_subchannel_pool", 1)]
        self.channels = [grpc.insecure_channel(address, options=options) for _ in range(CONNECTIONS)]
        self.calls = [self.open(self.channels[number % CONNECTIONS]) for number in range(STREAMS)]

    def open(self, channel):
        def nothing():
            self.done.wait()
            yield from ()
        return channel.stream_stream(METHOD)(nothing())

    def refused(self):
        return sum(not call.is_active() for call in self.calls)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.done.set()
        for channel in self.channels:
            channel.close()


def test_streams_of_reflection_refuse_no_command(host, repository):
    with host.agent() as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        with OpenStreams(agent.address()) as streams:
            wait_for(lambda: streams.refused() >= STREAMS - 300, 60, "the limit")
            for _ in range(5):
                agent.ctl("freeze", "web", "--reason", "while streams are open")
                assert agent.service("web")["state"] == "FREEZE"
                agent.ctl("unfreeze", "web")
