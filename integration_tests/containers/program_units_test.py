"""The units of planner, dispatcher, promotion receiver and gateway on one host, with the agent's: they run
under accounts of their own, and find each other by the unix sockets in /run/gitops."""

import pytest

from agent_host import VARIABLES
from host import WORKSPACE

UNITS = {"planner": "services/planner", "hook-dispatcher": "services/hook_dispatcher",
         "promotion-receiver": "services/promotion_receiver", "gateway": "gateway"}
CTL = "/opt/gitops/ctl/gitopsctl"
# What gitopsctl asks through each socket.
QUESTIONS = {"planner": "list hosts --planner", "hook-dispatcher": "list hooks --hook-dispatcher",
             "promotion-receiver": "list promotions --promotion-receiver", "agent": "list services @"}


def unix(name):
    return f"unix:/run/gitops/{name}.sock"


def ask(host, name, account=""):
    question = QUESTIONS[name] + ("" if name == "agent" else " ") + unix(name)
    return host.run(f"{account} {CTL} {question} --timeout 5s", check=False, environment={"HOME": "/"})


@pytest.fixture(name="site")
def site_fixture(host):
    host.run("groupadd --system gitops; useradd --system --gid gitops op")
    for name, folder in UNITS.items():
        unit = f"gitops-{name}"
        host.write(f"/etc/systemd/system/{unit}.service",
                   (WORKSPACE / f"deploy/systemd/{unit}.service").read_text())
        host.run(f"ln -sf /opt/gitops/{folder}/{unit} /usr/local/bin/")
    host.write("/etc/gitops/hooks.toml", '[[hooks]]\nname = "drain"\npoints = ["pre-select"]\nurl = "http://127.0.0.1:1"\n')
    host.write("/etc/gitops/tokens.toml", "")
    host.write("/etc/default/gitops-planner", f"GITOPS_HOOK_DISPATCHER={unix('hook-dispatcher')}\n")
    host.write("/etc/default/gitops-promotion-receiver", f"GITOPS_PLANNER={unix('planner')}\n")
    host.write("/etc/default/gitops-gateway", f"GITOPS_PLANNER={unix('planner')}\n")
    host.write(VARIABLES, f"GITOPS_PLANNER={unix('planner')}\n")
    host.run("mkdir -p /etc/gitops/pipelines /etc/gitops/secrets")
    host.follow(host.spec("web"), start=False)
    host.write("/etc/gitops/config.toml", host.read("/etc/gitops/config.toml") +
               f'[[hosts]]\nname = "{host.hostname}"\naddress = "{unix("agent")}"\n')
    units = " ".join(f"gitops-{name}" for name in UNITS)
    host.run(f"systemctl daemon-reload; systemctl start {units} gitops-agent")
    yield host
    host.run(f"systemctl stop {units}; rm -f /etc/default/gitops-*; userdel op; groupdel gitops", check=False)


def test_units_of_all_programs_share_the_directory_of_the_sockets(site):
    for name in QUESTIONS:
        site.wait_for(lambda name=name: ask(site, name).ok, what=f"{name} answers")
    # Between accounts: agent to planner, planner to dispatcher and agent.
    site.wait_for(lambda: "ONLINE" in ask(site, "planner").stdout, what="the agent reports")
    planner = f"--planner {unix('planner')}"
    assert "drain" in site.run(f"{CTL} list hooks {planner}").stdout
    site.run(f"{CTL} deploy freeze --on {site.hostname} -y {planner} --ignore-hook-errors --skip-health-checks")
    assert "FREEZE" in ask(site, "agent").stdout
    # Who may open them.
    for name in QUESTIONS:
        assert ask(site, name, "setpriv --reuid=op --regid=gitops --clear-groups").ok, name
        assert not ask(site, name, "setpriv --reuid=nobody --regid=nogroup --clear-groups").ok, name
    # The end of one takes away its own socket only.
    site.run("systemctl stop gitops-hook-dispatcher; systemctl restart gitops-agent gitops-planner")
    for name in ("agent", "planner", "promotion-receiver"):
        site.wait_for(lambda name=name: ask(site, name).ok, what=f"{name} answers")
    assert not ask(site, "hook-dispatcher").ok
    assert site.run("stat -c '%U %a' /run/gitops").stdout.strip() == "root 755"
