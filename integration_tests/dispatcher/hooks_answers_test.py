"""Answers that are wrong: the chain stops, says what it was, and keeps what it had."""

import pytest

from hook_dispatcher import WEB1, answered, hook, says


@pytest.mark.parametrize("said, told", [
    pytest.param((204, ""), ["status 204", "body is empty"], id="204"),
    pytest.param((201, WEB1), ["status 201"], id="201 with a good body"),
    pytest.param((302, WEB1, {"Location": "http://127.0.0.1:1/"}),
                 ["status 302", "redirect", "not followed"], id="302"),
    pytest.param((500, "Internal Error"), ["status 500", "Internal Error"], id="500"),
    pytest.param("<html>It works!</html>", ["status 200", "not JSON", "<html>It works!"], id="HTML"),
    pytest.param("x" * (2 << 20), ["status 200", "longer than 1048576 bytes", "xxxx"], id="2 MB"),
    pytest.param(b'{"host":"web1\xff","actions":[]}', ["not UTF-8"], id="invalid UTF-8"),
    pytest.param("[" * 100000 + "]" * 100000, ["nested deeper"], id="deep JSON"),
    pytest.param('{"host":"web1","actions":[],"n":NaN}', ["not JSON"], id="NaN"),
    pytest.param('{"host":"web1","actions":[],"n":1e999}', ["too large"], id="huge number"),
    pytest.param('{"host":"web1","actions":[],"actions":["push"]}', ["is repeated"], id="key twice"),
    pytest.param({"host": "web1", "actions": ["push", "explode"]},
                 ['unknown action "explode"'], id="unknown action"),
    pytest.param({"host": "web1", "actions": ["swich"]}, ['did you mean "switch"'],
                 id="misspelt action"),
    pytest.param({"host": "web1", "actions": ["push"] * 1001}, ["1001 actions"], id="endless list"),
    pytest.param({"host": "db1", "actions": []}, ['another host, "db1"'], id="another host"),
    pytest.param([WEB1], ["not an object"], id="list"),
    pytest.param({"host": "web1"}, ['no array "actions"'], id="no actions"),
    pytest.param("", ["body is empty"], id="nothing"),
])
def test_hook_that_answers_wrongly_stops_and_says_what_it_was(endpoint, dispatcher, said, told):
    asked = endpoint(says(said))
    response = dispatcher(hook(asked)).dispatch()
    for part in ['hook "drain" at pre-deploy', *told]:
        assert part in response.failure.message
    assert answered(response) == [("web1", ["push", "switch"])]
    assert response.calls[0].error == response.failure.message
    assert len(response.failure.message) < 1000
    assert len(asked.requests) == 1


@pytest.mark.parametrize("said, told", [
    pytest.param([WEB1, WEB1], "twice", id="a duplicated host"),
    pytest.param([{"host": "stranger", "actions": []}], "not in the fleet", id="a host not in the fleet"),
    pytest.param(WEB1, "expected a list", id="one host"),
    pytest.param([WEB1, 7], "element 2", id="no host"),
])
def test_select_hook_that_answers_wrongly_stops(endpoint, dispatcher, said, told):
    response = dispatcher(hook(endpoint(says(said)), points=["pre-select"])).dispatch("pre-select")
    assert told in response.failure.message
    assert answered(response) == [("web1", ["push", "switch"])]


def test_redirect_reaches_nobody(endpoint, dispatcher):
    other = endpoint()
    asked = endpoint(says((307, "", {"Location": other.url})))
    assert dispatcher(hook(asked)).dispatch().failure.http_status == 307
    assert not other.requests
