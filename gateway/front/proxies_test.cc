#include "gateway/front/proxies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gitops {
namespace {

using ::testing::HasSubstr;

HttpServerRequest From(const std::string& peer, const std::string& forwarded = "") {
  HttpServerRequest request;
  request.peer.address = peer;
  if (!forwarded.empty()) request.headers.emplace_back("X-Forwarded-For", forwarded);
  return request;
}

TEST(TrustedProxiesTest, OthersCannotClaimAnAddress) {
  EXPECT_EQ(TrustedProxies().ClientAddress(From("192.0.2.1", "10.9.9.9")), "192.0.2.1");
}

TEST(TrustedProxiesTest, TheLastAddressThatIsNoProxyIsTheClient) {
  const auto proxies = TrustedProxies::Parse({"10.0.0.0/8", "fd00::/8", "::1"});
  ASSERT_TRUE(proxies.ok()) << proxies.status();
  const auto client = [&](const std::string& peer, const std::string& forwarded) {
    return proxies->ClientAddress(From(peer, forwarded));
  };
  EXPECT_EQ(client("10.0.0.1", "1.1.1.1, 203.0.113.7, 10.0.0.2"), "203.0.113.7");
  EXPECT_EQ(client("fd00::1", "2001:db8::5"), "2001:db8::5");
  EXPECT_EQ(client("::1", "[2001:db8::5]:4711"), "2001:db8::5");
  EXPECT_EQ(client("::1", "198.51.100.3:80"), "198.51.100.3");
  EXPECT_EQ(client("192.0.2.1", "203.0.113.7"), "192.0.2.1");
  EXPECT_EQ(client("10.0.0.1", ""), "10.0.0.1");
  // What stands before a malformed entry is not believed.
  EXPECT_EQ(client("10.0.0.1", "203.0.113.7, unknown"), "10.0.0.1");
  EXPECT_EQ(client("10.0.0.1", "203.0.113.7, evil, 10.0.0.9"), "10.0.0.9");
}

TEST(TrustedProxiesTest, ABadNetworkIsNamed) {
  for (const char* bad : {"10.0.0.0/33", "proxy.example", "fd00::/x", ""}) {
    const auto proxies = TrustedProxies::Parse({bad});
    ASSERT_FALSE(proxies.ok()) << bad;
    EXPECT_THAT(std::string(proxies.status().message()), HasSubstr(bad));
  }
}

}  // namespace
}  // namespace gitops
