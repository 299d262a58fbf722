"""A hostile upstream gains nothing by what lies beside its commits: configuration, hooks, attributes,
borrowed objects, references; nor does a hostile line in the config file of a host."""

import os
import shutil
import subprocess

import pytest

from harness import AGENT, as_root, fleet_config, wait_for
from hostile_host import Served
from hostile_repository import HostileRepository


@pytest.fixture
def served(tmp_path):
    """A host that has not started yet."""
    return Served(tmp_path)


def make_private(tmp_path, canary):
    """A repository that only the agent's account may read; its branch has web/ with the secret."""
    private = HostileRepository(tmp_path / "private")
    private.git("commit", "-q", "--allow-empty", "-m", "root")
    secret = canary.SECRET + "\n"
    private.commit_root(private.directory("db", private.file("db.conf", secret)),
                        private.directory("neighbour", private.file("f", secret)),
                        private.directory("web", private.file("index.html", secret)))
    private.git("repack", "-adq")
    private.git("pack-refs", "--all")
    private.path.chmod(0o700)
    return private


# What git would run or obey, if it were the upstream's to say.

COMMAND_KEYS = ["core.fsmonitor", "core.sshCommand", "core.gitProxy", "core.pager", "core.askPass",
                "core.editor", "core.alternateRefsCommand", "uploadpack.packObjectsHook",
                "credential.helper", "diff.external", "filter.evil.clean", "filter.evil.smudge",
                "filter.evil.process", "diff.evil.textconv", "gpg.program", "alias.upload-pack",
                "remote.origin.uploadpack", "remote.origin.vcs"]
HOOKS = ["post-checkout", "pre-receive", "reference-transaction", "pre-auto-gc", "post-update",
         "upload-pack", "post-merge", "post-index-change", "fsmonitor-watchman", "pre-commit"]


def test_configuration_and_hooks_of_the_upstream_run_nothing(served):
    repository, trap = served.repository, served.canary.trap
    # As files of a commit too: nothing puts them where git would look.
    committed = repository.directory("hooks", *(repository.file(hook, trap.read_text())
                                                for hook in sorted(HOOKS)))
    config = repository.file("config", f"[core]\n\tfsmonitor = {trap}\n\thooksPath = hooks\n")
    commit = served.commit_web(config, committed, repository.file("index.html", "fine\n"))
    again = repository.git("commit-tree", f"{commit}^{{tree}}", "-p", commit, "-m", "again")
    hooks = repository.path / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in HOOKS:
        shutil.copy(trap, hooks / hook)
    for key in COMMAND_KEYS:
        repository.git("config", key, str(trap))
    repository.git("config", "core.hooksPath", str(hooks))
    with served.agent:
        served.assert_published(commit)
        (repository.path / ".git" / "refs" / "heads" / "main").write_text(again + "\n")
        served.assert_published(again)
        assert (served.local / "hooks" / "post-checkout").read_text() == trap.read_text()


def test_bundles_that_the_upstream_offers_are_not_fetched(served):
    # CVE-2025-48385: a bundle URI that writes where it wants.
    for key, value in {"uploadpack.advertiseBundleURIs": "true", "bundle.version": "1",
                       "bundle.mode": "all", "bundle.x.uri": f"file://{served.canary.secret}"}.items():
        served.repository.git("config", key, value)
    with served.agent:
        served.assert_published(served.good)


def test_attributes_and_filters_change_no_byte(served):
    r = served.repository
    attributes = ("* ident eol=crlf text=auto filter=evil export-subst export-ignore"
                  " working-tree-encoding=UTF-16 diff=evil merge=evil\n[attr]binary filter=evil\n")
    text = b"$Id$ $Format:%H$\nline\r\nline\n\xff\xfe"
    r.git("config", "filter.evil.smudge", str(served.canary.trap))
    r.git("config", "filter.evil.required", "true")
    (r.path / ".git" / "info").mkdir(exist_ok=True)
    (r.path / ".git" / "info" / "attributes").write_text(attributes)
    web = r.directory("web", r.file(".gitattributes", attributes), r.file("text", text))
    commit = r.commit_root(*served.root(web, None, r.file(".gitattributes", attributes)))
    with served.agent:
        served.assert_published(commit)
        assert (served.local / "text").read_bytes() == text
        assert (served.local / ".gitattributes").read_text() == attributes


def test_what_the_agent_inherits_from_its_environment_and_home_is_not_obeyed(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    trap = tmp_path / "outside" / "trap"
    (home / ".gitconfig").write_text(
        f"[core]\n\tfsmonitor = {trap}\n\tsshCommand = {trap}\n\thooksPath = {home}\n"
        f'[url "file://{tmp_path}/elsewhere"]\n\tinsteadOf = file://{tmp_path}/upstream\n')
    shutil.copytree(home, home / "git")
    served = Served(tmp_path, env={
        "HOME": str(home), "XDG_CONFIG_HOME": str(home), "GIT_DIR": "/nowhere",
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"), "GIT_CONFIG_SYSTEM": str(home / ".gitconfig"),
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor", "GIT_CONFIG_VALUE_0": str(trap),
        "GIT_SSH_COMMAND": str(trap), "GIT_EXTERNAL_DIFF": str(trap), "GIT_PROXY_COMMAND": str(trap),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": "/nowhere", "GIT_TRACE": str(tmp_path / "outside/ran")})
    with served.agent:
        served.publish(served.good)
        served.assert_published(served.commit_good())


# Objects and references that are somebody else's. The upstream may belong to another account; the
# agent could read what that account cannot.

def borrow_by_alternates(git, private):
    (git / "objects" / "info" / "alternates").write_text(f"{private}/objects\n")
    return "alternates"


def borrow_by_a_symlinked_objects_directory(git, private):
    # CVE-2022-39253, CVE-2023-22490.
    (git / "objects").rename(git / "objects.own")
    (git / "objects").symlink_to(private / "objects")
    return "objects directory is a symlink"


@pytest.mark.parametrize("borrow", [borrow_by_alternates, borrow_by_a_symlinked_objects_directory])
def test_borrowed_objects_are_refused_until_they_are_gone(served, borrow, tmp_path):
    private = make_private(tmp_path, served.canary)
    git = served.repository.path / ".git"
    with served.agent:
        served.publish(served.good)
        before = served.published()
        own = shutil.copytree(git, tmp_path / "own.git")
        reason = borrow(git, private.path / ".git")
        (git / "refs" / "heads" / "main").write_text(private.head() + "\n")
        refused = served.agent.wait_service("web", state="DIFF", hash=served.good)
        assert reason in refused["stateInfo"]
        assert served.published() == before
        served.assert_canary()
        shutil.rmtree(git)
        own.rename(git)
        served.assert_published(served.commit_good())


def borrow_by_commondir(git, private):
    (git / "commondir").write_text(f"{private}\n")


def borrow_by_symlinks_to_packs_and_references(git, private):
    shutil.rmtree(git / "objects" / "pack", ignore_errors=True)
    (git / "objects" / "pack").symlink_to(private / "objects" / "pack")
    (git / "packed-refs").unlink(missing_ok=True)
    (git / "packed-refs").symlink_to(private / "packed-refs")
    (git / "refs" / "heads" / "main").unlink()


@pytest.mark.parametrize("borrow", [borrow_by_commondir, borrow_by_symlinks_to_packs_and_references])
def test_what_is_borrowed_in_other_ways_is_not_published_either(served, borrow, tmp_path):
    private = make_private(tmp_path, served.canary)
    git = served.repository.path / ".git"
    with served.agent:
        served.publish(served.good)
        before = served.published()
        borrow(git, private.path / ".git")
        told = wait_for(lambda: next((s for s in [served.agent.service("web")]
                                      if s["state"] != "OK" or s["hash"] != served.good), None))
        assert (told["state"], told["hash"]) == ("DIFF", served.good)
        assert "is refused" in told["stateInfo"]
        assert served.published() == before
        served.assert_canary()


@pytest.mark.skipif(not as_root(), reason="needs another account")
def test_a_gitfile_of_another_account_leads_nowhere(served, tmp_path):
    # CVE-2022-24765, CVE-2024-32004: whose repository it is decides, not where the path begins.
    private = make_private(tmp_path, served.canary)
    with served.agent:
        served.publish(served.good)
        gitfile = tmp_path / "gitfile"
        gitfile.write_text(f"gitdir: {private.path}/.git\n")
        for path in [served.repository.path, gitfile]:
            os.chown(path, 65534, 65534)
        shutil.rmtree(served.repository.path / ".git")
        gitfile.rename(served.repository.path / ".git")
        served.agent.wait_service("web", state="DIFF", hash=served.good)
        served.assert_canary()


def test_replacements_and_grafts_show_no_other_content(served):
    r = served.repository
    evil = r.commit_root(*served.root(r.directory("web", r.symlink("out", served.canary.secret))))
    good = served.commit_good()
    r.git("replace", "-f", good, evil)
    (r.path / ".git" / "info").mkdir(exist_ok=True)
    (r.path / ".git" / "info" / "grafts").write_text(f"{good} {evil}\n")
    with served.agent:
        served.assert_published(good)
        assert not (served.local / "out").exists()


def test_a_branch_that_is_no_commit_is_refused(served):
    r = served.repository
    head = r.path / ".git" / "refs" / "heads" / "main"
    with served.agent:
        served.publish(served.good)
        for oid in [r.blob(), r.tree(r.file("x"))]:
            head.write_text(oid + "\n")
            refused = wait_for(lambda oid=oid: served.decided(oid), what=f"a decision about {oid}")
            assert (refused["state"], refused["hash"]) == ("DIFF", served.good)
            served.assert_canary()
        head.write_text(served.good + "\n")
        served.assert_published(served.commit_good())


def test_a_missing_object_starts_no_transport(served):
    # CVE-2024-32465: a promisor of the upstream's choice would be asked for it.
    r, trap = served.repository, served.canary.trap
    for key, value in {"remote.evil.url": f"ext::{trap}", "remote.evil.promisor": "true",
                       "remote.evil.uploadpack": str(trap), "protocol.ext.allow": "always",
                       "extensions.partialClone": "evil", "core.repositoryFormatVersion": "1"}.items():
        r.git("config", key, value)
    with served.agent:
        served.publish(served.good)
        served.assert_refused(served.commit_web(("100644", "f", "7" * 40)), broken=True)


# What a config file may say.

def check_config(tmp_path, **service):
    spec = {"machine": "web1", "service": "web", **service}
    spec.setdefault("dirs", [{"local": tmp_path / "etc" / "web", "link": "web"}])
    file = tmp_path / "config.toml"
    file.write_text(fleet_config({"upstream": "file:///srv/git", "mount": tmp_path / "m"}, [spec]))
    done = subprocess.run([str(AGENT), "--check-config", "--config", str(file)], capture_output=True,
                          text=True, timeout=20, env={"PATH": os.environ["PATH"]})
    # A key's last line is the service's own.
    return done, {line.split(" = ")[0]: f"{file}:{number}:"
                  for number, line in enumerate(file.read_text().splitlines(), 1)}


@pytest.mark.parametrize("key, value", [
    *(("upstream", url) for url in [
        "ext::sh -c id", "ext::id", "EXT::id", "fd::7", "--upload-pack=touch ran", "-uid",
        "--upload-pack=id", "ssh://-oProxyCommand=id/x", "ssh://user@-oProxyCommand=id/x",
        "-oProxyCommand=id:x", "user@-oProxyCommand=id:x", "git-remote-ext://x", "ext://id",
        "../relative", "file://relative", "https://host/x\nfile:///etc", "https://host/x y"]),
    *(("branch", name) for name in [
        "-x", "--upload-pack=id", "a..b", "../main", "a b", "a\nb", "x.lock", ".git", "a//b", "HEAD",
        "@{-1}", "main:refs/heads/x", "^main", "*", "refs/heads/*"]),
], ids=ascii)
def test_a_hostile_upstream_or_branch_is_refused_by_its_line(tmp_path, key, value):
    done, line_of = check_config(tmp_path, **{key: value})
    assert done.returncode != 0
    told = done.stdout + done.stderr
    assert line_of[key] in told and key in told, told


@pytest.mark.parametrize("directory", [
    {"local": "/srv/web", "link": "/etc"}, {"local": "/srv/web", "link": "../etc"},
    {"local": "/srv/web", "link": "web/../../etc"}, {"local": "/srv/web", "link": ".."},
    {"local": "/srv/web", "link": ".git"}, {"local": "/srv/web", "link": "web/.GIT/hooks"},
    {"local": "/srv/web", "link": "-rf"}, {"local": "/srv/web", "link": "new\nline"},
    {"local": "srv/web", "link": "web"}, {"local": "/srv/../etc", "link": "web"},
    {"local": "/etc", "link": "web"}, {"local": "/", "link": "web"}], ids=lambda d: ascii(d["link"]))
def test_a_directory_that_leads_elsewhere_is_refused_by_its_line(tmp_path, directory):
    done, line_of = check_config(tmp_path, dirs=[directory])
    told = done.stdout + done.stderr
    assert done.returncode != 0
    assert line_of["dirs"] in told, told


def test_a_service_name_that_leads_elsewhere_is_refused_by_its_line(tmp_path):
    for name in ["../web", "a/b", "-web", ".", "..", "a\nb", ""]:
        done, line_of = check_config(tmp_path, service=name)
        assert done.returncode != 0
        assert line_of["service"] in done.stdout + done.stderr
