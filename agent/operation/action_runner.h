#ifndef GITOPS_AGENT_OPERATION_ACTION_RUNNER_H_
#define GITOPS_AGENT_OPERATION_ACTION_RUNNER_H_

#include <google/protobuf/any.pb.h>
#include <google/protobuf/repeated_field.h>

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "common/rpc/status.h"
#include "gitops/record/v1/operation.pb.h"
#include "gitops/v1/operation.pb.h"

namespace gitops {

// The outcome of an action. The response has its moves, also after a failure.
struct ActionOutcome {
  absl::StatusCode code = absl::StatusCode::kOk;
  std::string message;
  v1::PerformActionResponse response;
  // The details of google.rpc.Status: the reason and what it concerns.
  google::protobuf::RepeatedPtrField<google::protobuf::Any> details = {};

  bool ok() const { return code == absl::StatusCode::kOk; }
  // A new object each time, so that threads can share an ActionOutcome.
  absl::Status status() const {
    google::rpc::Status status;
    status.set_code(static_cast<int>(code));
    status.set_message(message);
    *status.mutable_details() = details;
    return FromStatusProto(status);
  }

  static ActionOutcome Of(const absl::Status& status) {
    return {status.code(), std::string(status.message()), {}, ToStatusProto(status).details()};
  }
  static ActionOutcome Done(std::string output) {
    ActionOutcome outcome;
    outcome.response.set_output(std::move(output));
    return outcome;
  }
};

// Performs actions on this host. Check is thread-safe, other methods are not.
class ActionRunner {
 public:
  virtual ~ActionRunner() = default;

  // Checks whether this host can perform the request at all; nothing is stored of one that it
  // cannot. INVALID_ARGUMENT: an unknown action, or a missing field; FAILED_PRECONDITION: the
  // action needs Nix; PERMISSION_DENIED: it is not in this host's own config.
  virtual absl::Status Check(const v1::PerformActionRequest& request) const = 0;

  // Records the state before the action in `operation`, which is stored before anything is done.
  // Errors are those of Perform, for a request that is refused without an attempt.
  virtual absl::Status Note(const v1::PerformActionRequest& request,
                            record::v1::Operation& operation) = 0;

  // Performs the action. `before` is from Note; `again`: it was started before, and its end is not
  // known. UNAVAILABLE: it could not be done now; a retry is right. CANCELLED: `abandoned` returned
  // true, since no caller waits any more, while it waited for something that may never come.
  virtual ActionOutcome Perform(const v1::PerformActionRequest& request,
                                const record::v1::Operation& before, bool again,
                                const std::function<bool()>& abandoned) = 0;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_ACTION_RUNNER_H_
