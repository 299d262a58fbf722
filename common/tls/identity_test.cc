#include "common/tls/identity.h"

#include <gtest/gtest.h>

#include <string>

namespace gitops {
namespace {

TEST(Identity, EveryRoleReadsBackFromItsUri) {
  for (const Role role : kAllRoles) {
    const Identity identity{role, "web1.example"};
    const absl::StatusOr<Identity> read = ParseIdentityUri(IdentityUri(identity));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, identity);
  }
}

TEST(Identity, UriHasTheRoleAsPeopleWriteIt) {
  EXPECT_EQ(IdentityUri({Role::kHookDispatcher, "hooks"}), "gitops://hook-dispatcher/hooks");
  EXPECT_EQ(IdentityText({Role::kAdmin, "alice@example.com"}), "admin/alice@example.com");
}

TEST(Identity, EachIdentityHasOneSpelling) {
  for (const std::string uri : {
           "",
           "gitops://",
           "gitops://agent",
           "gitops://agent/",
           "gitops:///web1",
           "gitops:agent/web1",
           "GITOPS://agent/web1",
           "gitops://Agent/web1",
           "gitops://agent/web1/",
           "gitops://agent/web1/x",
           "gitops://agent/../admin",
           "gitops://agent/..",
           "gitops://root@agent/web1",
           "gitops://agent:8004/web1",
           "gitops://agent./web1",
           "gitops://agent/web1?role=admin",
           "gitops://agent/web1#x",
           "gitops://agent/web%31",
           "gitops://agent/web*",
           "gitops://*/web1",
           "gitops://agent/web 1",
           "gitops://agent/web1\n",
           "gitops://agent/w\xc3\xa9"
           "b",
           "https://agent/web1",
           " gitops://agent/web1",
       }) {
    EXPECT_EQ(ParseIdentityUri(uri).status().code(), absl::StatusCode::kInvalidArgument) << uri;
  }
  EXPECT_FALSE(ParseIdentityUri(std::string("gitops://agent/web1\0x", 21)).ok());
}

TEST(Identity, NameHasAtMost200Bytes) {
  EXPECT_TRUE(ParseIdentityUri("gitops://agent/" + std::string(200, 'a')).ok());
  EXPECT_FALSE(ParseIdentityUri("gitops://agent/" + std::string(201, 'a')).ok());
}

TEST(Identity, UnknownRoleIsAnErrorThatNamesTheRoles) {
  EXPECT_EQ(
      ParseIdentity("root/alice").status().message(),
      "\"root\" is not a role; roles are agent, planner, hook-dispatcher, promotion-receiver, "
      "gateway, viewer, operator, approver, admin");
}

TEST(Identity, WhatAnErrorShowsOfAUriIsPrintableAndShort) {
  const std::string message(
      ParseIdentityUri("gitops://\x1b[31m" + std::string(10'000, 'x')).status().message());
  EXPECT_LT(message.size(), 1000u);
  EXPECT_EQ(message.find('\x1b'), std::string::npos) << message;
}

}  // namespace
}  // namespace gitops
