"""What providers of pull requests, their git servers and people do to promotions: a real receiver, real
pushes to real repositories behind each provider's API, and the faults that they have. What may pass is
tried again and done once; what may not says why, and stops no other promotion."""

import contextlib
import http.client
import signal
import threading
import time

import pytest

from fleet import Fleet, HookEndpoint
from git_http_server import Certificate
from git_provider import CLONE, HTML, KINDS, Fault, GitProvider, app, version_in
from harness import toml, wait_for
from promotion_suite import ENDS, PromotionSuite

TITLE = "Promote shopping/{} in prod to {}"


@pytest.fixture(scope="module", name="suite")
def running_suite(tmp_path_factory):
    with PromotionSuite(tmp_path_factory.mktemp("suite")) as suite:
        yield suite


@pytest.fixture(name="shop")
def shops(suite, tmp_path):
    """shop(name, kind) is a provider with a pipeline of that name that makes pull requests there."""
    with contextlib.ExitStack() as stack:
        def make(name, kind="gitea", files=None, **options):
            files = files or {f"apps/{name}.yaml": app("1.0.0", name), "README": "x\n"}
            provider = stack.enter_context(GitProvider(tmp_path / name, kind, files, **options))
            suite.pull_requests(name, provider)
            return provider
        yield make


def branch(name):
    return f"promotion-shopping-{name}-prod"


def promoted(provider, name, version, base="main"):
    """The branch has one commit on the base, which sets the version, and one pull request says so."""
    assert [(pull["title"], pull["branch"], pull["base"]) for pull in provider.open_pulls()] == \
        [(TITLE.format(name, version), branch(name), base)]
    assert version_in(provider.git("show", f"{branch(name)}:apps/{name}.yaml")) == version
    assert provider.git("rev-list", f"{base}..{branch(name)}").splitlines() == [provider.tip(branch(name))]
    assert provider.git("log", "-1", "--format=%P|%cn", branch(name)) == f"{provider.tip(base)}|Promotion Server"
    assert provider.git("diff", "--name-only", base, branch(name)) == f"apps/{name}.yaml"


def pushes(provider):
    return len(provider.times(f"POST {CLONE[provider.kind]}/git-receive-pack"))


def test_each_provider_gets_a_pushed_branch_and_a_pull_request_and_the_next_version_replaces_both(suite, shop):
    names = {f"base-{kind}": shop(f"base-{kind}", kind) for kind in KINDS}
    for version in ("1.1.0", "1.2.0"):
        begun = {name: suite.event(name, version) for name in names}
        for name, promotion in begun.items():
            done = suite.wait(promotion, "SUCCEEDED")
            promoted(names[name], name, version)
            assert len(names[name].pulls) == 1 and done["result"], done


def test_a_revoked_token_fails_only_its_promotion_and_the_new_one_in_the_file_is_used(suite, shop):
    good = shop("revoked-not")
    names = {f"revoked-{kind}": shop(f"revoked-{kind}", kind) for kind in KINDS}
    for provider in names.values():
        provider.api_tokens = {"fresh-token"}
        # Also where git accepts a token that the API refuses, as with too narrow a scope.
        narrow = {"the-token"} if provider.kind in ("azure-devops", "gitlab") else set()
        provider.git_tokens = {"fresh-token"} | narrow
    begun = {name: suite.event(name, "1.1.0") for name in names}
    suite.wait(suite.event("revoked-not", "1.1.0"), "SUCCEEDED")
    promoted(good, "revoked-not", "1.1.0")
    for name, promotion in begun.items():
        failed = suite.wait(promotion, "FAILED")
        assert "put a new one into the secret" in failed["message"], failed["message"]
        assert "the-token" not in str(failed) and names[name].tip(branch(name)) is None
        suite.secret(name, token="fresh-token")
        suite.replay(name, "1.1.0")
    for name, promotion in begun.items():
        suite.wait(promotion, "SUCCEEDED")
        promoted(names[name], name, "1.1.0")
    assert "the-token" not in suite.receiver.logged() and "fresh-token" not in suite.receiver.logged()


def test_old_and_new_token_work_while_a_rotation_is_under_way(suite, shop):
    provider = shop("rotated", "github")
    suite.wait(suite.event("rotated", "1.1.0"), "SUCCEEDED")
    # The file has the new one before the provider knows it …
    suite.secret("rotated", token="second-token")
    suite.wait(suite.event("rotated", "1.2.0"), "SUCCEEDED")
    promoted(provider, "rotated", "1.2.0")
    # … and then the old one is revoked.
    provider.git_tokens = provider.api_tokens = {"second-token"}
    suite.wait(suite.event("rotated", "1.3.0"), "SUCCEEDED")
    promoted(provider, "rotated", "1.3.0")


def test_a_user_with_a_password_is_rotated_in_the_same_way(suite, tmp_path):
    with GitProvider(tmp_path / "user", "gitea", {"apps/user.yaml": app("1.0.0", "user")}) as provider:
        provider.git_tokens, provider.api_tokens = {"first"}, {"robot:first"}
        suite.pull_requests("user", provider, username="robot", password="first")
        (suite.secrets / "shopping/user/token").unlink()
        suite.wait(suite.event("user", "1.1.0"), "SUCCEEDED")
        suite.secret("user", password="second")
        suite.wait(suite.event("user", "1.2.0"), "SUCCEEDED")
        promoted(provider, "user", "1.2.0")


def test_what_may_pass_is_tried_again_and_done_once(suite, shop):
    """Each with a provider of its own, all at the same time."""
    kinds = {"down": "gitlab", "later": "gitea", "limited": "gitlab", "primary": "github", "secondary": "github",
             "html": "bitbucket-server", "proxy": "azure-devops", "git-down": "gitea", "git-html": "gitea",
             "git-limited": "github", "git-cut": "github", "pack-cut": "github", "push-cut": "github",
             "api-cut": "github", "opened": "gitea", "gone": "gitea"}
    shops = {name: shop(name, kind) for name, kind in kinds.items()}
    later, html = [("Retry-After", "8")], {"content_type": HTML[0], "body": HTML[1]}
    used_up = [("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", str(int(time.time()) + 9))]
    secondary = b'{"message": "You have exceeded a secondary rate limit. Please wait."}'
    faults = {
        "down": (Fault("/api/", 503, times=1), "HTTP 503"),
        "later": (Fault("/api/", 503, later, times=1), "HTTP 503"),
        "limited": (Fault("/api/", 429, later, times=1), "HTTP 429"),
        "primary": (Fault("/api/", 403, used_up, times=1), "HTTP 403"),
        "secondary": (Fault("/api/", 403, later, secondary, times=1), "secondary rate limit"),
        "html": (Fault("/rest/", 200, **html, times=1), "no JSON"),
        "proxy": (Fault("/_apis/", 502, **html, times=1), "HTTP 502"),
        "git-down": (Fault("info/refs", 503, times=1), "503"),
        "git-html": (Fault("info/refs", 200, **html, times=1), "something else than git answers"),
        "git-limited": (Fault("info/refs", 429, times=1), "429"),
        "git-cut": (Fault("/git-upload-pack", cut=True, times=1), "reading the branches"),
        # The pack comes after both lists of branches.
        "pack-cut": (Fault("/git-upload-pack", cut=True, skip=2, times=1), "fetching main"),
        "push-cut": (Fault("/git-receive-pack", cut=True, times=1), "pushing"),
        "api-cut": (Fault("GET /api/", cut=True, times=1), "listing the pull requests"),
        "opened": (Fault("POST /api/", 500, times=1), "HTTP 500"),
    }
    for name, (fault, _) in faults.items():
        shops[name].fail(fault)
    shops["gone"].stop()
    begun = {name: suite.event(name, "1.1.0") for name in kinds}
    errors = {}

    def all_failed():
        for name in begun.keys() - errors.keys():
            if error := suite.get(begun[name])["lastError"]:
                errors[name] = error
        return len(errors) == len(begun)

    try:
        wait_for(all_failed, what="the failure of each first attempt")
    except AssertionError:
        raise AssertionError(f"no failure of {begun.keys() - errors.keys()}") from None
    for name, (_, said) in faults.items():
        assert said in errors[name], errors[name]
    shops["gone"].start()
    for name, promotion in begun.items():
        done = suite.wait(promotion, "SUCCEEDED", seconds=40)
        assert done["attemptCount"] >= 2, done
        promoted(shops[name], name, "1.1.0")
        assert len(shops[name].pulls) == 1
    for name in ("later", "limited", "primary", "secondary"):
        refused = shops[name].times("GET /api/")[0]
        again = next(when for when in shops[name].times("git-upload-pack") if when > refused)
        assert again - refused >= (6 if name == "primary" else 7.9), f"{name} was asked again too early"
    for name in ("opened", "push-cut"):
        assert pushes(shops[name]) == 1, "what was pushed is not pushed again"


def test_a_provider_that_hangs_holds_up_no_other_promotion_and_no_stop(suite, shop):
    hanging, other = shop("hanging"), shop("other", "github")
    fault = hanging.fail(Fault("GET /api/", hang=True))
    promotion = suite.event("hanging", "1.1.0")
    assert fault.reached.wait(20)
    suite.wait(suite.event("other", "1.1.0"), "SUCCEEDED", seconds=10)
    promoted(other, "other", "1.1.0")
    begin = time.monotonic()
    assert suite.receiver.stop() == 0
    assert time.monotonic() - begin < 10
    hanging.mend()
    suite.receiver.start()
    suite.wait(promotion, "SUCCEEDED")
    promoted(hanging, "hanging", "1.1.0")
    assert len(hanging.pulls) == 1


def test_what_will_not_pass_fails_with_the_words_of_the_remote_and_can_be_replayed(suite, shop):
    cases = {
        "hooked": ("gitea", "pre-receive hook declined"),
        "protected": ("github", "hook declined"),
        "forbidden": ("github", "Resource not accessible by integration"),
        "missing": ("gitlab", "it does not exist, or the token may not see it"),
        "moved": ("gitea", "configure the new URL"),
        "signin": ("gitlab", "sign-in page"),
        "refused": ("bitbucket-server", "source branch is read-only"),
        "no-base": ("gitea", "main"),
        "no-marker": ("gitea", "$promotion"),
    }
    shops = {name: shop(name, kind) for name, (kind, _) in cases.items()}
    shops["hooked"].hook("pre-receive", "echo 'not today' >&2\nexit 1\n")
    shops["protected"].hook("update", 'case "$1" in refs/heads/promotion-*) echo "protected" >&2; exit 1;; esac\n')
    forbidden = b'{"message": "Resource not accessible by integration"}'
    shops["forbidden"].fail(Fault("POST /api/", status=403, body=forbidden))
    shops["missing"].fail(Fault("/api/", status=404))
    shops["moved"].fail(Fault("/api/", status=301, headers=[("Location", "https://new.example/api/v1/x")]))
    shops["signin"].fail(Fault("/api/", status=302, headers=[("Location", "/users/sign_in")]))
    refused = b'{"errors": [{"message": "source branch is read-only"}]}'
    shops["refused"].fail(Fault("POST /rest/", status=400, body=refused))
    shops["no-base"].git("branch", "-m", "main", "trunk")
    shops["no-marker"].commit({"apps/no-marker.yaml": "tag: 1.0.0\n"})
    begun = {name: suite.event(name, "1.1.0") for name in cases}
    for name, (_, said) in cases.items():
        failed = suite.wait(begun[name], "FAILED")
        assert said in failed["message"] and failed["attemptCount"] == 1, failed
        assert shops[name].pulls == []
    for name in ("hooked", "protected"):
        assert shops[name].tip(branch(name)) is None
        (shops[name].path / "hooks" / ("update" if name == "protected" else "pre-receive")).unlink()
    for provider in shops.values():
        provider.mend()
    shops["no-base"].git("branch", "-m", "trunk", "main")
    shops["no-marker"].commit({"apps/no-marker.yaml": app("1.0.0", "no-marker")})
    for name in cases:
        suite.replay(name, "1.1.0")
    for name, promotion in begun.items():
        suite.wait(promotion, "SUCCEEDED")
        promoted(shops[name], name, "1.1.0")


def test_a_protected_or_force_pushed_base_branch_is_only_built_upon(suite, shop):
    provider = shop("forced", "github")
    provider.hook("update", '[ "$1" != refs/heads/main ] || [ -z "$REMOTE_USER" ]\n')
    suite.wait(suite.event("forced", "1.1.0"), "SUCCEEDED")
    promoted(provider, "forced", "1.1.0")
    before = provider.tip("main")
    rewritten = provider.commit({"apps/forced.yaml": "# anew\n" + app("1.0.0", "forced")}, anew=True)
    assert provider.tip("main") == rewritten != before and provider.git("rev-list", "--count", "main") == "1"
    suite.wait(suite.event("forced", "1.2.0"), "SUCCEEDED")
    promoted(provider, "forced", "1.2.0")
    assert provider.tip("main") == rewritten and len(provider.pulls) == 1
    assert provider.git("show", f"{branch('forced')}:apps/forced.yaml").startswith("# anew")


def test_a_pull_request_that_a_person_closed_rejects_its_version_until_it_is_replayed(suite, shop):
    names = {f"closed-{kind}": shop(f"closed-{kind}", kind) for kind in KINDS}
    for name, promotion in {name: suite.event(name, "1.1.0", timestamp=stamp(-30)) for name in names}.items():
        suite.wait(promotion, "SUCCEEDED")
        names[name].pulls[0]["state"] = "closed"
    for name, promotion in {name: suite.event(name, "1.2.0", timestamp=stamp(-20)) for name in names}.items():
        suite.wait(promotion, "SUCCEEDED")
        promoted(names[name], name, "1.2.0")
    returned = {name: suite.event(name, "1.1.0", timestamp=stamp(-10)) for name in names}
    for name, promotion in returned.items():
        rejected = suite.wait(promotion, "REJECTED")
        assert "closed without being merged" in rejected["message"], rejected
        promoted(names[name], name, "1.2.0")
        suite.replay(name, "1.1.0")
    for name, promotion in returned.items():
        suite.wait(promotion, "SUCCEEDED")
        promoted(names[name], name, "1.1.0")


def stamp(offset):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + offset))


def test_commits_of_others_on_the_branch_stay_whenever_they_come(suite, shop):
    early, late, between = shop("early"), shop("late"), shop("between")
    theirs = {"early": early.commit({"x": "by hand"}, branch("early"))}
    # Before git looks at the branch to push, and after it.
    late.fail(Fault("service=git-receive-pack", times=1, before=lambda: theirs.setdefault(
        "late", late.commit({"x": "by hand"}, branch("late")))))
    between.fail(Fault("POST /acme/shop.git/git-receive-pack", times=1, before=lambda: theirs.setdefault(
        "between", between.commit({"x": "by hand"}, branch("between")))))
    begun = {name: suite.event(name, "1.1.0") for name in ("early", "late", "between")}
    for name in ("late", "between"):
        suite.wait_error(begun[name])
    for name, promotion in begun.items():
        failed = suite.wait(promotion, "FAILED")
        assert theirs[name] in failed["message"] and "Test <test@localhost>" in failed["message"], failed
    for name, provider in (("early", early), ("late", late), ("between", between)):
        assert provider.tip(branch(name)) == theirs[name] and not provider.pulls
        provider.git("branch", "-D", branch(name))
        suite.replay(name, "1.1.0")
        suite.wait(begun[name], "SUCCEEDED")
        promoted(provider, name, "1.1.0")


@pytest.mark.parametrize("where", ["the push", "the pull request", "its answer"])
def test_a_kill_around_a_step_completes_it_and_repeats_nothing(suite, shop, where):
    name = "killed-" + where.split()[-1]
    provider = shop(name, "github")
    match = "POST /acme/shop.git/git-receive-pack" if where == "the push" else "POST /api/"
    fault = provider.fail(Fault(match, hang=True, done_first=where == "its answer", times=1))
    promotion = suite.event(name, "1.1.0")
    assert fault.reached.wait(20)
    tip = provider.tip(branch(name))
    assert (tip is None) == (where == "the push")
    suite.receiver.kill()
    suite.receiver.start()
    if where == "the push":
        provider.mend()  # git may still be there
    suite.wait(promotion, "SUCCEEDED")
    provider.mend()
    promoted(provider, name, "1.1.0")
    assert len(provider.pulls) == 1
    if tip is not None:
        assert provider.tip(branch(name)) == tip and pushes(provider) == 1


def test_bitbucket_keeps_reviewers_and_description_when_another_update_comes_between(suite, shop):
    provider = shop("conflict", "bitbucket-server")
    suite.wait(suite.event("conflict", "1.1.0"), "SUCCEEDED")
    pull, = provider.pulls
    pull["reviewers"] = ["ann", "bob"]
    description = pull["description"]

    def reviewed():
        pull["version"] += 1
        pull["reviewers"] = ["ann", "bob", "cy"]

    fault = provider.fail(Fault("PUT /rest/", before=reviewed, times=1))
    suite.wait(suite.event("conflict", "1.2.0"), "SUCCEEDED")
    assert fault.reached.is_set()
    promoted(provider, "conflict", "1.2.0")
    assert (pull["reviewers"], pull["description"]) == (["ann", "bob", "cy"], description)
    assert len(provider.times("PUT /rest/")) == 2


def test_gitea_finds_its_pull_request_among_many(suite, shop):
    provider = shop("crowded")
    for number in range(130):
        provider.put(title=f"another {number}", branch=f"feature-{number}", state="open" if number % 2 else "closed")
    provider.put(title="by somebody", branch=branch("crowded"))
    for number in range(130):
        provider.put(title=f"newer {number}", branch=f"fix-{number}", state="open" if number % 2 else "merged")
    suite.wait(suite.event("crowded", "1.1.0"), "SUCCEEDED")
    ours = [pull["title"] for pull in provider.pulls if pull["branch"] == branch("crowded")]
    assert ours == [TITLE.format("crowded", "1.1.0")]


# TLS and SSH.

def test_a_provider_with_an_authority_of_its_own_needs_that_authority_in_the_secret(suite, shop, tmp_path):
    certificate, other = Certificate(tmp_path / "pki"), Certificate(tmp_path / "other")
    shops = {kind: shop(f"tls-{kind}", kind, certificate=certificate) for kind in ("gitea", "bitbucket-server")}
    begun = {kind: suite.event(f"tls-{kind}", "1.1.0") for kind in shops}
    for kind, promotion in begun.items():
        failed = suite.wait(promotion, "FAILED")
        assert "certificate" in failed["message"] and shops[kind].calls == [], failed
        suite.secret(f"tls-{kind}", ca_crt=other.ca.read_text())
        suite.replay(f"tls-{kind}", "1.1.0")
        assert "certificate" in suite.wait(promotion, "FAILED")["message"] and shops[kind].calls == []
        suite.secret(f"tls-{kind}", ca_crt="no certificate")
        suite.replay(f"tls-{kind}", "1.1.0")
        suite.wait(promotion, "FAILED")
        suite.secret(f"tls-{kind}", ca_crt=certificate.ca.read_text())
        suite.replay(f"tls-{kind}", "1.1.0")
    for kind, promotion in begun.items():
        suite.wait(promotion, "SUCCEEDED")
        promoted(shops[kind], f"tls-{kind}", "1.1.0")


@pytest.mark.parametrize("url", ["ssh://git@127.0.43.1:2222/acme/shop.git", "git@127.0.43.1:acme/shop.git"])
def test_an_ssh_url_is_the_same_repository_over_https(suite, tmp_path, url):
    certificate = Certificate(tmp_path / "pki", "127.0.43.1")
    name = "ssh" if url.startswith("ssh") else "scp"
    with GitProvider(tmp_path / name, "gitea", {f"apps/{name}.yaml": app("1.0.0", name)}, certificate,
                     ("127.0.43.1", 443)) as provider:
        suite.pipeline(name, f'pull-request: {{type: gitea, url: "{url}", baseBranch: main}}', token="the-token",
                       ca_crt=certificate.ca.read_text())
        done = suite.wait(suite.event(name, "1.1.0"), "SUCCEEDED")
        promoted(provider, name, "1.1.0")
        assert done["result"].startswith("https://127.0.43.1"), done


# Kills under load.

class Sink:
    """Counts the notifications of each promotion; answers slowly enough to be killed in between."""

    def __init__(self):
        self.told = []
        self.endpoint = HookEndpoint(self._take)

    def _take(self, event, _):
        self.told.append((event["id"], event["data"]["revision"], event["data"]["pipeline"]))
        return 204, b""


ROLLOUT = {"strategy": "rollout: {actions: [sync]}", "targets": '[{hosts: {on: ["web1"]}}]',
           "kind": ("kustomize.toolkit.fluxcd.io/v1", "Kustomization")}


def test_a_kill_while_the_planner_creates_the_deployment_creates_no_second_one(tmp_path):
    with Fleet(tmp_path / "fleet", hosts=1) as fleet:
        (tmp_path / "suite").mkdir()
        with PromotionSuite(tmp_path / "suite", flags=["--planner", f"unix:{fleet.sockets}/planner"]) as suite:
            suite.pipeline("app", **ROLLOUT)
            fleet.planner.process.send_signal(signal.SIGSTOP)
            promotion = suite.event("app", f"main@sha1:{fleet.commit('1')}")
            wait_for(lambda: suite.get(promotion)["state"] == "RUNNING", what="the start of the promotion")
            for _ in range(3):
                suite.receiver.kill()
                suite.receiver.start()
                wait_for(lambda: suite.gateway.get("/v1/promotions").status == 200, what="the receiver")
            fleet.planner.process.send_signal(signal.SIGCONT)
            done = suite.wait(promotion, "SUCCEEDED")
            deployments = fleet.ctl("list", "deployments", "-o", "json").json()["deployments"]
            assert [deployment["id"] for deployment in deployments] == [done["result"]]
            assert fleet.versions() == {"web1": "1"}


def test_kills_under_load_lose_nothing_that_was_acknowledged_and_do_nothing_twice(tmp_path):
    """Notifications, pull requests and deployments, while the receiver and the gateway are killed in a loop."""
    sink, stop, acknowledged = Sink(), threading.Event(), []
    config = f'[[sinks]]\nname = "chat"\ntype = "cloudevents"\nurl = {toml(sink.endpoint.url)}\n'
    notified = [f"told-{number}" for number in range(4)]
    with Fleet(tmp_path / "fleet", hosts=1) as fleet, GitProvider(
            tmp_path / "git", "github", {"apps/pulled.yaml": app("1.0.0", "pulled")}) as provider:
        (tmp_path / "suite").mkdir()
        with PromotionSuite(tmp_path / "suite", config, ["--planner", f"unix:{fleet.sockets}/planner"]) as suite:
            for name in notified:
                suite.pipeline(name, "notification: {}")
            suite.pull_requests("pulled", provider)
            suite.pipeline("app", **ROLLOUT)
            commits = [fleet.commit(str(number)) for number in range(1, 40)]

            def load(name, revisions, wait):
                for revision in revisions:
                    promotion = suite.event_until_accepted(name, revision, stop)
                    if promotion is None:
                        return
                    acknowledged.append((promotion, name, revision))
                    if wait:
                        wait_for(lambda: stop.is_set() or is_done(promotion), 60, f"the end of {name} {revision}")

            def is_done(promotion):
                try:
                    return suite.get(promotion)["state"] in ENDS
                except (OSError, AttributeError, KeyError, ValueError, http.client.HTTPException):
                    return False

            versions = [f"1.{number}.0" for number in range(1, 100_000)]
            threads = [threading.Thread(target=load, args=arguments) for arguments in [
                *((name, versions, index % 2 == 0) for index, name in enumerate(notified)),
                ("pulled", versions, False), ("app", [f"main@sha1:{commit}" for commit in commits], True)]]
            for thread in threads:
                thread.start()
            kills = 0
            try:
                for program in (suite.receiver, suite.gateway, suite.receiver, suite.receiver, suite.gateway,
                                suite.receiver):
                    before, told, deployed = len(acknowledged), len(sink.told), rollouts(acknowledged)
                    wait_for(lambda: (len(acknowledged) > before + 40 and len(sink.told) > told + 5 and
                                      rollouts(acknowledged) > deployed), 40, "events to be carried out")
                    program.kill()
                    program.start()
                    kills += program is suite.receiver
            finally:
                stop.set()
                for thread in threads:
                    thread.join()
            check_nothing_lost_and_nothing_twice(suite, acknowledged, kills, sink, provider, fleet)
    sink.endpoint.close()


def rollouts(acknowledged):
    return sum(name == "app" for _, name, _ in acknowledged)


def check_nothing_lost_and_nothing_twice(suite, acknowledged, kills, sink, provider, fleet):
    wait_for(lambda: suite.gateway.get("/v1/promotions").status == 200, what="the receiver to be back")
    wait_for(lambda: all(promotion["state"] in ENDS for promotion in suite.all()), 60, "the end of all promotions")
    promotions = {promotion["id"]: promotion for promotion in suite.all()}
    for promotion, name, revision in acknowledged:
        stored = promotions[promotion]
        assert (stored["pipeline"], stored["revision"]) == (name, revision)
        assert stored["state"] in ("SUCCEEDED", "SUPERSEDED"), stored
    revisions = [(promotion["pipeline"], promotion["revision"]) for promotion in promotions.values()]
    assert len(revisions) == len(set(revisions)), "a repeat made another promotion"
    succeeded = {}
    for promotion in promotions.values():
        if promotion["state"] == "SUCCEEDED":
            succeeded.setdefault(promotion["pipeline"], []).append(promotion)
    newest = {}
    for promotion in suite.all():  # newest first
        newest.setdefault(promotion["pipeline"], promotion)
    assert all(promotion["state"] == "SUCCEEDED" for promotion in newest.values()), newest

    # Notifications: all that succeeded were told, nothing else was; again only where a kill came between the
    # answer and its note, with the same id.
    ids = [promotion for promotion, _, _ in sink.told]
    wanted = {promotion["id"] for name, done in succeeded.items() if name.startswith("told-") for promotion in done}
    assert set(ids) == wanted
    assert len(ids) - len(set(ids)) <= kills * 4
    assert len(set(sink.told)) == len(wanted)

    # Pull requests: one, of the newest version.
    title, = [pull["title"] for pull in provider.pulls]
    version = newest["pulled"]["revision"]
    assert title == TITLE.format("pulled", version)
    promoted(provider, "pulled", version)

    # Deployments: one for each promotion that was carried out.
    deployments = fleet.ctl("list", "deployments", "-o", "json").json()["deployments"]
    assert sorted(deployment["id"] for deployment in deployments) == \
        sorted(promotion["result"] for promotion in succeeded["app"])
    assert len(deployments) >= 5
