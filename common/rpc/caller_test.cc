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

}  // namespace
}  // namespace gitops
