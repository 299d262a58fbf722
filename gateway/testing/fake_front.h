#ifndef GITOPS_GATEWAY_TESTING_FAKE_FRONT_H_
#define GITOPS_GATEWAY_TESTING_FAKE_FRONT_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "gateway/front/front.h"

namespace gitops {

// A Front without tokens and limits. The header X-Role (viewer, operator, approver, admin) gives
// the caller's role; without it the caller has no token. Refuses as the real one does, with an
// empty body.
class FakeFront final : public Front {
 public:
  HttpHandler Guard(Access access, CallerHandler handler) override {
    return [access, handler = std::move(handler)](std::unique_ptr<HttpExchange> exchange) {
      GatewayCaller caller;
      caller.address = "192.0.2.7";
      caller.role = RoleOf(exchange->request().Header("X-Role"));
      if (caller.role.has_value()) caller.name = "alice";
      caller.acts_as = caller.role;
      if (access != Access::kOpen && !caller.role.has_value()) {
        return exchange->Respond({.status = 401});
      }
      if (!Allows(access, caller.role)) return exchange->Respond({.status = 403});
      handler(caller, std::move(exchange));
    };
  }

  void Refused(const GatewayCaller&, const HttpServerRequest&, const absl::Status&) override {}

 private:
  static std::optional<Role> RoleOf(const std::string& name) {
    if (name == "viewer") return Role::kViewer;
    if (name == "operator") return Role::kOperator;
    if (name == "approver") return Role::kApprover;
    if (name == "admin") return Role::kAdmin;
    return std::nullopt;
  }

  static bool Allows(Access access, std::optional<Role> role) {
    switch (access) {
      case Access::kOperator:
      case Access::kGitopperWrite:
        return role == Role::kOperator || role == Role::kAdmin;
      case Access::kApprover:
        return role == Role::kApprover || role == Role::kAdmin;
      case Access::kAdmin:
        return role == Role::kAdmin;
      default:
        return true;
    }
  }
};

}  // namespace gitops

#endif  // GITOPS_GATEWAY_TESTING_FAKE_FRONT_H_
