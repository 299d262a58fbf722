// Uses the types that openapi-typescript generated: node client_use.js URL REVISION.

import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Deployment = components["schemas"]["Deployment"];
type Line = components["schemas"]["WatchDeploymentResponse"] | components["schemas"]["StreamError"];

const [url, revision] = process.argv.slice(2);
assert(url && revision);

function clientWith(token: string) {
  return createClient<paths>({ baseUrl: url!, headers: { Authorization: `Bearer ${token}` } });
}

function done<Data>(answer: { data?: Data; error?: components["schemas"]["Problem"] }): Data {
  assert(answer.data !== undefined, JSON.stringify(answer.error));
  return answer.data;
}

const client = clientWith("token-admin");

const { hosts } = done(await client.GET("/v1/hosts"));
assert.deepEqual(hosts.map((host) => host.host), ["web1", "web2"]);
const tagged = done(await client.GET("/v1/hosts", { params: { query: { "selection.tagged": ["prod"] } } }));
assert.deepEqual(tagged.hosts.map((host) => host.host), ["web1"]);

const app = { path: { host: "web1", service: "app" } };
const service = done(await client.GET("/v1/hosts/{host}/services/{service}", { params: app })).service;
assert.equal(service?.state, "OK");
const frozen = done(await client.POST("/v1/hosts/{host}/services/{service}:freeze",
                                      { params: app, body: { reason: "a look" } })).service;
assert.equal(frozen?.state, "FREEZE");
done(await client.POST("/v1/hosts/{host}/services/{service}:unfreeze", { params: app }));

const { plan } = done(await client.POST("/v1/plans", {
  body: { spec: { actions: ["sync"], selection: { all: true } } },
}));
assert(plan);
const begun: Deployment | null = done(await client.POST("/v1/deployments", {
  params: { header: { "Idempotency-Key": "typescript" } },
  body: { planToken: plan.token },
})).deployment;
assert(begun);
const watched = done(await client.GET("/v1/deployments/{id}:watch", {
  params: { path: { id: begun.id } }, parseAs: "text",
}));
const last: Line = JSON.parse(watched.trimEnd().split("\n").at(-1)!);
assert(!("error" in last), JSON.stringify(last));
assert.equal(last.deployment?.state, "SUCCEEDED");

const { promotions } = done(await client.GET("/v1/promotions"));
assert.equal(promotions.find((each) => each.revision === revision)?.state, "WAITING_APPROVAL");
const approved = done(await client.POST(
  "/v1/pipelines/{namespace}/{pipeline}/environments/{environment}:approve",
  { params: { path: { namespace: "shopping", pipeline: "search", environment: "prod" } }, body: { revision } }));
assert(approved.promotion?.approval);

const missing = await client.GET("/v1/hosts/{host}", { params: { path: { host: "web9" } } });
assert.equal(missing.response.status, 404);
assert.equal(missing.error?.reason, "HOST_UNKNOWN");
assert.equal(missing.error?.metadata["host"], "web9");
const anonymous = await clientWith("wrong").GET("/v1/hosts");
assert.equal(anonymous.error?.reason, "UNAUTHENTICATED");
