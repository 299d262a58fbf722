"""gitops-hook-dispatcher as a program: config, flags, signals, metrics."""

import concurrent.futures
import hashlib
import hmac
import re
import subprocess
import threading
import urllib.request

from harness import wait_for
from hook_dispatcher import DISPATCHER, POINTS, answered, hook, hooks_config, pb, says


def run(*arguments, env=None):
    return subprocess.run([str(DISPATCHER), *map(str, arguments)], capture_output=True, text=True,
                          timeout=30, env=env or {})


def test_config_is_checked_with_every_fault_at_once(tmp_path):
    config = tmp_path / "hooks.toml"
    config.write_text(hooks_config(hook("http://lb/")) + '[hook-dispatcher]\nlog-level = "debug"\n')
    done = run("--config", config, "--check-config")
    assert (done.returncode, done.stderr) == (0, ""), done
    assert "1 hook\n" in done.stdout
    config.write_text('[[hooks]]\nname = "a"\npoints = ["pre-deplyo"]\nulr = "http://lb/"\n'
                      '[hook-dispatcher]\nlog-levle = "debug"\n')
    done = run("--config", config, "--check-config")
    assert done.returncode == 2
    for told in (f'{config}:3: [[hooks]] "a": points: unknown hook point "pre-deplyo" (did you mean '
                 '"pre-deploy"?)',
                 f'{config}:4: [[hooks]] "a": unknown key "ulr" (did you mean "url"?)',
                 f'{config}:6: [hook-dispatcher]: unknown key "log-levle" (did you mean "log-level"?)'):
        assert told in done.stderr
    assert run("--config", config).returncode == 2


def test_flags_are_those_of_every_server(tmp_path):
    assert run("--version").stdout.startswith("gitops-hook-dispatcher ")
    usage = run("--help").stdout
    for told in ("127.0.0.1:8002", "127.0.0.1:9223", "--address-file", "--state-dir", "--tls-dir"):
        assert told in usage
    assert run().returncode == 2
    assert "--config" in run().stderr
    assert 'did you mean "--listen"' in run("--lsiten", "x").stderr
    assert run("--config", tmp_path / "none").returncode == 1


def test_the_state_dir_has_the_audit_only_and_the_store_is_not_opened(tmp_path, endpoint, dispatcher):
    running = dispatcher(hook(endpoint()), flags=["--state-dir", str(tmp_path / "state")],
                         env={"GITOPS_STORE": "etcd://127.0.0.1:2379/gitops"})
    running.dispatch()
    assert {path.name.partition(".")[0] for path in (tmp_path / "state").iterdir()} == {"hook-dispatcher-audit"}


def test_fleet_hooks_and_programs_may_share_one_file(tmp_path, endpoint, dispatcher):
    asked = endpoint()
    running = dispatcher(hook(asked))
    running.reload('[global]\nupstream = "x"\n[fleet]\norder_by_tags = ["a"]\n[[hosts]]\nname = "web1"\n'
                   + hooks_config(hook(asked, "other")) + '[planner]\nlisten = "x"\n')
    assert running.dispatch().calls[0].hook == "other"


def test_sighup_takes_up_a_good_config_with_its_keys_and_keeps_the_old_one_over_a_bad_one(
        tmp_path, endpoint, dispatcher):
    key = tmp_path / "key"
    key.write_text("first")
    asked = endpoint()
    running = dispatcher(hook(asked, hmac_key_file=key))

    def signed_with():
        running.dispatch()
        request = asked.requests[-1]
        return {hmac.new(text, request.body, hashlib.sha256).hexdigest(): text
                for text in (b"first", b"second")}[request.headers["X-Signature"].split("=")[1]]
    assert signed_with() == b"first"
    key.write_text("second")
    running.reload(hooks_config(hook(asked, hmac_key_file=key)))
    assert signed_with() == b"second"
    running.reload("[[hooks]]\nnmae = 1\n", expect="the previous one stays in use")
    assert 'did you mean' in running.logged()
    assert signed_with() == b"second"
    key.unlink()
    running.reload(hooks_config(hook(asked, hmac_key_file=key)), expect="the previous one stays in use")
    assert signed_with() == b"second"
    assert "second" not in running.logged().replace("seconds", "")


def test_hooks_are_listed_in_the_order_of_the_file_without_secrets(dispatcher):
    running = dispatcher(hook("https://user:hunter2@lb:8443/x?token=hush", "z", POINTS, mode="filter",
                              timeout="1.5s", retries=7, on_error="ignore"),
                         {"name": "a", "points": ["pre-deploy"], "url": "http://lb/"})
    first, second = running.stub.ListHooks(pb.ListHooksRequest()).hooks
    assert (first.name, list(first.points), first.url) == ("z", POINTS, "https://lb:8443/x")
    assert (first.mode, first.retry_count, first.on_error) == (
        pb.HOOK_MODE_FILTER, 7, pb.HOOK_ON_ERROR_IGNORE)
    assert first.timeout.ToMilliseconds() == 1500
    assert (second.name, second.mode, second.retry_count, second.on_error) == (
        "a", pb.HOOK_MODE_TRANSFORM, 2, pb.HOOK_ON_ERROR_STOP)
    assert second.timeout.ToSeconds() == 10


def test_metrics_and_health_are_served(endpoint, dispatcher):
    running = dispatcher(hook(endpoint()), hook(endpoint(says((500, ""))), "down", on_error="ignore"),
                         hook(endpoint(says((500, ""))), "bad"))
    running.dispatch()

    def get(path):
        with urllib.request.urlopen(f"http://{running.address('http')}{path}", timeout=10) as answer:
            return answer.read().decode()
    assert get("/healthz").strip() == get("/readyz").strip() == "ok"
    text = get("/metrics")
    for line in ('gitops_hook_requests_total{hook="drain",point="pre-deploy",result="ok"} 1',
                 'gitops_hook_requests_total{hook="down",point="pre-deploy",result="ignored"} 1',
                 'gitops_hook_requests_total{hook="bad",point="pre-deploy",result="failed"} 1',
                 'gitops_hook_duration_seconds_count{hook="drain"} 1',
                 'gitops_build_info{component="hook-dispatcher"'):
        assert line in text
    assert re.search(r'grpc_server_handled_total\{.*grpc_method="DispatchHook".*\} 1', text)


def test_sigterm_lets_a_call_come_to_its_end(endpoint, dispatcher):
    goes_on = threading.Event()
    asked = endpoint(lambda request, handler: goes_on.wait(20) and request.body)
    running = dispatcher(hook(asked))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        call = pool.submit(running.dispatch)
        wait_for(lambda: asked.requests, what="the request")
        running.process.terminate()
        wait_for(lambda: "stopping" in running.logged(), what="the end to begin")
        goes_on.set()
        assert answered(call.result(30)) == [("web1", ["push", "switch"])]
    assert running.process.wait(30) == 0
