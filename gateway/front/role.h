#ifndef GITOPS_GATEWAY_FRONT_ROLE_H_
#define GITOPS_GATEWAY_FRONT_ROLE_H_

namespace gitops {

// The role of a token. Each includes those before it, but an approver is no operator.
enum class Role { kViewer, kOperator, kApprover, kAdmin };

// Whether a caller with `role` may do what `required` may do.
inline bool Includes(Role role, Role required) {
  return role == required || role == Role::kAdmin || required == Role::kViewer;
}

}  // namespace gitops

#endif  // GITOPS_GATEWAY_FRONT_ROLE_H_
