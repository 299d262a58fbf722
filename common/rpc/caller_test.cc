#include "common/rpc/caller.h"

#include <gtest/gtest.h>

#include <string>

namespace gitops {
namespace {

TEST(CallerTest, NameAndPeerAreShownAndNothingIsClaimed) {
  struct Case {
    std::string user, peer, caller;
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
    EXPECT_EQ(FormatCaller(c.user, c.peer), c.caller);
  }
}

TEST(CallerTest, ForwardedNameSaysFromWhereAndLeavesTheRestToTheNextServer) {
  EXPECT_EQ(FormatForwardedCaller("alice@laptop", "unix:"), "alice@laptop");
  EXPECT_EQ(FormatForwardedCaller("alice@laptop", "ipv4:192.0.2.7:4711"),
            "alice@laptop from ipv4:192.0.2.7");
  EXPECT_EQ(FormatForwardedCaller("", "ipv6:[::1]:1"), "unnamed from ipv6:::1");
  // Told on, its end is still there.
  const std::string told = FormatForwardedCaller(
      std::string(500, 'x'), "ipv6:%5B2001:db8:1111:2222:3333:4444:5555:6666%5D:4711");
  EXPECT_EQ(FormatCaller(told + " through the planner", "unix:"),
            std::string(27, 'x') +
                " from ipv6:2001:db8:1111:2222:3333:4444:5555:6666 through the planner"
                " (unix, not authenticated)");
}

}  // namespace
}  // namespace gitops
