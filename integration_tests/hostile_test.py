"""A hostile repository gains nothing: commits whose trees, names or symlinks lead elsewhere. Each is
refused with path and reason while the former revision stays served and its neighbour goes on; then
a good commit is published. Around the host lies a canary, which nothing may read, run or write."""

import os
import subprocess

import pytest

from harness import as_root
from hostile_host import Served
from hostile_repository import FILE, SUBMODULE, SYMLINK, TREE

CAN_MOUNT = as_root() and subprocess.run(["unshare", "-m", "true"], check=False).returncode == 0


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    shared = Served(tmp_path_factory.mktemp("hostile"))
    with shared.agent:
        shared.publish()
        yield shared


@pytest.fixture
def served(shared):
    """One host for all: every case begins with a good revision, whatever the one before left."""
    shared.force_back()
    shared.publish()
    return shared


@pytest.fixture
def mounted(tmp_path):
    """The same with bind mounts, in a mount namespace of its own."""
    if not CAN_MOUNT:
        pytest.skip("needs root and mount namespaces")
    served = Served(tmp_path, root=True, wrapper=("unshare", "-m", "--propagation", "private"))
    with served.agent:
        served.publish()
        yield served


# Symlinks. Each case: entries of web/, the path that is blamed, and why.

def leads_out(served):
    return [served.repository.symlink("out", "../" * 12 + str(served.canary.secret)[1:])], \
        "web/out", "leads out of the published path"


def leads_out_by_one_step(served):
    return [served.repository.symlink("out", "..")], "web/out", "leads out"


def leads_to_the_neighbour(served):
    return [served.repository.symlink("out", "../neighbour/f")], "web/out", "leads out"


def is_absolute(served):
    return [served.repository.symlink("out", served.canary.secret)], "web/out", "it is absolute"


def is_absolute_into_proc(served):
    return [served.repository.symlink("out", "/proc/self/root/etc/shadow")], "web/out", "absolute"


def is_absolute_and_climbs_from_the_local_path(served):
    target = f"{served.local}/../../../outside/secret"
    return [served.repository.symlink("out", target)], "web/out", "contains .."


def has_a_local_path_as_its_prefix_only(served):
    return [served.repository.symlink("out", f"{served.local}-other/x")], "web/out", "absolute"


def climbs_through_another_symlink(served):
    r = served.repository
    return [r.symlink("a", "sub/deep/../../.."), r.directory("sub", r.file("f"))], \
        "web/a", "leads out"


def climbs_by_a_symlink_that_shortens_the_path(served):
    r = served.repository
    return [r.directory("deep", r.directory("down", r.symlink("top", "../.."))),
            r.symlink("out", "deep/down/top/../neighbour/f")], "web/out", "leads out"


def dangles_and_leads_out(served):
    return [served.repository.symlink("out", "../made-later")], "web/out", "leads out"


def points_to_itself(served):
    return [served.repository.symlink("loop", "loop")], "web/loop", "loop"


def points_round_in_a_circle(served):
    r = served.repository
    return [r.symlink("a", "b"), r.symlink("b", "a")], "web/a", "loop"


def chain_longer_than_the_kernel_follows(served):
    r = served.repository
    return [*(r.symlink(f"l{i:02}", f"l{i + 1:02}") for i in range(50)), r.file("l50")], \
        "web/l", "loop"


def empty_target(served):
    return [served.repository.symlink("empty", "")], "web/empty", "empty or too long"


def target_with_a_nul(served):
    return [served.repository.symlink("nul", "index.html\0/../../..")], "web/nul", "empty or too"


def target_longer_than_a_path(served):
    return [served.repository.symlink("long", "a/" * 4000)], "web/long", "longer than any path"


def symlink_and_directory_of_one_name(served):
    r, cage = served.repository, served.canary.cage
    return [r.symlink("x", cage), r.directory("x", r.file("index.html", "written"))], \
        "web/x", "where its directory should be"


def directory_and_symlink_of_one_name(served):
    r, cage = served.repository, served.canary.cage
    return [r.directory("x", r.file("index.html", "written")), r.symlink("x", cage)], \
        "web/x", "where its directory should be"


def file_below_a_symlink_by_its_name(served):
    r, cage = served.repository, served.canary.cage
    return [r.symlink("x", cage), r.file("x/index.html", "written")], "web/x", "contains a slash"


def symlink_and_file_of_one_name(served):
    r, victim = served.repository, served.canary.cage / "index.html"
    return [r.symlink("x", victim), r.file("x", "written")], "web/x", "twice"


def symlink_and_directory_but_for_case(served):
    r, cage = served.repository, served.canary.cage
    return [r.directory("X", r.file("index.html", "written")), r.symlink("x", cage)], \
        "web/X", "only in case"


def symlink_and_file_but_for_case(served):
    r, victim = served.repository, served.canary.cage / "index.html"
    return [r.symlink("INDEX.HTML", victim), r.file("index.html", "written")], \
        "web/index.html", "only in case"


@pytest.mark.parametrize("case", [
    leads_out, leads_out_by_one_step, leads_to_the_neighbour, is_absolute, is_absolute_into_proc,
    is_absolute_and_climbs_from_the_local_path, has_a_local_path_as_its_prefix_only,
    climbs_through_another_symlink, climbs_by_a_symlink_that_shortens_the_path,
    dangles_and_leads_out, points_to_itself, points_round_in_a_circle,
    chain_longer_than_the_kernel_follows, empty_target, target_with_a_nul,
    target_longer_than_a_path, symlink_and_directory_of_one_name,
    directory_and_symlink_of_one_name, file_below_a_symlink_by_its_name,
    symlink_and_file_of_one_name, symlink_and_directory_but_for_case, symlink_and_file_but_for_case])
def test_a_symlink_that_may_lead_elsewhere_is_refused(served, case):
    entries, path, reason = case(served)
    served.assert_refused(served.commit_web(*entries), path, reason)


def test_symlinks_that_stay_inside_or_beneath_the_own_local_path_are_published(served):
    r = served.repository
    served.assert_published(served.commit_web(
        r.directory("enabled", r.symlink("site", f"{served.local}/available/site")),
        r.directory("available", r.file("site", "the site\n")),
        r.symlink("inside", "./available/../available/site"),
        r.symlink("later", "not/yet/there")))
    assert (served.local / "enabled" / "site").read_text() == "the site\n"
    assert (served.local / "inside").read_text() == "the site\n"
    assert not (served.local / "later").exists()


def test_a_link_path_that_is_a_symlink_is_refused(served):
    link = served.repository.symlink("web", served.canary.cage)
    served.assert_refused(served.repository.commit_root(*served.root(web=link)),
                          '"web"', "itself must not be a symlink")


def test_a_directory_above_the_link_path_that_is_a_symlink_is_refused(served):
    link = served.repository.symlink("db", "web")
    served.assert_refused(served.repository.commit_root(*served.root(db=link)),
                          'no "db/db.conf"', str(served.host.local("db.conf")))


def test_a_single_file_that_is_a_symlink_is_refused(served):
    r = served.repository
    link = r.directory("db", r.symlink("db.conf", served.canary.secret))
    served.assert_refused(r.commit_root(*served.root(db=link)), "db/db.conf", "itself must not be a symlink")


def test_a_single_file_that_became_a_directory_is_refused(served):
    r = served.repository
    directory = r.directory("db", r.directory("db.conf", r.file("f")))
    served.assert_refused(r.commit_root(*served.root(db=directory)), "db/db.conf", "is a directory")


def test_a_directory_that_became_a_file_is_refused(served):
    served.assert_refused(served.repository.commit_root(*served.root(web=served.repository.file("web"))),
                          '"web"', "is a file in the commit")


def test_a_symlink_that_the_service_planted_is_not_written_through(served):
    os.symlink(served.canary.cage, served.local / "planted")
    r = served.repository
    commit = served.commit_web(r.directory("planted", r.file("index.html", "from the commit\n")))
    served.assert_published(commit)
    assert (served.local / "planted" / "index.html").read_text() == "from the commit\n"
    assert not (served.local / "planted").is_symlink()


# Names.

REFUSED_NAMES = [
    "..", ".", "../escape", "../../escape", "a/../../escape", "a/b//c", "/absolute",
    ".git", ".GIT", ".Git", "git~1", "GIT~1", ".git ", ".git.", ".git::$INDEX_ALLOCATION",
    ".git:stream", ".g\u200cit", "\ufeff.git", "-rf", "--upload-pack=x", "new\nline", "carriage\rreturn",
    "\x1b[2Jescape", "bell\x07", "\x7f", "n" * 256, "d/" * 2100 + "f",
]


@pytest.mark.parametrize("name", REFUSED_NAMES, ids=lambda name: ascii(name)[1:-1][:30])
def test_a_name_that_means_something_else_is_refused(served, name):
    served.assert_refused(served.commit_web(served.repository.file(name, "written")), "web/")


@pytest.mark.parametrize("name", ["..", ".git", "-rf", "new\nline"], ids=ascii)
def test_a_directory_whose_name_means_something_else_is_refused(served, name):
    r = served.repository
    served.assert_refused(served.commit_web(r.directory(name, r.file("f", "written"))), "web/")


def test_a_name_that_is_empty_is_refused(served):
    # git itself stops at it, before any path is known.
    commit = served.commit_web(served.repository.file("", "written"))
    served.assert_refused(commit, "fetching", broken=True)


def test_a_path_that_is_there_twice_is_refused(served):
    r = served.repository
    served.assert_refused(served.commit_web(r.file("a", "1"), r.file("a", "2")), "web/a", "twice")


def test_names_that_only_a_shell_would_mind_are_published_and_run_nothing(served):
    names = [f"$({served.canary.trap})".replace("/", "\\"), ";touch ran", "`ran`", "|ran", "*", "~root",
             "with space", "ünï", "a:b", "%2e%2e", "..."]
    r = served.repository
    served.assert_published(served.commit_web(*sorted((r.file(name, name) for name in names),
                                             key=lambda entry: os.fsencode(entry[1]))))
    assert {path.name: path.read_text() for path in served.local.iterdir()} == \
        {name: name for name in names}


# What an entry is.

@pytest.mark.parametrize("mode", ["60000", "20000", "10644", "140000"])
def test_an_entry_that_is_no_file_becomes_no_device_and_no_pipe(served, mode):
    served.assert_refused(served.commit_web((mode, "device", served.repository.blob())),
                          broken=True)


def test_modes_beyond_executable_do_not_reach_the_disk(served):
    r = served.repository
    served.assert_published(served.commit_web(("104755", "setuid", r.blob()), ("100666", "open", r.blob())))
    assert (served.local / "setuid").stat().st_mode & 0o7777 == 0o755
    assert (served.local / "open").stat().st_mode & 0o7777 == 0o644


def test_a_submodule_is_refused_and_never_fetched(served):
    sub = (SUBMODULE, "sub", served.repository.head())
    served.assert_refused(served.commit_web(sub), "web/sub", "submodule")


def test_submodule_settings_outside_of_the_links_are_only_a_file(served):
    # CVE-2018-11235 and 17456 (names, URLs), 2025-48384 (CR in a path).
    trap = served.canary.trap
    modules = (f'[submodule "../../x"]\n\tpath = sub\n\turl = ext::sh -c {trap}\n'
               f'[submodule "y"]\n\tpath = "sub\r"\n\turl = --upload-pack={trap}\n')
    r = served.repository
    served.assert_published(r.commit_root(*served.root(
        None, None, r.file(".gitmodules", modules), (SUBMODULE, "sub", r.head()))))


def test_a_bad_name_outside_of_the_links_troubles_nobody(served):
    r = served.repository
    bad = r.directory("zz", r.file(".."), r.file(".git"), r.symlink("out", served.canary.secret))
    served.assert_published(r.commit_root(*served.root(None, None, bad)))


def test_a_delayed_checkout_writes_nothing_through_a_symlink(served):
    # CVE-2021-21300: a filter that delays files, and a directory that is a symlink but for case.
    r, cage = served.repository, served.canary.cage
    served.assert_refused(served.commit_web(
        r.file(".gitattributes", "A/index.html filter=lfs\n"),
        r.directory("A", r.file("index.html", "written")), r.symlink("a", cage)), "only in case")


# What is not what its place says. git stops at these itself.

def tree_in_a_files_place(r):
    return FILE, "f", r.tree(r.file("x"))


def commit_in_a_files_place(r):
    return FILE, "f", r.head()


def file_in_a_directorys_place(r):
    return TREE, "d", r.blob()


def blob_that_is_not_there(_):
    return FILE, "f", "7" * 40


def directory_that_is_not_there(_):
    return TREE, "d", "7" * 40


def symlink_to_a_tree_object(r):
    return SYMLINK, "l", r.tree(r.file("x"))


@pytest.mark.parametrize("entry", [
    tree_in_a_files_place, commit_in_a_files_place, file_in_a_directorys_place,
    blob_that_is_not_there, directory_that_is_not_there, symlink_to_a_tree_object])
def test_an_object_of_the_wrong_kind_is_refused(served, entry):
    served.assert_refused(served.commit_web(entry(served.repository)), broken=True)


# With mounts.

@pytest.mark.parametrize("case", [leads_out, is_absolute, symlink_and_directory_of_one_name,
                                  symlink_and_file_but_for_case])
def test_with_mounts_a_symlink_that_may_lead_elsewhere_is_refused(mounted, case):
    entries, path, reason = case(mounted)
    mounted.assert_refused(mounted.commit_web(*entries), path, reason)


def test_with_mounts_a_symlink_that_the_service_planted_is_not_written_through(mounted):
    inside = mounted.seen(mounted.local)
    os.symlink(mounted.canary.cage, f"{inside}/planted")
    os.symlink(mounted.canary.secret, f"{inside}/kept")
    r = mounted.repository
    mounted.assert_published(mounted.commit_web(r.directory("planted", r.file("index.html", "theirs\n"))))
    found = mounted.published()
    assert found["planted/index.html"][1] == b"theirs\n"
    assert found["kept"][1] == str(mounted.canary.secret), "carried over as the symlink it is"
