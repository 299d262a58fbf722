#include "agent/program/nested_places.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace gitops {
namespace {

using testing::AllOf;
using testing::HasSubstr;

ServiceSpec Service(const std::string& name, std::vector<DirectorySpec> directories) {
  ServiceSpec service;
  service.service = name;
  service.directories = std::move(directories);
  return service;
}

ConfigPlace Line(int line) { return {std::make_shared<std::string>("fleet.toml"), line}; }

TEST(NestedPlaces, OfTwoServicesAreRefusedInAnyOrder) {
  std::vector<ServiceSpec> services = {
      Service("outer", {{"/etc/app", "etc", false, Line(3)}}),
      Service("inner",
              {{"/srv/x", "x", false, Line(8)}, {"/etc/app/conf.d/deep", "c", false, Line(9)}})};
  for (int order = 0; order < 2; ++order) {
    const absl::Status status = CheckNestedPlaces(services);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("fleet.toml:9: service \"inner\""), HasSubstr("\"/etc/app\""),
                      HasSubstr("service \"outer\"")));
    std::reverse(services.begin(), services.end());
  }
}

TEST(NestedPlaces, OfOneServiceAndPlacesBesideEachOtherAreAllowed) {
  EXPECT_EQ(CheckNestedPlaces({Service("one", {{"/etc/app/conf.d", "c"}, {"/etc/app", "etc"}}),
                               Service("two", {{"/etc/app2", "etc"}, {"", "watched"}}),
                               Service("three", {{"/etc/app3", "etc", true}})}),
            absl::OkStatus());
}

}  // namespace
}  // namespace gitops
