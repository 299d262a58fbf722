"""A host to run the pages of docs/ on: a clone of the repository with what was built, and nothing installed."""

from host import HOST_PATH, SystemdHost, WORKSPACE, bin_dir

from doc_pages import Session

CLONE = "/root/gitops"


class DocHost(SystemdHost):
    def __init__(self, name="web1", **options):
        mounts = {bin_dir(): "/opt/gitops:ro", **options.pop("mounts", {})}
        for folder in ("deploy", "examples", "integration_tests"):
            mounts[WORKSPACE / folder] = f"{CLONE}/{folder}:ro"
        super().__init__(name=name, mounts=mounts, **options)

    def __enter__(self):
        super().__enter__()
        self.run(["ln", "-s", "/opt/gitops", f"{CLONE}/bazel-bin"])
        return self

    def run(self, command, environment=None, **options):
        return super().run(command, environment={"HOME": "/root", **(environment or {})}, **options)

    def session(self, directory=CLONE, environment=None):
        """A root shell at a terminal, as somebody has who follows a page."""
        return Session(["nsenter", "--target", self.pid, "--all", "--"], directory,
                       {"PATH": HOST_PATH, **(environment or {})})
