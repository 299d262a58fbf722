#include "services/planner/testing/fake_agent_actions.h"

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

PerformOutcome Failed(absl::StatusCode code, const std::string& message) {
  return {.status = absl::Status(code, message), .response = {}};
}

std::string HashFor(const std::string& name, const FakeService& service,
                    const v1::PerformActionRequest& request) {
  for (const v1::ServiceRevision& revision : request.service_revisions()) {
    if (revision.service() == name) return revision.hash();
  }
  for (const v1::UpstreamRevision& revision : request.upstream_revisions()) {
    const bool upstream = revision.upstream().empty() || revision.upstream() == service.upstream;
    const bool branch = revision.branch().empty() || revision.branch() == service.branch;
    if (upstream && branch) return revision.hash();
  }
  return "";
}

// The services an action concerns; all must be there.
absl::Status CheckService(const FakeAgent& agent, const v1::PerformActionRequest& request) {
  if (request.service().empty() || agent.services.count(request.service()) > 0) {
    return absl::OkStatus();
  }
  return absl::NotFoundError(absl::StrCat("no service \"", request.service(), "\" on this host"));
}

bool Concerns(const v1::PerformActionRequest& request, const std::string& name) {
  return request.service().empty() || request.service() == name;
}

// The first reason why nothing may be synced.
absl::Status CheckSync(const FakeAgent& agent, const v1::PerformActionRequest& request) {
  for (const auto& [name, service] : agent.services) {
    if (!Concerns(request, name)) continue;
    if (!service.coordinated) {
      if (request.service().empty()) continue;
      return absl::FailedPreconditionError(absl::StrCat(name, " is not coordinated"));
    }
    if (!service.frozen_by.empty()) {
      return absl::FailedPreconditionError(absl::StrCat(name, " is frozen by ", service.frozen_by));
    }
    if (HashFor(name, service, request).empty()) {
      return absl::InvalidArgumentError(absl::StrCat("no revision is named for ", name));
    }
  }
  return absl::OkStatus();
}

PerformOutcome Sync(FakeAgent& agent, const v1::PerformActionRequest& request, int most_moves) {
  PerformOutcome outcome;
  outcome.status = CheckSync(agent, request);
  if (!outcome.status.ok()) return outcome;
  for (auto& [name, service] : agent.services) {
    if (!Concerns(request, name) || !service.coordinated) continue;
    if (most_moves >= 0 && outcome.response.moves_size() >= most_moves) break;
    v1::ServiceMove& move = *outcome.response.add_moves();
    move.set_service(name);
    move.set_from_hash(service.hash);
    service.hash = HashFor(name, service, request);
    move.set_to_hash(service.hash);
    absl::StrAppend(outcome.response.mutable_output(), name, ": ", service.hash, "\n");
  }
  return outcome;
}

PerformOutcome SetFrozen(FakeAgent& agent, const v1::PerformActionRequest& request,
                         const std::string& frozen_by) {
  for (auto& [name, service] : agent.services) {
    if (Concerns(request, name)) service.frozen_by = frozen_by;
  }
  return {};
}

PerformOutcome Reboot(FakeAgent& agent, const std::string& boot_id) {
  PerformOutcome outcome;
  outcome.response.set_boot_id(boot_id);
  agent.up = agent.reboot == FakeReboot::kComesBack || agent.reboot == FakeReboot::kIgnores;
  if (agent.reboot == FakeReboot::kComesBack) ++agent.boots;
  return outcome;
}

PerformOutcome Upload(FakeAgent& agent, const v1::PerformActionRequest& request) {
  for (const v1::SecretFile& secret : request.secrets()) {
    agent.files[secret.destination()] = secret.content();
  }
  return {};
}

PerformOutcome RunTriggers(FakeAgent& agent, const v1::PerformActionRequest& request) {
  for (const v1::SecretFile& secret : request.secrets()) agent.triggers.push_back(secret.name());
  return {};
}

bool IsNix(const std::string& action) {
  static const std::set<std::string> kNix = {"push", "switch", "switch-boot", "test",
                                             "dry-activate"};
  return kNix.count(action) > 0;
}

}  // namespace

PerformOutcome ActOn(FakeAgent& agent, const std::string& boot_id,
                     const v1::PerformActionRequest& request, int most_moves) {
  const std::string& action = request.action();
  const absl::Status known = CheckService(agent, request);
  if (!known.ok()) return Failed(known.code(), std::string(known.message()));
  if (action == "sync") return Sync(agent, request, most_moves);
  if (action == "freeze") {
    const std::string& actor = request.operation().actor();
    return SetFrozen(agent, request, actor.empty() ? "unnamed" : actor);
  }
  if (action == "unfreeze") return SetFrozen(agent, request, "");
  if (action == "reboot") return Reboot(agent, boot_id);
  if (action == "upload-secrets") return Upload(agent, request);
  if (action == "run-secret-triggers") return RunTriggers(agent, request);
  if (IsNix(action) && agent.has_nix) return {};
  if (IsNix(action)) {
    return Failed(absl::StatusCode::kFailedPrecondition,
                  absl::StrCat("cannot ", action, ": Nix is not installed on this host"));
  }
  return Failed(absl::StatusCode::kInvalidArgument, absl::StrCat("unknown action ", action));
}

}  // namespace gitops
