#include "common/rpc/channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gitops {
namespace {

using ::testing::HasSubstr;

TEST(ChannelTest, PlainTextToAnotherMachineNeedsInsecure) {
  const auto refused = Dial({.address = "web1.example:8004"});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("web1.example:8004"));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("--insecure"));
  EXPECT_TRUE(Dial({.address = "web1.example:8004", .insecure = true}).ok());
}

TEST(ChannelTest, ThisMachineIsDialledInPlainText) {
  for (const char* address : {"127.0.0.1:1", "[::1]:1", "localhost:1", "unix:/run/x.sock"}) {
    EXPECT_TRUE(Dial({.address = address}).ok()) << address;
  }
  EXPECT_TRUE(Dial({.address = "localhost", .default_port = 8004}).ok());
}

TEST(ChannelTest, BadAddressesAreRefused) {
  for (const char* address : {"", "localhost", ":8004", "localhost:0", "http://localhost:1"}) {
    EXPECT_EQ(Dial({.address = address}).status().code(), absl::StatusCode::kInvalidArgument)
        << address;
  }
}

TEST(ChannelTest, FilesForTlsThatAreMissingAreNamedAndASocketNeedsNone) {
  const ServerIdentity planner{.role = Role::kPlanner, .name = ""};
  const auto channel = Dial({.address = "localhost:1", .tls_dir = "/no/such", .server = planner});
  EXPECT_EQ(channel.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(channel.status().message()),
              HasSubstr("--tls-dir: cannot open /no/such/ca.crt"));
  EXPECT_TRUE(Dial({.address = "unix:/no/socket", .tls_dir = "/no/such"}).ok());
}

TEST(ChannelTest, LocalAddressesAreToldFromOthers) {
  EXPECT_TRUE(IsLocalAddress("localhost"));
  EXPECT_TRUE(IsLocalAddress("[::1]"));
  EXPECT_TRUE(IsLocalAddress("unix:/run/x.sock"));
  EXPECT_FALSE(IsLocalAddress("web1"));
  EXPECT_FALSE(IsLocalAddress("not an address"));
}

}  // namespace
}  // namespace gitops
