#include "services/planner/fleet/reported.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/rpc/actor.h"

namespace gitops {
namespace {

using testing::HasSubstr;

TEST(CheckNamesTest, WhatIsNoHostNameIsRefused) {
  v1::Hello hello;
  EXPECT_THAT(std::string(CheckNames(hello).message()), HasSubstr("names no host"));
  hello.add_names("web1.example");
  EXPECT_TRUE(CheckNames(hello).ok());
  for (const std::string& bad :
       {std::string(""), std::string("a/b"), std::string("../x"), std::string("a\x1b[2J"),
        std::string("caf\xC3\xA9"), std::string(254, 'a')}) {
    v1::Hello with = hello;
    with.add_names(bad);
    const absl::Status refused = CheckNames(with);
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << bad;
    EXPECT_EQ(refused.message().find('\x1b'), absl::string_view::npos);
  }
  for (int i = 0; i < 64; ++i) hello.add_names(absl::StrCat("web", i));
  EXPECT_THAT(std::string(CheckNames(hello).message()), HasSubstr("65 names"));
}

TEST(CleanTextTest, ControlsGoAndALongTextIsCutBetweenCharacters) {
  EXPECT_EQ(CleanText("a\x1b[31mb\x07\x7f", 100), "a [31mb  ");
  EXPECT_EQ(CleanText("line\n\ttab", 100), "line\n\ttab");
  EXPECT_EQ(CleanText("caf\xC3\xA9!", 4), "caf");
  EXPECT_EQ(CleanText("caf\xC3\xA9!", 5), "caf\xC3\xA9");
}

TEST(CleanServiceTest, WhatGetServiceFillsIsLeftOutAndTextsAreBounded) {
  v1::Service service;
  service.set_service("nginx");
  service.set_state_info(std::string(10'000, 'x') + "\x1b");
  service.add_revisions("r");
  service.add_changes()->set_reason("why");
  for (int i = 0; i < 1000; ++i) service.add_directories()->set_local("/etc/a\x01");
  const auto clean = CleanService(service);
  ASSERT_TRUE(clean.has_value());
  EXPECT_EQ(clean->state_info().size(), 4096u);
  EXPECT_EQ(clean->revisions_size() + clean->changes_size(), 0);
  EXPECT_EQ(clean->directories_size(), 256);
  EXPECT_EQ(clean->directories(0).local(), "/etc/a ");
  service.set_service("a/b");
  EXPECT_FALSE(CleanService(service).has_value());
}

TEST(CleanServiceTest, WhoFrozeItIsKeptWhereItAgreesWithACleanText) {
  v1::Service service;
  service.set_service("nginx");
  const Principal alice = MakePrincipal("alice", "", "unix:");
  service.set_frozen_by(PrincipalText(alice));
  WritePrincipal(alice, *service.mutable_frozen_by_principal());
  EXPECT_EQ(CleanService(service)->frozen_by_principal().name(), "alice");
  service.mutable_frozen_by_principal()->set_name("alice\x1b");
  service.set_frozen_by("alice\x1b (unix, not authenticated)");
  EXPECT_FALSE(CleanService(service)->has_frozen_by_principal());
  EXPECT_EQ(CleanService(service)->frozen_by(), "alice  (unix, not authenticated)");
}

TEST(CleanServicesTest, AreGroupedByHostWithoutRegardToCase) {
  v1::Hello hello;
  for (const auto& [host, name] : std::vector<std::pair<std::string, std::string>>{
           {"Web1", "nginx"}, {"web1", "db"}, {"canary", "x"}, {"", "y"}, {"a/b", "z"}}) {
    v1::Service* service = hello.add_services();
    service->set_host(host);
    service->set_service(name);
  }
  const ServicesByHost by_host = CleanServices(hello.services());
  ASSERT_EQ(by_host.size(), 2u);
  EXPECT_EQ(by_host.at("web1").size(), 2u);
  EXPECT_EQ(by_host.at("canary").size(), 1u);
}

TEST(DialAddressTest, WhatTheAgentSaysAndWhereItSpeaksFrom) {
  struct Case {
    std::string reported, peer, dialled;
  };
  const std::string far = "ipv4:10.0.0.7:41234";
  for (const Case& c : {
           Case{"web1.example:8004", far, "web1.example:8004"},
           Case{"web1.example", far, "web1.example:8004"},
           Case{":9000", far, "10.0.0.7:9000"},
           Case{"0.0.0.0:9000", far, "10.0.0.7:9000"},
           Case{"", far, "10.0.0.7:8004"},
           Case{":9000", "ipv6:%5Bfd00::7%5D:41234", "[fd00::7]:9000"},
           Case{":9000", "ipv6:[fd00::7]:41234", "[fd00::7]:9000"},
           Case{":9000", "unix:", "127.0.0.1:9000"},
           Case{"127.0.0.1:9000", "ipv4:127.0.0.1:5", "127.0.0.1:9000"},
           Case{"unix:/run/a.sock", "ipv4:127.0.0.1:5", "unix:/run/a.sock"},
           // Its own loopback is not ours: another agent may be there.
           Case{"127.0.0.1:9000", far, "10.0.0.7:9000"},
           Case{"localhost:9000", far, "10.0.0.7:9000"},
           Case{"unix:/run/a.sock", far, "10.0.0.7:8004"},
           Case{"web1:0", far, ""},
           Case{"http://web1", far, ""},
           Case{"[::1", far, ""},
       }) {
    EXPECT_EQ(DialAddress(c.reported, c.peer), c.dialled) << c.reported << " from " << c.peer;
  }
}

}  // namespace
}  // namespace gitops
