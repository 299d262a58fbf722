#include "common/rpc/actor.h"

#include <gtest/gtest.h>

#include <string>

#include "gitops/record/v1/deployment.pb.h"
#include "gitops/v1/deployment.pb.h"

namespace gitops {
namespace {

Principal Planner() { return MakePrincipal("the planner", "alice@laptop", "ipv4:192.0.2.1:4711"); }

template <typename Message>
Message Written(const Actor& actor) {
  Message message;
  WriteActor(actor, message);
  return message;
}

TEST(ActorTest, TextIsRenderedFromThePrincipal) {
  const Actor actor = Planner();
  EXPECT_EQ(actor.text(), PrincipalText(Planner()));
  EXPECT_EQ(actor.principal(), Planner());
  const Actor agent = "agent";
  EXPECT_EQ(agent.text(), "agent");
  EXPECT_EQ(agent.principal(), std::nullopt);
  EXPECT_NE(Actor(PrincipalText(Planner())), actor);
}

TEST(ActorTest, EveryPrincipalComesBackFromApiAndRecord) {
  using Kind = Principal::Kind;
  using Authentication = Principal::Authentication;
  for (const Kind kind : {Kind::kUser, Kind::kAgent, Kind::kServer}) {
    for (const Authentication authentication :
         {Authentication::kNone, Authentication::kUnixSocket, Authentication::kTls}) {
      Principal principal = Planner();
      principal.kind = kind;
      principal.authentication = authentication;
      if (authentication == Authentication::kUnixSocket) principal.uid = 1000;
      if (kind == Kind::kServer) principal.on_behalf_of_role = Role::kApprover;
      EXPECT_EQ(ReadActor(Written<v1::HostLock>(principal)), Actor(principal));
      EXPECT_EQ(ReadActor(Written<record::v1::DeploymentEvent>(principal)), Actor(principal));
    }
  }
}

TEST(ActorTest, FieldsOfTheMessageHaveTheMeaningOfTheirNames) {
  const auto lock = Written<v1::HostLock>(Planner());
  EXPECT_EQ(lock.actor(), "alice@laptop through the planner (ipv4:192.0.2.1, not authenticated)");
  EXPECT_EQ(lock.principal().kind(), v1::Principal::KIND_SERVER);
  EXPECT_EQ(lock.principal().name(), "the planner");
  EXPECT_EQ(lock.principal().authentication(), v1::Principal::AUTHENTICATION_NONE);
  EXPECT_EQ(lock.principal().address(), "ipv4:192.0.2.1");
  EXPECT_EQ(lock.principal().on_behalf_of(), "alice@laptop");
  const auto local = Written<record::v1::DeploymentEvent>(MakePrincipal("bob", "", "unix:"));
  EXPECT_EQ(local.principal().kind(), record::v1::Principal::KIND_USER);
  EXPECT_EQ(local.principal().authentication(), record::v1::Principal::AUTHENTICATION_UNIX_SOCKET);
}

TEST(ActorTest, TextWithoutPrincipalStaysAsItIs) {
  v1::DeploymentEvent event = Written<v1::DeploymentEvent>(Planner());
  WriteActor("agent", event);
  EXPECT_FALSE(event.has_principal());
  EXPECT_EQ(ReadActor(event), Actor("agent"));
  EXPECT_EQ(ReadActor(v1::DeploymentEvent()), Actor());
}

TEST(ActorTest, PrincipalFromWhichTheTextIsNotRenderedIsIgnored) {
  v1::DeploymentEvent event = Written<v1::DeploymentEvent>(Planner());
  event.set_actor("bob (unix, not authenticated)");
  EXPECT_EQ(ReadActor(event), Actor("bob (unix, not authenticated)"));
  event.clear_actor();
  EXPECT_EQ(ReadActor(event), Actor());
}

}  // namespace
}  // namespace gitops
