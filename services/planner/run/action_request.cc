#include "services/planner/run/action_request.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/path/fd.h"
#include "common/plan/action.h"
#include "common/rpc/actor.h"

namespace gitops {
namespace {

constexpr char kPostActivation[] = "post-activation";

// Reads at most a little more than the limit.
bool ReadUpTo(int fd, std::string& content) {
  char buffer[1 << 16];
  while (static_cast<int64_t>(content.size()) <= kMostSecretBytes) {
    const ssize_t got = read(fd, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0;
    content.append(buffer, got);
  }
  return true;
}

absl::StatusOr<std::string> ReadSecret(const std::string& name, const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::string content;
  if (fd.get() >= 0 && ReadUpTo(fd.get(), content)) return content;
  return absl::NotFoundError(absl::StrCat("cannot read secret \"", name, "\" from ", path, ": ",
                                          std::strerror(errno), "; nothing was uploaded"));
}

v1::SecretFile Describe(const std::string& name, const SecretSpec& spec) {
  v1::SecretFile secret;
  secret.set_name(name);
  secret.set_destination(spec.destination);
  secret.set_owner_user(spec.owner_user);
  secret.set_owner_group(spec.owner_group);
  secret.set_permissions(spec.permissions);
  secret.set_make_directories(spec.mk_dirs);
  return secret;
}

bool InPhase(const SecretSpec& spec, Move::Secrets phase) {
  if (phase == Move::Secrets::kAll) return true;
  const bool post = spec.upload_at == kPostActivation;
  return post == (phase == Move::Secrets::kPostActivation);
}

absl::Status AddUploads(const HostSpec& host, Move::Secrets phase,
                        v1::PerformActionRequest& request) {
  int64_t bytes = 0;
  for (const auto& [name, spec] : host.secrets) {
    if (!InPhase(spec, phase)) continue;
    absl::StatusOr<std::string> content = ReadSecret(name, spec.source);
    if (!content.ok()) return content.status();
    bytes += static_cast<int64_t>(content->size());
    if (bytes > kMostSecretBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("with secret \"", name, "\" (", spec.source, ") the secrets of host \"",
                       host.name, "\" hold more than ", kMostSecretBytes,
                       " bytes, the most that one upload takes; nothing was uploaded"));
    }
    v1::SecretFile secret = Describe(name, spec);
    secret.set_content(*std::move(content));
    *request.add_secrets() = std::move(secret);
  }
  return absl::OkStatus();
}

void AddTriggers(const HostSpec& host, v1::PerformActionRequest& request) {
  for (const auto& [name, spec] : host.secrets) {
    if (!spec.action.empty()) *request.add_secrets() = Describe(name, spec);
  }
}

std::vector<v1::PerformActionRequest> SyncEach(const HostRecord& host,
                                               const v1::PerformActionRequest& request) {
  std::vector<v1::PerformActionRequest> each;
  for (const v1::ServiceRevision& revision : host.revisions) {
    v1::PerformActionRequest one = request;
    one.mutable_operation()->set_id(absl::StrCat(request.operation().id(), ".", each.size() + 1));
    one.set_service(revision.service());
    *one.add_service_revisions() = revision;
    each.push_back(std::move(one));
  }
  return each;
}

}  // namespace

v1::Operation MakeOperation(const DeploymentRecord& deployment, const std::string& host,
                            const Move& move, int64_t fencing) {
  const v1::Deployment& facts = deployment.deployment;
  v1::Operation operation;
  operation.set_id(absl::StrCat(facts.id(), "/", host, "/", move.service.empty() ? "" : "rollback-",
                                move.number));
  operation.set_deployment(facts.id());
  operation.set_fencing(fencing);
  WriteActor(ReadActor(facts), operation);
  operation.set_reason(facts.reason());
  return operation;
}

absl::StatusOr<std::vector<v1::PerformActionRequest>> MakeActionRequests(
    const DeploymentRecord& deployment, const HostRecord& host, const HostSpec& spec,
    const Move& move, int64_t fencing) {
  const std::string& service = deployment.deployment.spec().service();
  const std::string& name = host.host.host();
  v1::PerformActionRequest request;
  *request.mutable_operation() = MakeOperation(deployment, name, move, fencing);
  request.set_action(move.action);
  if (!move.service.empty()) {
    request.set_service(move.service);
    v1::ServiceRevision* revision = request.add_service_revisions();
    revision->set_service(move.service);
    revision->set_hash(move.hash);
    return std::vector<v1::PerformActionRequest>{std::move(request)};
  }
  const ActionTraits& traits = TraitsOf(move.action);
  if (traits.takes_revision) {
    const bool only_services = deployment.deployment.revisions().empty();
    if (only_services && service.empty() && !host.revisions.empty()) {
      return SyncEach(host, request);
    }
    *request.mutable_upstream_revisions() = deployment.deployment.revisions();
    *request.mutable_service_revisions() = host.revisions;
  }
  if (traits.takes_service && !service.empty()) request.set_service(service);
  if (traits.action == HostAction::kRunSecretTriggers) AddTriggers(spec, request);
  if (traits.action == HostAction::kUploadSecrets) {
    if (absl::Status status = AddUploads(spec, move.secrets, request); !status.ok()) return status;
  }
  return std::vector<v1::PerformActionRequest>{std::move(request)};
}

}  // namespace gitops
