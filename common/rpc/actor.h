#ifndef GITOPS_COMMON_RPC_ACTOR_H_
#define GITOPS_COMMON_RPC_ACTOR_H_

#include <optional>
#include <string>
#include <utility>

#include "common/rpc/principal.h"

namespace gitops {

// Who did something, for records: a principal, and the text rendered from it. There is only a text
// if no principal did it (a program by itself; empty: nobody), or if the principal was not stored.
// Conversions are implicit: a caller is an actor, and so is a name.
class Actor {
 public:
  Actor() = default;
  Actor(Principal principal) : text_(PrincipalText(principal)), principal_(std::move(principal)) {
    principal_->role.reset();  // which is not stored, nor are these
    principal_->account.clear();
    principal_->groups.clear();
  }
  Actor(std::string text) : text_(std::move(text)) {}
  Actor(const char* text) : text_(text) {}

  const std::string& text() const { return text_; }
  const std::optional<Principal>& principal() const { return principal_; }

  bool operator==(const Actor&) const = default;

 private:
  std::string text_;
  std::optional<Principal> principal_;
};

// To and from gitops.v1.Principal and gitops.record.v1.Principal, whose enums begin with
// UNSPECIFIED.
template <typename Message>
void WritePrincipal(const Principal& principal, Message& message) {
  message.set_kind(static_cast<typename Message::Kind>(static_cast<int>(principal.kind) + 1));
  message.set_name(principal.name);
  message.set_authentication(static_cast<typename Message::Authentication>(
      static_cast<int>(principal.authentication) + 1));
  message.set_address(principal.address);
  message.set_on_behalf_of(principal.on_behalf_of);
  if (principal.on_behalf_of_role.has_value()) {
    message.set_on_behalf_of_role(std::string(RoleName(*principal.on_behalf_of_role)));
  }
  if (principal.uid.has_value()) message.set_uid(*principal.uid);
}

// The actor with this text. `principal` counts only if the text is rendered from it: versions that
// know no principals change only the text of a record.
template <typename Message>
Actor MakeActor(const std::string& text, const Message& principal) {
  if (principal.kind() == 0 || principal.authentication() == 0) return text;
  Actor actor(Principal{
      .kind = static_cast<Principal::Kind>(principal.kind() - 1),
      .name = principal.name(),
      .authentication = static_cast<Principal::Authentication>(principal.authentication() - 1),
      .address = principal.address(),
      .on_behalf_of = principal.on_behalf_of(),
      .on_behalf_of_role = ParseRole(principal.on_behalf_of_role()),
      .uid = principal.has_uid() ? std::optional(principal.uid()) : std::nullopt});
  return actor.text() == text ? actor : Actor(text);
}

// The fields `actor` and `principal` of a message.
template <typename Message>
void WriteActor(const Actor& actor, Message& message) {
  message.set_actor(actor.text());
  message.clear_principal();
  if (actor.principal()) WritePrincipal(*actor.principal(), *message.mutable_principal());
}
template <typename Message>
Actor ReadActor(const Message& message) {
  return MakeActor(message.actor(), message.principal());
}

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_ACTOR_H_
