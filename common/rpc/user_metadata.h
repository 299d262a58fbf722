#ifndef GITOPS_COMMON_RPC_USER_METADATA_H_
#define GITOPS_COMMON_RPC_USER_METADATA_H_

namespace gitops {

// Metadata keys of calls. The caller: "alice@laptop", "the planner".
inline constexpr char kUserMetadata[] = "gitops-user";
// The principal for whom a server calls (OnBehalfOfText); only servers send it.
inline constexpr char kOnBehalfOfMetadata[] = "gitops-on-behalf-of";
// That person's role, "viewer"; only gateways send it. Without it the gateway calls by its own.
inline constexpr char kOnBehalfOfRoleMetadata[] = "gitops-on-behalf-of-role";

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_USER_METADATA_H_
