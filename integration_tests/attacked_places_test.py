"""The service's own account owns the parents of `local`, and replaces them while the agent publishes: nothing
is mounted, made, moved or removed in a directory of root's."""

import os

import grpc
import pytest

import protos
from attacked_host import OWNER, AttackedHost, ids, listing_with_modes
from harness import as_root, wait_for
from operation_client import OperationClient

pytestmark = pytest.mark.skipif(not as_root(), reason="needs root, mounts and other accounts")

ROUNDS = [pytest.param(120, id="some"), pytest.param(1500, id="many", marks=pytest.mark.long)]


@pytest.fixture
def attacked(open_directory):
    return AttackedHost(open_directory)


@pytest.fixture
def by_symlink(open_directory):
    return AttackedHost(open_directory, mounts=False)


def two_revisions(host):
    """Two on disk, so that a rollback is an exchange at once."""
    first = host.repository.head()
    host.agent.wait_service("web", state="OK", hash=first)
    second = host.commit(2)
    host.agent.wait_service("web", state="OK", hash=second)
    return first, second


def parent_back(host):
    if (host.home / "app").is_symlink():
        (host.home / "app").rename(host.home / "parked")
        host.trap.rename(host.home / "app")
        (host.home / "parked").rename(host.trap)


@pytest.mark.parametrize("rounds", ROUNDS)
@pytest.mark.parametrize("own_mount", [False, True], ids=["no mount of root's", "a mount of root's"])
def test_a_parent_that_flips_to_roots_directory_gets_nothing_mounted_there(attacked, own_mount, rounds):
    host = attacked
    with host.running() as agent:
        if own_mount:
            host.namespace.run("mount", "--bind", host.base / "vault", host.vault / "bin")
        roots = host.mount_points(host.vault)
        assert len(roots) == own_mount
        before = listing_with_modes(host.vault)
        hashes = two_revisions(host)
        # What is carried over makes the time between looking and mounting longer.
        with host.attacker("deep", host.local, 3, 10, 300):
            pass
        with host.attacker("flip", host.home / "app", host.trap):
            for number in range(rounds):
                host.call("RollbackService", service="web", hash=hashes[number % 2])
                assert host.mount_points(host.vault) == roots, f"round {number}"
        assert listing_with_modes(host.vault) == before
        assert host.seen(host.vault / "bin").joinpath("bin" if own_mount else "tool").exists()
        parent_back(host)
        wait_for(lambda: host.call("UnfreezeService", service="web"), what="unfreeze")
        host.assert_follows(3)
        assert host.mount_points(host.base) == sorted([str(host.local), *roots])
        agent.ctl("diff", "web", check=False)


def test_a_parent_replaced_while_files_are_carried_over_gets_nothing_mounted_there(attacked):
    host = attacked
    with host.running() as agent:
        agent.wait_service("web", state="OK")
        with host.attacker("deep", host.local, 1, 10, 20_000):
            pass
        seen = host.revisions / "web"
        # The moment of the first sign of a new revision; that attackers see none is another matter.
        before = sorted(os.listdir(seen))
        newest = host.commit(2)
        wait_for(lambda: sorted(os.listdir(seen)) != before, what="a new revision")
        parent_replaced = host.attacker("flip_once", host.home / "app", host.trap)
        with parent_replaced:
            wait_for(lambda: agent.service("web")["hash"] == newest or agent.service("web")["state"] != "OK",
                     what="an end of the move")
        assert host.mount_points(host.vault) == []
        assert (host.vault / "bin" / "tool").read_text() == "root's\n"
        parent_back(host)
        host.assert_follows(3)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_by_symlink_a_parent_that_flips_to_roots_directory_gets_nothing_made_there(by_symlink, rounds):
    host = by_symlink
    blocked = host.home / "app" / "blocked"
    service = host.service(dirs=[{"local": host.local, "link": "web"}, {"local": blocked, "link": "web"}])
    with host.running(service) as agent:
        hashes = two_revisions(host)
        before = listing_with_modes(host.vault)
        # What cannot be exchanged makes the agent take the first place back.
        blocked.unlink()
        (blocked / "in the way").mkdir(parents=True)
        with host.attacker("flip", host.home / "app", host.trap):
            for number in range(rounds):
                host.call("RollbackService", service="web", hash=hashes[number % 2])
                assert listing_with_modes(host.vault) == before, f"round {number}"
        parent_back(host)
        (blocked / "in the way").rmdir()
        blocked.rmdir()
        wait_for(lambda: host.call("UnfreezeService", service="web"), what="unfreeze")
        agent.wait_service("web", state="OK", hash=hashes[1], seconds=60)
        host.assert_follows(3)


def test_what_the_agent_makes_belongs_to_the_owner_of_the_directory_it_lies_in(attacked):
    host = attacked
    host.make(host.base / "open", "root", 0o1777)
    places = [host.home / "new" / "deep" / "bin", host.base / "roots" / "bin", host.base / "open" / "new" / "bin"]
    service = host.service(dirs=[{"local": place, "link": "web"} for place in places])
    with host.running(service) as agent:
        agent.wait_service("web", state="OK")
        made = {place: place.lstat() for place in [
            host.home / "new", host.home / "new" / "deep", host.base / "roots", host.base / "open" / "new"]}
        assert {str(path): (status.st_uid, status.st_mode & 0o7777) for path, status in made.items()} == {
            str(host.home / "new"): (ids(OWNER)[0], 0o755), str(host.home / "new" / "deep"): (ids(OWNER)[0], 0o755),
            str(host.base / "roots"): (0, 0o755), str(host.base / "open" / "new"): (0, 0o755)}


@pytest.mark.parametrize("rounds", ROUNDS)
def test_making_directories_of_a_secret_opens_none_of_roots(attacked, rounds):
    host = attacked
    prize = host.home / "prize"
    prize.mkdir(mode=0o700)
    held = os.open(prize, os.O_PATH)
    made = host.home / "made"
    secrets = {f"key{number}": made / f"conf{number}" / "key" for number in range(20)}
    text = '[[hosts]]\nname = "web1"\n' + "".join(
        f'[hosts.secrets.{name}]\nsource = "key"\ndestination = "{path}"\nmk_dirs = true\n'
        for name, path in secrets.items())
    with host.running(text=text) as agent:
        agent.wait_service("web", state="OK")
        client = OperationClient(agent, protos.messages("gitops/v1/operation"))
        files = [client.pb.SecretFile(name=name, destination=str(path), make_directories=True, content=b"secret",
                                      permissions="0400", owner_user="root", owner_group="root")
                 for name, path in secrets.items()]
        with host.attacker("swap_in", made, prize) as attacker:
            for number in range(rounds // 4):
                try:
                    client.perform(number, "upload-secrets", secrets=files)
                except grpc.RpcError as error:
                    assert error.code() != grpc.StatusCode.INVALID_ARGUMENT, error
                assert os.fstat(held).st_mode & 0o7777 == 0o700, f"round {number}"
            assert not attacker.ended(), attacker.process.stderr.read()
        assert any(path.name.startswith("made.") for path in host.home.iterdir()), "the race never took place"
    os.close(held)
