#ifndef GITOPS_SERVICES_PLANNER_RPC_FINGERPRINT_H_
#define GITOPS_SERVICES_PLANNER_RPC_FINGERPRINT_H_

#include <cstddef>
#include <functional>
#include <string>

#include "google/protobuf/message_lite.h"

namespace gitops {

// Tells a message from what a watcher was told before, within one process.
inline size_t Fingerprint(const google::protobuf::MessageLite& message) {
  return std::hash<std::string>()(message.SerializeAsString());
}

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_FINGERPRINT_H_
