#ifndef GITOPS_COMMON_RPC_STATUS_H_
#define GITOPS_COMMON_RPC_STATUS_H_

#include <grpcpp/support/status.h>

#include <cstddef>

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"

namespace gitops {

// The maximum size of a message in its header, percent-encoded; longer ones are cut. gRPC peers
// refuse a call whose headers exceed 8 KiB, and the caller then sees another error than the
// server's.
inline constexpr size_t kMaxEncodedMessage = 1500;
// The maximum size of the details of an error, as a serialized google.rpc.Status with code and
// message (4/3 of it in the header).
inline constexpr size_t kMaxErrorDetails = 3 << 10;
// The maximum for PerformAction, because the moves of a failed sync must not be lost. Its callers
// accept headers of more than 4/3 of this size (ChannelOptions::max_metadata_bytes).
inline constexpr size_t kMaxActionDetails = 512 << 10;
// Metadata key of ErrorInfo: the number of field violations that did not fit.
inline constexpr char kViolationsLeftOut[] = "field_violations_left_out";

// The one converter between absl::Status and the errors of gRPC. Code, message and payloads survive
// both ways; an error without ErrorInfo gets the generic reason of its code. Invalid UTF-8 in a
// message is replaced, since gRPC would drop it.
//
// If an error takes more than `max_details` bytes, field violations are removed (their number is in
// the metadata), and other payloads that do not fit are left out. A limit over kMaxErrorDetails is
// only for methods whose callers accept larger headers.
grpc::Status ToGrpcStatus(const absl::Status& status, size_t max_details = kMaxErrorDetails);
// Details that are not a google.rpc.Status of the same code are dropped.
absl::Status FromGrpcStatus(const grpc::Status& status);

// The same as a message, to be stored or sent inside another message.
google::rpc::Status ToStatusProto(const absl::Status& status, size_t max_bytes = kMaxErrorDetails);
absl::Status FromStatusProto(const google::rpc::Status& status);

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_STATUS_H_
