#include "common/rpc/grants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "common/log/log.h"
#include "common/path/temporary_directory.h"
#include "common/testing/eventually.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

constexpr char kFile[] = R"(
[[grants]]
subject = "alice"
role = "operator"
on = ["web*"]
tagged = ["prod"]
actions = ["sync", "freeze"]

[[grants]]
subject = "alice"
role = "operator"
on = ["db1"]

[[grants]]
subject = "bob"
role = "viewer"

[[grants]]
group = "root"
role = "operator"
actions = ["freeze"]

[[grants]]
token = "ci"
role = "operator"
on = ["stage*"]
)";

Principal Certified(const std::string& name, Role role = Role::kOperator) {
  return ProvenPrincipal({.role = role, .name = name}, "", "ipv4:192.0.2.1:1");
}

absl::Status Check(const Principal& caller, const std::string& host, const std::string& action,
                   std::vector<std::string> tags = {"prod"}) {
  auto grants = Grants::Parse(kFile, "grants.toml");
  if (!grants.ok()) return grants.status();
  const CallerGrants own(std::make_shared<const Grants>(*std::move(grants)), caller);
  return own.Check(Role::kOperator, {.host = host, .tags = tags, .actions = {action}});
}

TEST(GrantsTest, SomebodyWithGrantsMayDoWhatOneOfThemAllowsAndNothingElse) {
  struct Case {
    const char* why;
    std::string host, action;
    std::vector<std::string> tags;
    bool allowed;
  };
  for (const Case& c : {
           Case{"host, tag and action fit", "web1", "sync", {"prod", "eu"}, true},
           Case{"names are case-insensitive", "WEB1", "sync", {"prod"}, true},
           Case{"another action", "web1", "reboot", {"prod"}, false},
           Case{"another tag", "web1", "sync", {"test"}, false},
           Case{"another host", "mail1", "sync", {"prod"}, false},
           Case{"the second grant has no limit on actions", "db1", "reboot", {}, true},
       }) {
    EXPECT_EQ(Check(Certified("alice"), c.host, c.action, c.tags).ok(), c.allowed) << c.why;
  }
}

TEST(GrantsTest, ARefusalNamesCallerHostActionAndFile) {
  const absl::Status refused = Check(Certified("alice"), "mail1", "sync");
  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(refused.message(),
            "alice (ipv4:192.0.2.1) may not sync on host mail1: no grant of theirs in grants.toml "
            "covers that");
}

TEST(GrantsTest, SomebodyWithoutGrantsIsLimitedByTheirRoleOnly) {
  EXPECT_TRUE(Check(Certified("carol"), "mail1", "reboot").ok());
}

TEST(GrantsTest, AGrantOfALowerRoleAllowsNoChange) {
  EXPECT_FALSE(Check(Certified("bob", Role::kAdmin), "web1", "sync").ok());
}

TEST(GrantsTest, ProgramsAreNoSubjects) {
  EXPECT_TRUE(Check(Certified("bob", Role::kPlanner), "web1", "sync").ok());
}

TEST(GrantsTest, AnAccountIsFoundByItsNameAndByItsGroups) {
  Principal local = LocalPrincipal("", "", 1000, "alice");
  EXPECT_FALSE(Check(local, "mail1", "sync").ok());
  local = LocalPrincipal("alice", "", 1001, "dave");
  EXPECT_TRUE(Check(local, "mail1", "sync").ok()) << "what it claims is no name of it";
  local.groups = {0};
  EXPECT_FALSE(Check(local, "mail1", "sync").ok());
  EXPECT_TRUE(Check(local, "mail1", "freeze").ok());
}

TEST(GrantsTest, AServerThatPassesAPersonOnIsHeldToThePersonsGrantsAndToItsAccounts) {
  const Identity gateway{.role = Role::kGateway, .name = "main"};
  const auto through = [&](const std::string& person) {
    return ProvenPrincipal(gateway, person, "ipv4:192.0.2.1:1");
  };
  EXPECT_TRUE(Check(through("ci from ipv4:192.0.2.7"), "stage1", "sync").ok());
  EXPECT_FALSE(Check(through("ci from ipv4:192.0.2.7"), "web1", "sync").ok());
  EXPECT_TRUE(Check(through("other from ipv4:192.0.2.7"), "web1", "sync").ok());
  // Alice cannot get rid of her limits by calling for somebody else.
  EXPECT_FALSE(Check(LocalPrincipal("x", "carol", 1000, "alice"), "mail1", "sync").ok());
}

TEST(GrantsTest, ANameThatWasCutToFitKeepsItsLimits) {
  const std::string name(64, 'n');
  auto grants =
      Grants::Parse("[[grants]]\ntoken = \"" + name + "\"\nrole = \"viewer\"\n", "g.toml");
  ASSERT_TRUE(grants.ok()) << grants.status();
  const Principal caller =
      MakePrincipal(name, "", "ipv6:[2001:db8:1111:2222:3333:4444:5555:6666]:1");
  const Principal through =
      ProvenPrincipal({.role = Role::kGateway, .name = "main"}, OnBehalfOfText(caller), "unix:");
  const CallerGrants own(std::make_shared<const Grants>(*std::move(grants)), through);
  EXPECT_TRUE(own.limited());
}

TEST(GrantsTest, FaultsNameFileAndLine) {
  struct Case {
    std::string text, told;
  };
  for (const Case& c : {
           Case{"[[grants]]\nsubject = \"a\"\nrole = \"operator\"\nonn = [\"x\"]\n", "g.toml:4"},
           Case{"[[grants]]\nsubject = \"a\"\nrole = \"operater\"\n", "did you mean \"operator\""},
           Case{"[[grants]]\nsubject = \"a\"\n", "role"},
           Case{"[[grants]]\nrole = \"viewer\"\n", "exactly one of subject, group and token"},
           Case{"[[grants]]\nsubject = \"a\"\ntoken = \"b\"\nrole = \"viewer\"\n",
                "exactly one of"},
           Case{"[[grants]]\nsubject = \"a\"\nrole = \"viewer\"\non = []\n", "leave it out"},
           Case{"[[grants]]\nsubject = \"a\"\nrole = \"viewer\"\nactions = [\"snyc\"]\n", "snyc"},
           Case{"[[grant]]\nsubject = \"a\"\n", "did you mean \"grants\""},
       }) {
    const auto grants = Grants::Parse(c.text, "g.toml");
    EXPECT_EQ(grants.status().code(), absl::StatusCode::kInvalidArgument) << c.text;
    EXPECT_THAT(std::string(grants.status().message()), HasSubstr(c.told));
  }
}

TEST(GrantFileTest, AChangeIsTakenUpAndABadFileLeavesTheFormerInForce) {
  const TemporaryDirectory directory;
  directory.Write("g.toml", "[[grants]]\nsubject = \"alice\"\nrole = \"viewer\"\n");
  const auto scheduler = NewScheduler(Clock::System(), 1);
  const auto file = GrantFile::Open(directory / "g.toml", Clock::System(), scheduler.get());
  ASSERT_TRUE(file.ok()) << file.status();
  const auto limited = [&](const std::string& name) {
    return (*file)->Of(Certified(name)).limited();
  };
  EXPECT_TRUE(limited("alice"));
  directory.Write("g.toml", "[[grants]]\nsubject = \"bob\"\nrole = \"viewer\"\n");
  (*file)->Reload();
  EXPECT_TRUE(Eventually([&] { return limited("bob"); }));
  EXPECT_FALSE(limited("alice"));
  directory.Write("g.toml", "[[grants]]\nsubject = 7\n");
  (*file)->Reload();
  EXPECT_TRUE(Eventually([] {
    for (const std::string& line : RecentLogLines()) {
      if (absl::StrContains(line, "the new file of grants is invalid")) return true;
    }
    return false;
  }));
  EXPECT_TRUE(limited("bob"));
}

TEST(GrantFileTest, AMissingFileIsAnErrorAndNoFileIsNoLimit) {
  const auto scheduler = NewScheduler(Clock::System(), 1);
  EXPECT_FALSE(GrantFile::Open("/no/such", Clock::System(), scheduler.get()).ok());
  const auto none = GrantFile::Open("", Clock::System(), scheduler.get());
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE((*none)->Of(Certified("alice")).limited());
}

}  // namespace
}  // namespace gitops
