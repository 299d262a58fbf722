#ifndef GITOPS_COMMON_RPC_USER_METADATA_H_
#define GITOPS_COMMON_RPC_USER_METADATA_H_

namespace gitops {

// The metadata in which clients say on whose behalf they call.
inline constexpr char kUserMetadata[] = "gitops-user";

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_USER_METADATA_H_
