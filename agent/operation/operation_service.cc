#include "agent/operation/operation_service.h"

#include <atomic>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/operation/boot_id.h"
#include "agent/operation/check_runner.h"
#include "agent/operation/host_actions.h"
#include "common/rpc/request_checks.h"
#include "common/rpc/status.h"
#include "common/server/version.h"

namespace gitops {
namespace {

using grpc::ServerContext;

// What a channel of ours takes in the headers that end a call (common/rpc/channel.cc), less what
// goes along.
constexpr size_t kMostDetails = 48 << 10;

// An upstream that refuses this host says nothing about who may call the agent.
absl::Status AsUpstreamError(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
      return status;
    default:
      return absl::UnavailableError(status.message());
  }
}

// The status of a failed action; where it moved something, with that in the details.
grpc::Status ToGrpcStatus(const ActionOutcome& outcome) {
  grpc::Status status = gitops::ToGrpcStatus(outcome.status());
  if (outcome.ok()) return status;
  v1::PerformActionResponse moved;
  for (const v1::ServiceMove& move : outcome.response.moves()) *moved.add_moves() = move;
  while (moved.ByteSizeLong() > kMostDetails) moved.mutable_moves()->RemoveLast();
  if (moved.moves_size() == 0) return status;
  return grpc::Status(status.error_code(), status.error_message(), moved.SerializeAsString());
}

class OperationServiceImpl final : public v1::OperationService::Service {
 public:
  explicit OperationServiceImpl(OperationServiceOptions options) : options_(std::move(options)) {}

  grpc::Status GetHostStatus(ServerContext*, const v1::GetHostStatusRequest*,
                             v1::GetHostStatusResponse* response) override {
    absl::StatusOr<std::string> boot_id = ReadBootId(options_.boot_id_file);
    if (!boot_id.ok()) return gitops::ToGrpcStatus(boot_id.status());
    response->set_boot_id(*std::move(boot_id));
    response->set_version(std::string(Version()));
    response->set_fencing(options_.operations->fencing());
    response->set_has_nix(HasNix());
    return grpc::Status::OK;
  }

  grpc::Status ResolveRevision(ServerContext*, const v1::ResolveRevisionRequest* request,
                               v1::ResolveRevisionResponse* response) override {
    return Limited([&] { return gitops::ToGrpcStatus(Resolve(*request, *response)); });
  }

  grpc::Status PerformAction(ServerContext* context, const v1::PerformActionRequest* request,
                             v1::PerformActionResponse* response) override {
    ActionOutcome outcome = options_.operations->Perform(
        *request, {.deadline = absl::FromChrono(context->deadline()),
                   .cancelled = [context] { return context->IsCancelled(); }});
    if (outcome.ok()) *response = std::move(outcome.response);
    return ToGrpcStatus(outcome);
  }

  grpc::Status RunCheck(ServerContext* context, const v1::RunCheckRequest* request,
                        v1::RunCheckResponse* response) override {
    return Limited([&] {
      auto result = RunCheckCommand(*request, options_.own_hosts(), *options_.runner,
                                    [context] { return context->IsCancelled(); });
      if (!result.ok()) return gitops::ToGrpcStatus(result.status());
      *response = *std::move(result);
      return grpc::Status();
    });
  }

 private:
  grpc::Status Limited(const std::function<grpc::Status()>& call) {
    absl::Cleanup leave = [this] { --running_; };
    if (++running_ <= kMostChecks) return call();
    return gitops::ToGrpcStatus(absl::ResourceExhaustedError(absl::StrCat(
        kMostChecks, " checks and questions to upstreams are under way on this host already")));
  }

  absl::Status Resolve(const v1::ResolveRevisionRequest& request,
                       v1::ResolveRevisionResponse& response) {
    if (absl::Status good = CheckSetFields(request); !good.ok()) return good;
    if (request.has_revision()) {
      if (absl::Status good = CheckHash(request.revision()); !good.ok()) return good;
    }
    auto controller = options_.agent->Find(request.service());
    if (!controller.ok()) return controller.status();
    absl::StatusOr<std::string> hash =
        request.has_revision()
            ? (*controller)->FindRevision(absl::AsciiStrToLower(request.revision()))
            : options_.agent->Tip(request.service());
    if (!hash.ok()) return AsUpstreamError(hash.status());
    response.set_hash(*std::move(hash));
    response.set_upstream(RedactUrl((*controller)->spec().upstream.url));
    response.set_branch((*controller)->spec().branch);
    return absl::OkStatus();
  }

  const OperationServiceOptions options_;
  std::atomic<int> running_ = 0;
};

}  // namespace

std::unique_ptr<v1::OperationService::Service> NewOperationService(
    OperationServiceOptions options) {
  return std::make_unique<OperationServiceImpl>(std::move(options));
}

}  // namespace gitops
