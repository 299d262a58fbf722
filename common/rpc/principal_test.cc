#include "common/rpc/principal.h"

#include <gtest/gtest.h>

#include <string>

namespace gitops {
namespace {

std::string Text(const std::string& user, const std::string& peer) {
  return PrincipalText(MakePrincipal(user, "", peer));
}

TEST(PrincipalTest, TextShowsNameAndAddressAndThatNothingProvesThem) {
  struct Case {
    std::string user, peer, text;
  };
  for (const Case& c : {
           Case{"alice@laptop", "ipv4:127.0.0.1:4711",
                "alice@laptop (ipv4:127.0.0.1, not authenticated)"},
           Case{"alice", "ipv6:%5B::1%5D:4711", "alice (ipv6:::1, not authenticated)"},
           Case{"alice", "ipv6:[::1]:4711", "alice (ipv6:::1, not authenticated)"},
           Case{"alice", "unix:", "alice (unix, not authenticated)"},
           Case{"alice", "unix:/run/agent.sock", "alice (unix, not authenticated)"},
           Case{"", "ipv4:10.0.0.7:1", "unnamed (ipv4:10.0.0.7, not authenticated)"},
           Case{" \t ", "unix:", "unnamed (unix, not authenticated)"},
           Case{"a\x1b[31m\nb\xC3\xA9", "unix:", "a[31mb (unix, not authenticated)"},
           Case{"root (tls, authenticated)",
                "unix:", "root tls, authenticated (unix, not authenticated)"},
           Case{std::string(500, 'x'),
                "unix:", std::string(100, 'x') + " (unix, not authenticated)"},
       }) {
    EXPECT_EQ(Text(c.user, c.peer), c.text);
  }
}

TEST(PrincipalTest, TheAccountOfTheUnixSocketIsShownInsteadOfWhatItClaims) {
  EXPECT_EQ(PrincipalText(LocalPrincipal("mallory", "", 0, "root")), "root");
  EXPECT_EQ(PrincipalText(LocalPrincipal("mallory", "", 1000, "alice")), "alice (uid 1000)");
  EXPECT_EQ(PrincipalText(LocalPrincipal("mallory", "", 1001, "")), "unnamed (uid 1001)");
  EXPECT_EQ(PrincipalText(LocalPrincipal("the planner", "bob", 0, "root")),
            "bob through the planner as root");
  EXPECT_EQ(PrincipalText(LocalPrincipal("the planner", "bob", 998, "gitops-planner")),
            "bob through the planner as gitops-planner (uid 998)");
  const std::string longest(500, 'x');
  EXPECT_LE(PrincipalText(LocalPrincipal(longest, longest, 4'294'967'294, longest)).size(), 200u);
}

TEST(PrincipalTest, TheRoleOfAPersonIsShownBesideThem) {
  Principal principal = MakePrincipal("the gateway", "alice", "ipv4:192.0.2.1:1");
  principal.on_behalf_of_role = Role::kOperator;
  EXPECT_EQ(PrincipalText(principal),
            "alice (operator) through the gateway (ipv4:192.0.2.1, not authenticated)");
}

TEST(PrincipalTest, ServerNamesTheCallerForWhomItCalls) {
  EXPECT_EQ(OnBehalfOfText(MakePrincipal("alice@laptop", "", "unix:")), "alice@laptop");
  EXPECT_EQ(OnBehalfOfText(MakePrincipal("alice@laptop", "", "ipv4:192.0.2.7:4711")),
            "alice@laptop from ipv4:192.0.2.7");
  EXPECT_EQ(OnBehalfOfText(MakePrincipal("", "", "ipv6:[::1]:1")), "unnamed from ipv6:::1");
  const Principal planner = MakePrincipal("the planner", "alice@laptop", "unix:");
  EXPECT_EQ(planner.kind, Principal::Kind::kServer);
  EXPECT_EQ(PrincipalText(planner), "alice@laptop through the planner (unix, not authenticated)");
}

TEST(PrincipalTest, LongestNameLeavesRoomForTheRestOfTheText) {
  const std::string peer = "ipv6:%5B2001:db8:1111:2222:3333:4444:5555:6666%5D:4711";
  const std::string user(500, 'x');
  const std::string forwarded = OnBehalfOfText(MakePrincipal(user, "", peer));
  EXPECT_EQ(forwarded, std::string(27, 'x') + " from ipv6:2001:db8:1111:2222:3333:4444:5555:6666");
  const std::string text = PrincipalText(MakePrincipal("the planner", forwarded, peer));
  EXPECT_EQ(text, forwarded +
                      " through the planner (ipv6:2001:db8:1111:2222:3333:4444:5555:6666, not "
                      "authenticated)");
  EXPECT_LE(PrincipalText(MakePrincipal(user, user, "ipv4:" + user)).size(), 200u);
}

TEST(PrincipalTest, KeyTellsPrincipalsApartButNotTheirAddresses) {
  const std::string alice = PrincipalKey(MakePrincipal("alice", "", "ipv4:10.0.0.7:1"));
  EXPECT_EQ(PrincipalKey(MakePrincipal("alice", "", "ipv4:10.0.0.8:2")), alice);
  for (const Principal& other :
       {MakePrincipal("bob", "", "ipv4:10.0.0.7:1"), MakePrincipal("alice", "", "unix:"),
        MakePrincipal("alice", "bob", "ipv4:10.0.0.7:1"),
        MakePrincipal("the planner", "alice", "ipv4:10.0.0.7:1"),
        LocalPrincipal("", "", 1000, "alice")}) {
    EXPECT_NE(PrincipalKey(other), alice);
  }
}

TEST(PrincipalTest, UnixSocketIsToldFromTheNetwork) {
  EXPECT_EQ(MakePrincipal("alice", "", "unix:").authentication,
            Principal::Authentication::kUnixSocket);
  EXPECT_EQ(MakePrincipal("alice", "", "ipv4:10.0.0.7:1").authentication,
            Principal::Authentication::kNone);
  // A proven name is shown without the warning.
  Principal proven = MakePrincipal("web1", "", "ipv4:10.0.0.7:1");
  proven.authentication = Principal::Authentication::kTls;
  EXPECT_EQ(PrincipalText(proven), "web1 (ipv4:10.0.0.7)");
}

}  // namespace
}  // namespace gitops
