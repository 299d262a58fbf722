#ifndef GITOPS_AGENT_OPERATION_ACTION_RUNNER_H_
#define GITOPS_AGENT_OPERATION_ACTION_RUNNER_H_

#include <google/protobuf/any.pb.h>
#include <google/protobuf/repeated_field.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "common/rpc/status.h"
#include "gitops/record/v1/operation.pb.h"
#include "gitops/v1/operation.pb.h"

namespace gitops {

// How an action ended. What it moved stands in the response also where it failed.
struct ActionOutcome {
  absl::StatusCode code = absl::StatusCode::kOk;
  std::string message;
  v1::PerformActionResponse response;
  // Of google.rpc.Status: the reason and what it is about.
  google::protobuf::RepeatedPtrField<google::protobuf::Any> details = {};

  bool ok() const { return code == absl::StatusCode::kOk; }
  // Made afresh each time, so that threads can share an ActionOutcome.
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

// Carries out actions on this host. Check may be called by any thread, the rest by one at a time.
class ActionRunner {
 public:
  virtual ~ActionRunner() = default;

  // Whether this can be asked of this host at all. INVALID_ARGUMENT: no known action, or something
  // is missing; FAILED_PRECONDITION: the action needs Nix.
  virtual absl::Status Check(const v1::PerformActionRequest& request) const = 0;

  // Notes in `operation`, which is stored before anything is done, what was before. Errors: as
  // Perform, for a request that is refused without trying.
  virtual absl::Status Note(const v1::PerformActionRequest& request,
                            record::v1::Operation& operation) = 0;

  // Does it. `before` is what Note wrote; `again`: it had begun before, and its end is not known.
  // UNAVAILABLE: it could not be done now, and asking again is right.
  virtual ActionOutcome Perform(const v1::PerformActionRequest& request,
                                const record::v1::Operation& before, bool again) = 0;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_ACTION_RUNNER_H_
