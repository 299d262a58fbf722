#ifndef GITOPS_SERVICES_PLANNER_RECORD_PROGRESS_CODEC_H_
#define GITOPS_SERVICES_PLANNER_RECORD_PROGRESS_CODEC_H_

#include "absl/status/statusor.h"
#include "gitops/record/v1/deployment.pb.h"
#include "services/planner/step/step_machine.h"

// Converts between the progress of a host and its stored form. Add a new field of HostProgress to
// deployment.proto, to both functions, and to SampleProgress() of the test; until then neither
// compiles.
namespace gitops {

// Sets the fields of `progress` in `stored`. Keeps all other fields, which a newer planner may have
// set.
void EncodeProgress(const HostProgress& progress, record::v1::HostProgress& stored);

// An empty message is HostProgress{}. DATA_LOSS: an unknown step, stage, result or end, or a
// negative number.
absl::StatusOr<HostProgress> DecodeProgress(const record::v1::HostProgress& stored);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RECORD_PROGRESS_CODEC_H_
