#ifndef GITOPS_AGENT_RECORD_CODEC_H_
#define GITOPS_AGENT_RECORD_CODEC_H_

#include "absl/status/statusor.h"
#include "agent/state/state.h"
#include "gitops/record/v1/record.pb.h"

// Converts between plain values and stored messages. Add a new field of ServiceRecord to
// record.proto, to both functions, and to SampleRecord() in record_test.cc; until then neither
// compiles.
namespace gitops {

// Sets the fields of `record` in `stored`; other fields are unchanged.
void EncodeRecord(const ServiceRecord& record, record::v1::ServiceRecord& stored);
// The state is DIFF where DecodeState fails.
ServiceRecord DecodeRecord(const record::v1::ServiceRecord& stored);
// DATA_LOSS: an unknown state.
absl::StatusOr<State> DecodeState(record::v1::ServiceState stored);

record::v1::ChangeRecord EncodeChange(const ChangeRecord& change);
absl::StatusOr<ChangeRecord> DecodeChange(const record::v1::ChangeRecord& stored);

}  // namespace gitops

#endif  // GITOPS_AGENT_RECORD_CODEC_H_
