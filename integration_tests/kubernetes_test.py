"""The promotion receiver against a real Kubernetes API, with Flux's objects in the forms of each version of their
APIs. Flux itself does not run: the test writes the status of objects, as its controllers do. What a real API does not
do on demand is tested against a small server, in services/promotion_receiver/observe."""

import json
import signal
import time

import grpc
import pytest

import protos
from fleet import HookEndpoint, Program
from harness import BIN, as_root, toml, wait_for
from kube_api import FluxKind, KubernetesApi, encoded, kubeconfig
from mount_namespace import MountNamespace

pytestmark = pytest.mark.long

RECEIVER = BIN / "services" / "promotion_receiver" / "gitops-promotion-receiver"
ACCOUNT = "system:serviceaccount:gitops:promotion-receiver"
pb = protos.messages("gitops/v1/promotion")

# Every form in which Flux's objects say what they run.
FORMS = [("HelmRelease", "v2beta1"), ("HelmRelease", "v2beta2"), ("HelmRelease", "v2"),
         ("Kustomization", "v1beta2"), ("Kustomization", "v1")]


def revisions(kind, version):
    """An old and a new revision, as the status has them."""
    if kind == "HelmRelease":
        return "0.13.4", "0.13.5"
    separator = "/" if version == "v1beta2" else "@sha1:"
    return f"main{separator}{'a' * 40}", f"main{separator}{'b' * 40}"


def rfc3339(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def condition(ready="True", reason="ReconciliationSucceeded", message="", since=None):
    return [{"type": "Reconciling", "status": "False", "lastTransitionTime": rfc3339(0)},
            {"type": "Ready", "status": ready, "reason": reason, "message": message,
             "lastTransitionTime": rfc3339(since or time.time())}]


def running(form, revision, **ready):
    """The status of an object that runs the revision."""
    status = {"conditions": condition(**ready), "lastAttemptedRevision": revision}
    if form == ("HelmRelease", "v2"):
        # The newest release is not always the first.
        return {**status, "history": [{"version": 1, "chartVersion": "0.1.0", "status": "superseded"},
                                      {"version": 2, "chartVersion": revision, "status": "deployed"}]}
    return {**status, "lastAppliedRevision": revision}


def state_of(promotion):
    return pb.PromotionState.Name(promotion.state).removeprefix("PROMOTION_STATE_")


def pipeline(kind, name, targets, soak=None):
    rules = {"manual": True} if soak is None else {"soak": soak}
    return json.dumps({
        "apiVersion": "pipelines.weave.works/v1alpha1", "kind": "Pipeline",
        "metadata": {"name": name, "namespace": "shopping"},
        "spec": {"appRef": {"apiVersion": f"{kind.group}/v1", "kind": kind.kind, "name": name},
                 "environments": [{"name": "dev", "targets": targets},
                                  {"name": "prod", "targets": [{"namespace": "prod"}],
                                   "promotion": {**rules, "strategy": {"notification": {}}}}]}})


EAST = {"namespace": "dev", "clusterRef": {"kind": "GitopsCluster", "name": "east"}}


class Receiver(Program):
    """A receiver with [[clusters]] {name: kubeconfig}, and a sink that keeps the notifications."""

    def __init__(self, directory, clusters, env=None):
        super().__init__(RECEIVER, directory, [], env)
        self.sink = HookEndpoint(lambda *_: (204, b""))
        self.pipelines = self.directory / "pipelines"
        self.pipelines.mkdir()
        self.config = self.directory / "receiver.toml"
        self.configure(clusters)
        self.flags = ["--config", str(self.config), "--pipelines", str(self.pipelines), "--allow-unsigned",
                      "--state-dir", str(self.directory / "state"), "--listen", "127.0.0.1:0"]

    def configure(self, clusters):
        text = f'[[sinks]]\nname = "test"\ntype = "cloudevents"\nurl = "{self.sink.url}"\n'
        for name, file in clusters.items():
            text += f"[[clusters]]\nname = {toml(name)}\nkubeconfig = {toml(file)}\n"
        self.config.write_text(text)

    def follow(self, kind, name, targets=(EAST,), **rules):
        (self.pipelines / f"{name}.yaml").write_text(pipeline(kind, name, list(targets), **rules))

    def start(self, **options):
        super().start(**options)
        self.channel = grpc.insecure_channel(self.address())
        self.service = protos.stubs("gitops/v1/promotion").PromotionServiceStub(self.channel)
        return self

    def stop(self, *arguments):
        self.channel.close()
        return super().stop(*arguments)

    def has_pipelines(self):
        return bool(self.service.ListPipelines(pb.ListPipelinesRequest(), timeout=20).pipelines)

    def send(self, kind, name, revision, namespace="dev"):
        """An event of Flux; returns the promotion's id."""
        body = {"involvedObject": {"kind": kind.kind, "namespace": namespace, "name": name,
                                   "apiVersion": f"{kind.group}/{kind.version}"},
                "severity": "info", "timestamp": rfc3339(time.time()), "message": "done",
                "reason": "ReconciliationSucceeded", "metadata": {"revision": revision}}
        event = pb.ReceivedEvent(namespace="shopping", pipeline=name, environment="dev", address="192.0.2.7",
                                 body=json.dumps(body).encode())
        outcome, = self.service.ReceiveEvents(pb.ReceiveEventsRequest(events=[event]), timeout=20).outcomes
        assert outcome.promotion, outcome.error.message
        return outcome.promotion

    def of(self, name, revision):
        """The promotion of a revision; None: there is none."""
        listed = self.service.ListPromotions(pb.ListPromotionsRequest(), timeout=20).promotions
        return next((p for p in listed if (p.pipeline, p.revision) == (name, revision)), None)

    def wait(self, name, revision, state, said="", seconds=90, nudge=None, ends=""):
        """Waits until the promotion has the state and says that. `nudge` is called from time to time."""
        nudged = time.monotonic()

        def reached():
            nonlocal nudged
            if nudge and time.monotonic() > nudged + 1.5:
                nudge()
                nudged = time.monotonic()
            promotion = self.of(name, revision)
            return (promotion and state_of(promotion) == state and said in promotion.message and
                    promotion.message.endswith(ends) and promotion)

        try:
            return wait_for(reached, seconds)
        except AssertionError:
            raise AssertionError(f"{name} {revision} did not become {state} {said + ends!r}; it is "
                                 f"{self.of(name, revision)}\n{self.logged()[-3000:]}") from None


@pytest.fixture(name="api", scope="module")
def running_api(tmp_path_factory):
    with KubernetesApi(tmp_path_factory.mktemp("kubernetes")) as api:
        yield api


@pytest.fixture(name="kinds", scope="module")
def served_kinds(api):
    return {name: FluxKind(api, name) for name in ("HelmRelease", "Kustomization")}


@pytest.fixture(name="helm")
def helm_releases(kinds):
    kinds["HelmRelease"].serve("v2")
    return kinds["HelmRelease"]


@pytest.fixture(name="access")
def kubeconfig_with_a_token_file(api, tmp_path):
    """Of an account that may get objects, and the file of its token."""
    token = tmp_path / "token"
    token.write_text("first\n")
    api.core.tokens["first"] = ACCOUNT
    return kubeconfig(tmp_path / "east", api.url, api.authority, {"tokenFile": str(token)}), token


@pytest.fixture(name="receiver")
def receiver_of_the_cluster(tmp_path, access):
    receiver = Receiver(tmp_path / "receiver", {"east": access[0]}).start()
    yield receiver
    receiver.stop()


HELM = ("HelmRelease", "v2")


@pytest.mark.parametrize("form", FORMS, ids="-".join)
def test_a_promotion_waits_until_its_revision_runs_healthy(kinds, receiver, form):
    kind, name = kinds[form[0]], f"app-{form[1]}"
    kind.serve(form[1])
    old, new = revisions(*form)
    kind.create("dev", name)
    before = {"since": time.time() - 3600}
    kind.set_status("dev", name, running(form, old, **before))
    receiver.follow(kind, name)
    # Without an event, since nothing has told of it.
    assert receiver.wait(name, old, "WAITING_APPROVAL").actor == "observed"

    def event():
        return receiver.send(kind, name, new)

    def waits(ends):
        receiver.wait(name, new, "OBSERVING", ends=ends, nudge=event)

    event()
    waits(f"{form[0]} dev/{name} in cluster east runs {old}")
    kind.change_spec("dev", name, "new")
    waits("its controller has not seen generation 2 yet")
    # What was attempted proves nothing.
    attempted = {**running(form, old, ready="Unknown", reason="Progressing"), "lastAttemptedRevision": new}
    kind.set_status("dev", name, attempted)
    waits("Ready is Unknown, Progressing")
    kind.set_status("dev", name, {**attempted, "conditions": condition(**before)})
    waits(f" runs {old}")
    kind.set_status("dev", name, running(form, new, ready="False", reason="HealthCheckFailed", message="timeout"))
    waits("Ready is False, HealthCheckFailed, timeout")
    kind.set_status("dev", name, {**running(form, new), "observedGeneration": 1})
    waits("its controller has not seen generation 2 yet")
    kind.set_status("dev", name, running(form, new))
    receiver.wait(name, new, "WAITING_APPROVAL", nudge=event)
    assert state_of(receiver.of(name, old)) == "SUPERSEDED"


def test_only_the_newest_release_counts_and_only_if_it_is_deployed(helm, receiver):
    helm.create("dev", "history")
    receiver.follow(helm, "history")
    wait_for(receiver.has_pipelines, what="the pipeline")

    def waits(history, said, ready="True"):
        helm.set_status("dev", "history", {"conditions": condition(ready), "history": history})
        receiver.wait("history", "2.0", "OBSERVING", said, nudge=lambda: receiver.send(helm, "history", "2.0"))

    receiver.send(helm, "history", "2.0")
    waits([], "it has no release yet")
    deployed = {"version": 9, "chartVersion": "2.0", "status": "deployed"}
    waits([deployed, {"version": 10, "chartVersion": "3.0", "status": "failed"}], "its release 10 is failed")
    waits([{"version": 10, "chartVersion": "1.0", "status": "deployed"}, deployed], "runs 1.0", ready="Unknown")
    helm.set_status("dev", "history", {"conditions": condition(), "history": [
        deployed, {"version": 8, "chartVersion": "3.0", "status": "superseded"}]})
    receiver.wait("history", "2.0", "WAITING_APPROVAL", nudge=lambda: receiver.send(helm, "history", "2.0"))


def test_a_soak_begins_anew_when_health_fails_and_ends_without_an_event(helm, receiver):
    helm.create("dev", "soak")
    helm.set_status("dev", "soak", running(HELM, "1.0"))
    receiver.follow(helm, "soak", soak="30s")
    first = receiver.wait("soak", "1.0", "SOAKING").soak_end_time.seconds
    helm.set_status("dev", "soak", running(HELM, "1.0", ready="False", reason="TestFailed"))
    # An event only makes it look.
    receiver.wait("soak", "1.0", "OBSERVING", "TestFailed", nudge=lambda: receiver.send(helm, "soak", "1.0"))
    healthy = time.time()
    helm.set_status("dev", "soak", running(HELM, "1.0", since=healthy))
    again = receiver.wait("soak", "1.0", "SOAKING").soak_end_time.seconds
    assert again >= int(healthy) + 30 > first
    done = receiver.wait("soak", "1.0", "SUCCEEDED")
    assert done.start_time.seconds >= again
    assert [call["payload"]["data"]["revision"] for call in receiver.sink.calls] == ["1.0"]


def test_a_promotion_waits_for_an_object_that_is_deleted_until_there_is_one_again(helm, receiver):
    helm.create("dev", "deleted")
    helm.set_status("dev", "deleted", running(HELM, "1.0"))
    receiver.follow(helm, "deleted", soak="1h")
    receiver.wait("deleted", "1.0", "SOAKING")

    def event():
        receiver.send(helm, "deleted", "1.0")

    helm.delete("dev", "deleted")
    receiver.wait("deleted", "1.0", "OBSERVING", "it does not exist", nudge=event)
    helm.create("dev", "deleted")
    receiver.wait("deleted", "1.0", "OBSERVING", "Ready is missing", nudge=event)
    helm.set_status("dev", "deleted", running(HELM, "1.0"))
    receiver.wait("deleted", "1.0", "SOAKING", nudge=event)


def test_versions_that_come_and_go_are_found(kinds, receiver):
    helm = kinds["HelmRelease"]
    helm.serve("v2beta1")
    helm.create("dev", "versions")
    helm.set_status("dev", "versions", running(("HelmRelease", "v2beta1"), "1.0"))
    receiver.follow(helm, "versions")
    receiver.wait("versions", "1.0", "WAITING_APPROVAL")

    def event():
        receiver.send(helm, "versions", "2.0")

    # Flux is upgraded.
    helm.serve("v2")
    helm.set_status("dev", "versions", running(HELM, "2.0"))
    event()
    receiver.wait("versions", "2.0", "WAITING_APPROVAL", nudge=event)
    # And removed: whether it runs cannot be said, which is not the same as no object.
    helm.remove()
    receiver.send(helm, "versions", "3.0")
    receiver.wait("versions", "3.0", "OBSERVING", "the cluster does not serve this API group",
                  nudge=lambda: receiver.send(helm, "versions", "3.0"))
    helm.serve("v2")
    helm.create("dev", "versions")
    helm.set_status("dev", "versions", running(HELM, "3.0"))
    receiver.wait("versions", "3.0", "WAITING_APPROVAL", nudge=lambda: receiver.send(helm, "versions", "3.0"))


def test_an_api_that_is_down_for_a_while_stops_promotions_and_nothing_else(api, helm, receiver):
    helm.create("dev", "down")
    helm.set_status("dev", "down", running(HELM, "1.0"))
    receiver.follow(helm, "down", soak="1h")
    before = receiver.wait("down", "1.0", "SOAKING")
    api.stop()
    try:
        receiver.wait("down", "1.0", "SOAKING", "now unknown",
                      nudge=lambda: receiver.send(helm, "down", "1.0"))
        receiver.send(helm, "down", "2.0")
        receiver.wait("down", "2.0", "OBSERVING", "cluster east: GET ")
    finally:
        api.start()
    helm.serve("v2")  # as before; waits until it is
    assert before.soak_end_time.seconds > time.time()
    helm.set_status("dev", "down", running(HELM, "2.0"))
    receiver.wait("down", "2.0", "SOAKING", nudge=lambda: receiver.send(helm, "down", "2.0"))


def test_an_account_that_may_not_get_objects_is_told_so(api, helm, receiver):
    helm.create("team", "forbidden")
    helm.set_status("team", "forbidden", running(HELM, "1.0"))
    api.core.forbidden.add("team")
    try:
        receiver.follow(helm, "forbidden", [{**EAST, "namespace": "team"}])

        def event():
            receiver.send(helm, "forbidden", "1.0", namespace="team")

        wait_for(receiver.has_pipelines, what="the pipeline")
        event()
        receiver.wait("forbidden", "1.0", "OBSERVING", f'User "{ACCOUNT}" cannot get resource "helmreleases"',
                      nudge=event)
        message = receiver.of("forbidden", "1.0").message
        assert 'in the namespace "team"' in message and "allow the account of the receiver to get it" in message
    finally:
        api.core.forbidden.clear()
    receiver.wait("forbidden", "1.0", "WAITING_APPROVAL", nudge=event)


def test_a_token_that_has_expired_stops_promotions_until_its_file_is_rotated(api, helm, receiver, access):
    helm.create("dev", "expired")
    helm.set_status("dev", "expired", running(HELM, "1.0"))
    receiver.follow(helm, "expired")
    receiver.wait("expired", "1.0", "WAITING_APPROVAL")

    def event():
        receiver.send(helm, "expired", "2.0")

    del api.core.tokens["first"]
    event()
    receiver.wait("expired", "2.0", "OBSERVING", "answered 401", nudge=event)
    helm.set_status("dev", "expired", running(HELM, "2.0"))
    assert "first" not in receiver.logged()
    api.core.tokens["second"] = ACCOUNT
    access[1].write_text("second")
    receiver.wait("expired", "2.0", "WAITING_APPROVAL", nudge=event)


def test_every_way_to_authenticate_works(api, helm, tmp_path):
    api.core.tokens["inline"] = ACCOUNT
    certificate, key = api.certificates.issue("receiver", f"/CN={ACCOUNT}")
    authority = {"certificate-authority-data": encoded(api.certificates.ca)}
    ways = {
        "files": (api.authority, {"client-certificate": str(certificate), "client-key": str(key)}),
        "data": (authority, {"client-certificate-data": encoded(certificate), "client-key-data": encoded(key)}),
        "token": (authority, {"token": "inline"}),
        "unchecked": ({"insecure-skip-tls-verify": True}, {"token": "inline"}),
    }
    files = {name: kubeconfig(tmp_path / name, api.url, *way) for name, way in ways.items()}
    receiver = Receiver(tmp_path / "receiver", files).start()
    try:
        for name in ways:
            helm.create("dev", name)
            helm.set_status("dev", name, running(HELM, "1.0"))
            receiver.follow(helm, name, [{"namespace": "dev", "clusterRef": {"name": name}}])
        for name in ways:
            receiver.wait(name, "1.0", "WAITING_APPROVAL")
    finally:
        receiver.stop()


def test_another_authority_is_not_trusted(api, helm, tmp_path):
    file = kubeconfig(tmp_path / "east", api.url, {}, {"token": "very-secret"})
    receiver = Receiver(tmp_path / "receiver", {"east": file}).start()
    try:
        helm.create("dev", "untrusted")
        receiver.follow(helm, "untrusted")
        wait_for(receiver.has_pipelines, what="the pipeline")
        receiver.send(helm, "untrusted", "1.0")
        receiver.wait("untrusted", "1.0", "OBSERVING", "certificate")
        assert "very-secret" not in receiver.logged() + receiver.of("untrusted", "1.0").message
    finally:
        receiver.stop()


def test_all_targets_that_can_be_observed_have_to_run_it(helm, receiver):
    for namespace in ("one", "two"):
        helm.create(namespace, "several")
        helm.set_status(namespace, "several", running(HELM, "1.0"))
    nobody = {"namespace": "three", "clusterRef": {"name": "not-configured"}}
    receiver.follow(helm, "several", [{**EAST, "namespace": "one"}, {**EAST, "namespace": "two"}, nobody])
    receiver.wait("several", "1.0", "WAITING_APPROVAL")

    def event():
        receiver.send(helm, "several", "2.0", namespace="one")

    helm.set_status("one", "several", running(HELM, "2.0"))
    event()
    receiver.wait("several", "2.0", "OBSERVING", "HelmRelease two/several in cluster east runs 1.0", nudge=event)
    helm.set_status("two", "several", running(HELM, "2.0"))
    receiver.wait("several", "2.0", "WAITING_APPROVAL", nudge=event)


def test_clusters_are_read_again_and_bad_ones_change_nothing(helm, receiver, access):
    helm.create("dev", "reread")
    helm.set_status("dev", "reread", running(HELM, "1.0"))
    receiver.follow(helm, "reread", [{**EAST, "clusterRef": {"name": "west"}}])
    wait_for(receiver.has_pipelines, what="the pipeline")
    # Nobody can tell what an unknown cluster runs, so the event decides.
    receiver.send(helm, "reread", "2.0")
    receiver.wait("reread", "2.0", "WAITING_APPROVAL")
    receiver.configure({"east": access[0], "west": access[0]})
    receiver.process.send_signal(signal.SIGHUP)
    receiver.wait("reread", "2.0", "OBSERVING", "HelmRelease dev/reread in cluster west runs 1.0")
    receiver.configure({"east": access[0], "west": access[0].with_name("missing")})
    receiver.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "the new config is invalid; the previous one stays in use" in receiver.logged(), what="the log")
    assert "missing" in receiver.logged()
    helm.set_status("dev", "reread", running(HELM, "2.0"))
    receiver.wait("reread", "2.0", "WAITING_APPROVAL")


def test_a_kubeconfig_that_becomes_bad_stays_as_it_was(api, helm, receiver, access):
    helm.create("dev", "rotated")
    helm.set_status("dev", "rotated", running(HELM, "1.0"))
    receiver.follow(helm, "rotated")
    receiver.wait("rotated", "1.0", "WAITING_APPROVAL")

    def event():
        receiver.send(helm, "rotated", "2.0")

    good = access[0].read_text()
    access[0].write_text("users: [{name: test, user: {exec: {command: aws")
    helm.set_status("dev", "rotated", running(HELM, "2.0"))
    receiver.wait("rotated", "2.0", "WAITING_APPROVAL", nudge=event)
    assert "the one that was read before stays in use" in receiver.logged()
    # Another server, which is down: the change counts without a signal.
    kubeconfig(access[0], "https://127.0.0.1:1", api.authority, {})
    receiver.wait("rotated", "3.0", "OBSERVING", "https://127.0.0.1:1/",
                  nudge=lambda: receiver.send(helm, "rotated", "3.0"))
    access[0].write_text(good)
    helm.set_status("dev", "rotated", running(HELM, "3.0"))
    receiver.wait("rotated", "3.0", "WAITING_APPROVAL", nudge=lambda: receiver.send(helm, "rotated", "3.0"))


@pytest.mark.skipif(not as_root(), reason="needs root: a mount namespace stands in for a pod")
def test_in_a_pod_its_service_account_is_used(api, helm, tmp_path):
    account = "/run/secrets/kubernetes.io/serviceaccount"
    helm.create("dev", "pod")
    helm.set_status("dev", "pod", running(HELM, "1.0"))
    with MountNamespace() as pod:
        pod.run("mount", "-t", "tmpfs", "tmpfs", "/run")
        files = pod.path(account)
        # As Kubernetes mounts them: behind a symlink that is exchanged.
        for version, token in (("..1", "pod-1"), ("..2", "pod-2")):
            (files / version).mkdir(parents=True)
            (files / version / "token").write_text(token)
            (files / version / "ca.crt").write_bytes(api.certificates.ca.read_bytes())
        (files / "..data").symlink_to("..1")
        for name in ("token", "ca.crt"):
            (files / name).symlink_to(f"..data/{name}")
        api.core.tokens["pod-1"] = ACCOUNT
        receiver = Receiver(tmp_path / "receiver", {}, {"KUBERNETES_SERVICE_HOST": "127.0.0.1",
                                                        "KUBERNETES_SERVICE_PORT": str(api.port)})
        receiver.wrapper = pod.wrapper
        receiver.start()
        try:
            receiver.follow(helm, "pod", [{"namespace": "dev"}])
            receiver.wait("pod", "1.0", "WAITING_APPROVAL")

            def event():
                receiver.send(helm, "pod", "2.0")

            del api.core.tokens["pod-1"]
            api.core.tokens["pod-2"] = ACCOUNT
            event()
            receiver.wait("pod", "2.0", "OBSERVING", "the cluster of this pod: GET ", nudge=event)
            assert "answered 401" in receiver.of("pod", "2.0").message
            helm.set_status("dev", "pod", running(HELM, "2.0"))
            (files / "..new").symlink_to("..2")
            (files / "..new").rename(files / "..data")
            receiver.wait("pod", "2.0", "WAITING_APPROVAL", nudge=event)
        finally:
            receiver.stop()


def test_outside_a_pod_a_target_without_a_cluster_is_promoted_by_its_event(helm, receiver):
    receiver.follow(helm, "nowhere", [{"namespace": "dev"}])
    wait_for(receiver.has_pipelines, what="the pipeline")
    receiver.send(helm, "nowhere", "1.0")
    receiver.wait("nowhere", "1.0", "WAITING_APPROVAL")
