#ifndef GITOPS_AGENT_RECORD_CODEC_H_
#define GITOPS_AGENT_RECORD_CODEC_H_

#include "absl/status/statusor.h"
#include "agent/state/state.h"
#include "gitops/record/v1/record.pb.h"

// Between the plain values and what is stored. A new field of ServiceRecord: add it to
// record.proto, to both functions, and to SampleRecord() in record_test.cc; until then neither
// compiles.
namespace gitops {

// Sets the fields of `record` in `stored`, and leaves all others as they are.
void EncodeRecord(const ServiceRecord& record, record::v1::ServiceRecord& stored);
// DATA_LOSS: a state that is not known.
absl::StatusOr<ServiceRecord> DecodeRecord(const record::v1::ServiceRecord& stored);

record::v1::ChangeRecord EncodeChange(const ChangeRecord& change);
absl::StatusOr<ChangeRecord> DecodeChange(const record::v1::ChangeRecord& stored);

}  // namespace gitops

#endif  // GITOPS_AGENT_RECORD_CODEC_H_
