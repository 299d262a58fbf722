"""What schemathesis does not know of the API: a watch has no end, and other streams are an object a line."""

import json

import jsonschema_rs
import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    """A watch is read as server-sent events, of which schemathesis takes only max-stream-events."""
    if case.operation.definition.raw["operationId"].startswith("Watch"):
        case.headers["Accept"] = "text/event-stream"


@schemathesis.check
def each_line_conforms(context, response, case):
    if response.headers.get("content-type") != ["application/x-ndjson"]:
        return
    content = case.operation.definition.raw["responses"]["200"]["content"]
    validator = jsonschema_rs.Draft202012Validator({
        **content["application/x-ndjson"]["schema"],
        "components": case.operation.schema.raw_schema["components"]})
    for line in response.text.removesuffix("\n").split("\n"):
        for error in validator.iter_errors(json.loads(line)):
            raise AssertionError(f"{error.message} in {line}")
