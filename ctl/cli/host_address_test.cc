#include "ctl/cli/host_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gitops::ctl {
namespace {

using ::testing::HasSubstr;

TEST(HostAddressTest, IsCompletedWithTheAgentsPort) {
  const struct {
    const char* text;
    const char* address;
  } kCases[] = {
      {"web1", "web1:8004"},
      {"web1.example.org:9", "web1.example.org:9"},
      {"192.0.2.7", "192.0.2.7:8004"},
      {"192.0.2.7:65535", "192.0.2.7:65535"},
      {"[2001:db8::1]", "[2001:db8::1]:8004"},
      {"[::1]:81", "[::1]:81"},
      {"::1", "[::1]:8004"},
      {"unix:/run/agent.sock", "unix:/run/agent.sock"},
      {"[fe80::1%eth0]", "[fe80::1%eth0]:8004"},
      {"unix:relative", "unix:relative"},
  };
  for (const auto& c : kCases) {
    const auto address = ParseHostAddress(c.text);
    ASSERT_TRUE(address.ok()) << c.text << ": " << address.status();
    EXPECT_EQ(*address, c.address);
  }
}

TEST(HostAddressTest, SaysWhatIsWrongWithABadOne) {
  const struct {
    const char* text;
    const char* message;
  } kCases[] = {
      {"", "the name is empty"},   {":80", "the name is empty"}, {"web1:", "1 to 65535"},
      {"web1:0", "1 to 65535"},    {"web1:65536", "1 to 65535"}, {"web1:+80", "1 to 65535"},
      {"web1:http", "1 to 65535"}, {"[::1", "no IPv6 address"},  {"[web1]", "no IPv6 address"},
      {"[::1]x", "1 to 65535"},    {"unix:", "no path"},         {"dns:///web1", "1 to 65535"},
      {"a b", "not a name"},       {"web1/x", "not a name"},
  };
  for (const auto& c : kCases) {
    const auto address = ParseHostAddress(c.text);
    ASSERT_FALSE(address.ok()) << c.text << " became " << *address;
    EXPECT_EQ(address.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(address.status().message()), HasSubstr(c.message)) << c.text;
  }
}

}  // namespace
}  // namespace gitops::ctl
