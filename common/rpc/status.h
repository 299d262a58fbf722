#ifndef GITOPS_COMMON_RPC_STATUS_H_
#define GITOPS_COMMON_RPC_STATUS_H_

#include <grpcpp/support/status.h>

#include <cstddef>

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"

namespace gitops {

// gRPC peers refuse a call whose headers take more than 8 KiB, and the caller then sees another
// error than the server's. A message takes at most this much in its header, percent-encoded; longer
// ones are cut.
inline constexpr size_t kMaxEncodedMessage = 1500;
// What the details of an error take at most, as a serialized google.rpc.Status (in the header 4/3
// of it). It holds the code and message too.
inline constexpr size_t kMaxErrorDetails = 3 << 10;
// PerformAction alone answers details of up to this size, because what a failed sync moved must not
// be lost; who calls it takes headers of 4/3 of it and more (ChannelOptions::max_metadata_bytes).
inline constexpr size_t kMaxActionDetails = 512 << 10;
// Metadata of ErrorInfo: how many field violations did not fit.
inline constexpr char kViolationsLeftOut[] = "field_violations_left_out";

// The one converter between absl::Status and the errors of gRPC. Code, message and payloads survive
// both ways; an error without ErrorInfo gets the generic reason of its code. Invalid UTF-8 in a
// message is replaced, since gRPC would drop it.
//
// Where an error takes more than `max_details` bytes, field violations are cut (their number is in
// the metadata), and other payloads that do not fit are left out. A limit over kMaxErrorDetails is
// only for methods whose callers take larger headers.
grpc::Status ToGrpcStatus(const absl::Status& status, size_t max_details = kMaxErrorDetails);
// Details that are no google.rpc.Status of the same code are dropped.
absl::Status FromGrpcStatus(const grpc::Status& status);

// The same as a message, for what is stored or answered inside another message.
google::rpc::Status ToStatusProto(const absl::Status& status, size_t max_bytes = kMaxErrorDetails);
absl::Status FromStatusProto(const google::rpc::Status& status);

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_STATUS_H_
