#include "agent/operation/operation_service.h"

#include <atomic>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/controller/stop_before.h"
#include "agent/operation/check_runner.h"
#include "agent/operation/host_actions.h"
#include "common/clock/boot_id.h"
#include "common/git/commit_message.h"
#include "common/git/url.h"
#include "common/rpc/error.h"
#include "common/rpc/request_checks.h"
#include "common/rpc/status.h"
#include "common/server/version.h"

namespace gitops {
namespace {

using grpc::ServerContext;

// The limit of moves in the error of a failed sync, which leaves room for other details: about
// 4,000 services with names of usual length.
constexpr size_t kMaxMoves = kMaxActionDetails - kMaxErrorDetails;
constexpr size_t kMoveOverhead = 3;  // a tag, a length

// An upstream's refusal of this host must not look like the agent's refusal of its caller.
absl::Status AsUpstreamError(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
      return status;
    default:
      return MakeError(Reason::kUpstreamUnreachable, status.message());
  }
}

// The status of a failed action, with its moves in the details, if any.
grpc::Status ToGrpcStatus(const ActionOutcome& outcome) {
  absl::Status status = outcome.status();
  if (outcome.ok() || outcome.response.moves().empty()) return gitops::ToGrpcStatus(status);
  v1::PerformActionResponse moved;
  size_t bytes = 0;
  for (const v1::ServiceMove& move : outcome.response.moves()) {
    bytes += move.ByteSizeLong() + kMoveOverhead;
    if (bytes > kMaxMoves) break;
    *moved.add_moves() = move;
  }
  SetDetail(moved, status);
  return gitops::ToGrpcStatus(status, kMaxActionDetails);
}

class OperationServiceImpl final : public v1::OperationService::Service {
 public:
  OperationServiceImpl(OperationOptions options, Operations* operations, ProcessRunner* runner)
      : options_(std::move(options)), operations_(operations), runner_(runner) {}

  grpc::Status GetHostStatus(ServerContext* context, const v1::GetHostStatusRequest* request,
                             v1::GetHostStatusResponse* response) override {
    return options_.gate->Run(*context, *request, [&]() -> absl::Status {
      absl::StatusOr<std::string> boot_id = ReadBootId(options_.boot_id_file);
      if (!boot_id.ok()) return boot_id.status();
      response->set_boot_id(*std::move(boot_id));
      response->set_version(std::string(Version()));
      response->set_fencing(operations_->fencing());
      response->set_has_nix(HasNix());
      if (options_.config_status) *response->mutable_config() = options_.config_status();
      return absl::OkStatus();
    });
  }

  grpc::Status ResolveRevision(ServerContext* context, const v1::ResolveRevisionRequest* request,
                               v1::ResolveRevisionResponse* response) override {
    return options_.gate->Run(CallKind::kOperate, *context, *request, [&] {
      return Limited([&] { return Resolve(*request, PatienceOf(context), *response); });
    });
  }

  grpc::Status PerformAction(ServerContext* context, const v1::PerformActionRequest* request,
                             v1::PerformActionResponse* response) override {
    return options_.gate->Run(CallKind::kOperate, *context, *request, [&](const Principal& caller) {
      const absl::Status granted =
          options_.granted ? options_.granted(caller, request->action()) : absl::OkStatus();
      if (!granted.ok()) return gitops::ToGrpcStatus(granted);
      ActionOutcome outcome = operations_->Perform(*request, PatienceOf(context));
      if (outcome.ok()) *response = std::move(outcome.response);
      return ToGrpcStatus(outcome);
    });
  }

  grpc::Status RunCheck(ServerContext* context, const v1::RunCheckRequest* request,
                        v1::RunCheckResponse* response) override {
    return options_.gate->Run(CallKind::kOperate, *context, *request, [&] {
      return Limited([&]() -> absl::Status {
        auto result = RunCheckCommand(*request, options_.own_hosts(), *runner_,
                                      [context] { return context->IsCancelled(); });
        if (!result.ok()) return result.status();
        *response = *std::move(result);
        return absl::OkStatus();
      });
    });
  }

 private:
  absl::Status Limited(const std::function<absl::Status()>& call) {
    absl::Cleanup leave = [this] { --running_; };
    if (++running_ <= kMaxChecks) return call();
    return MakeError(
        Reason::kTooManyCalls,
        absl::StrCat(kMaxChecks,
                     " checks and calls to upstreams are already in progress on this host"));
  }

  static Patience PatienceOf(ServerContext* context) {
    return {.deadline = absl::FromChrono(context->deadline()),
            .cancelled = [context] { return context->IsCancelled(); }};
  }

  absl::Status Resolve(const v1::ResolveRevisionRequest& request, const Patience& patience,
                       v1::ResolveRevisionResponse& response) {
    if (request.has_revision()) {
      if (absl::Status good = CheckHash(request.revision(), "revision"); !good.ok()) return good;
    }
    auto controller = options_.agent->Find(request.service());
    if (!controller.ok()) return controller.status();
    absl::StatusOr<std::string> hash =
        request.has_revision()
            ? (*controller)->FindRevision(absl::AsciiStrToLower(request.revision()), patience)
            : options_.agent->Tip(request.service());
    if (!hash.ok()) return AsUpstreamError(hash.status());
    response.set_hash(*std::move(hash));
    response.set_upstream(RedactUrl((*controller)->spec().upstream.url));
    response.set_branch((*controller)->spec().branch);
    DescribeTo(request.service(), patience, response);
    return absl::OkStatus();
  }

  // As far as that can be had in time: a plan can be made without it.
  void DescribeTo(const std::string& service, const Patience& patience,
                  v1::ResolveRevisionResponse& response) {
    const StopBefore stop(options_.clock, patience);
    const auto touched = options_.agent->TouchedBy(service, response.hash(), stop.token());
    if (touched.ok()) {
      response.mutable_touched_services()->mutable_services()->Assign(touched->begin(),
                                                                      touched->end());
    }
    const auto commit = options_.agent->Describe(service, response.hash(), stop.token());
    if (commit.ok()) WriteCommit(*commit, *response.mutable_commit());
  }

  const OperationOptions options_;
  Operations* const operations_;
  ProcessRunner* const runner_;
  std::atomic<int> running_ = 0;
};

}  // namespace

std::unique_ptr<v1::OperationService::Service> NewOperationService(OperationOptions options,
                                                                   Operations* operations,
                                                                   ProcessRunner* runner) {
  return std::make_unique<OperationServiceImpl>(std::move(options), operations, runner);
}

}  // namespace gitops
