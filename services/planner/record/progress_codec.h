#ifndef GITOPS_SERVICES_PLANNER_RECORD_PROGRESS_CODEC_H_
#define GITOPS_SERVICES_PLANNER_RECORD_PROGRESS_CODEC_H_

#include "absl/status/statusor.h"
#include "gitops/record/v1/deployment.pb.h"
#include "services/planner/step/step_machine.h"

// Between where a host stands and what is stored of it. A new field of HostProgress: add it to
// deployment.proto, to both functions, and to SampleProgress() of the test; until then neither
// compiles.
namespace gitops {

// Sets the fields of `progress` in `stored`, and leaves all others (a newer planner's) as they are.
void EncodeProgress(const HostProgress& progress, record::v1::HostProgress& stored);

// What was never stored is HostProgress{}. DATA_LOSS: a step, stage, result or end that is not
// known, or a negative number.
absl::StatusOr<HostProgress> DecodeProgress(const record::v1::HostProgress& stored);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RECORD_PROGRESS_CODEC_H_
