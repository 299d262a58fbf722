#include "gateway/api/etag.h"

#include <gtest/gtest.h>

#include "gitops/v1/agent.pb.h"
#include "gitops/v1/planner.pb.h"

namespace gitops {
namespace {

TEST(EtagTest, IsTheVersionOfTheOneResource) {
  v1::GetHostResponse host;
  EXPECT_EQ(EtagOf(host), "");
  host.mutable_host()->set_etag("e1");
  EXPECT_EQ(EtagOf(host), "W/\"e1\"");
  v1::GetServiceResponse service;
  service.mutable_service()->set_generation(7);
  EXPECT_EQ(EtagOf(service), "W/\"7\"");
}

TEST(EtagTest, AListHasNone) {
  v1::ListHostsResponse hosts;
  hosts.add_hosts()->set_etag("e1");
  EXPECT_EQ(EtagOf(hosts), "");
}

TEST(EtagTest, ComparesWeakly) {
  EXPECT_TRUE(EtagMatches("W/\"1\"", "W/\"1\""));
  EXPECT_TRUE(EtagMatches("\"0\", \"1\"", "W/\"1\""));
  EXPECT_TRUE(EtagMatches("*", "W/\"1\""));
  EXPECT_FALSE(EtagMatches("\"2\"", "W/\"1\""));
  EXPECT_FALSE(EtagMatches("", "W/\"1\""));
  EXPECT_FALSE(EtagMatches("*", ""));
}

}  // namespace
}  // namespace gitops
