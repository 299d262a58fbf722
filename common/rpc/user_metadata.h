#ifndef GITOPS_COMMON_RPC_USER_METADATA_H_
#define GITOPS_COMMON_RPC_USER_METADATA_H_

namespace gitops {

// Metadata of calls. Who calls: "alice@laptop", "the planner".
inline constexpr char kUserMetadata[] = "gitops-user";
// For whom a server calls (OnBehalfOfText); not sent by others.
inline constexpr char kOnBehalfOfMetadata[] = "gitops-on-behalf-of";

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_USER_METADATA_H_
