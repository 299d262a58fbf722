"""One host on this machine, whose services are published below a directory of its own."""

from harness import Agent, fleet_config


class Host:
    """Where one host's services are published, and the agent that does it."""

    def __init__(self, tmp_path, repository):
        self.base = tmp_path / "host"
        self.repository = repository
        self.agents = []

    def local(self, name):
        return self.base / "etc" / name

    def read(self, name):
        return (self.base / "etc" / name).read_text()

    def spec(self, service="web", link=None, **keys):
        return {"machine": "web1", "service": service,
                "dirs": [{"local": self.local(service), "link": link or service}], **keys}

    def config(self, *services, **global_keys):
        keys = {"upstream": self.repository.url, "branch": "main",
                "mount": self.base / "revisions", "poll": "100ms", **global_keys}
        return fleet_config(keys, services or [self.spec()])

    def agent(self, config=None, **options):
        agent = Agent(self.base / "agent", config or self.config(), **options)
        self.agents.append(agent)
        return agent
