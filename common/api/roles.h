#ifndef GITOPS_COMMON_API_ROLES_H_
#define GITOPS_COMMON_API_ROLES_H_

#include <google/protobuf/descriptor.h>

#include <initializer_list>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/tls/identity.h"

namespace gitops {

// Who may call an RPC: people from a role on, and programs of the suite on their own account.
struct RpcRoles {
  absl::string_view method;  // "PlannerService.CreatePlan"
  Role person;               // viewer, operator, approver or admin, who may do everything
  absl::Span<const Role> programs;
};

// The row of an RPC; null: the table has none, and nobody may call it.
const RpcRoles* RolesOf(const google::protobuf::MethodDescriptor& method);
// The same for the type of its request; each RPC has its own.
const RpcRoles* RolesOfRequest(const google::protobuf::Descriptor& request);

// Whether the roles are one of a person.
bool IsPerson(Role role);
// Whether a person with `role` may do what `required` may do: each role may do what those before it
// may, but an approver is no operator. False for a program's role.
bool Includes(Role role, Role required);

// PERMISSION_DENIED says which roles may; `who` is for the message.
absl::Status CheckRole(Role role, absl::string_view who,
                       const google::protobuf::Descriptor& request);

}  // namespace gitops

#endif  // GITOPS_COMMON_API_ROLES_H_
