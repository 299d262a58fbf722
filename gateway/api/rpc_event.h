#ifndef GITOPS_GATEWAY_API_RPC_EVENT_H_
#define GITOPS_GATEWAY_API_RPC_EVENT_H_

#include <google/protobuf/message.h>

#include "absl/status/statusor.h"
#include "gateway/api/stream_answer.h"

namespace gitops {

// A message of a stream as an event, without a name: its id is the message's `resume_token`, if it
// has one. Errors are those of ToJson.
absl::StatusOr<StreamEvent> EventOf(const google::protobuf::Message& message);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_API_RPC_EVENT_H_
