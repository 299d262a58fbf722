#ifndef GITOPS_SERVICES_PLANNER_RPC_FINGERPRINT_H_
#define GITOPS_SERVICES_PLANNER_RPC_FINGERPRINT_H_

#include <cstddef>
#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "gitops/v1/deployment.pb.h"
#include "google/protobuf/message_lite.h"

namespace gitops {

// To compare a message with an earlier one, within one process.
inline size_t Fingerprint(const google::protobuf::MessageLite& message) {
  return std::hash<std::string>()(message.SerializeAsString());
}

// For clients, to compare versions of a resource.
inline std::string Etag(const google::protobuf::MessageLite& message) {
  return absl::StrCat(absl::Hex(Fingerprint(message)));
}

// For a deployment without hosts and hook calls.
inline void AddEtag(v1::Deployment& deployment) { deployment.set_etag(Etag(deployment)); }

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_FINGERPRINT_H_
