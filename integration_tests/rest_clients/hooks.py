"""What schemathesis does not know of the API: what is in the lines and events of a stream."""

import json

import jsonschema_rs
import schemathesis

PROBLEM = {"$ref": "#/components/schemas/Problem"}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Says what is in an event, for which OpenAPI 3.1 has no form: what a line has, or a problem."""
    for methods in raw_schema["paths"].values():
        for operation in methods.values():
            content = operation["responses"]["200"]["content"]
            if "text/event-stream" in content:
                line = content.get("application/x-ndjson", {"schema": {"type": "object"}})["schema"]
                data = {"type": "string", "contentMediaType": "application/json",
                        "contentSchema": {"anyOf": [line, PROBLEM]}}
                content["text/event-stream"]["schema"] = {
                    "type": "object", "properties": {"data": data}, "required": ["data"]}


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
