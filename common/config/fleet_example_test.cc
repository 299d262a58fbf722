#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/config/fleet.h"
#include "common/config/fleet_render.h"
#include "common/config/toml.h"

namespace gitops {
namespace {

// As if it were in this directory, so that relative paths are the same.
FleetConfig Load(const std::string& file) {
  const auto text = ReadConfigText(file);
  EXPECT_TRUE(text.ok()) << text.status();
  auto config = ParseFleetConfig(*text, "/etc/gitops/fleet.toml");
  EXPECT_TRUE(config.ok()) << config.status();
  return *std::move(config);
}

std::vector<ServiceSpec> ByName(const FleetConfig& config, const std::string& host) {
  auto services = ServicesOf(config, host);
  EXPECT_TRUE(services.ok()) << services.status();
  std::sort(services->begin(), services->end(),
            [](const ServiceSpec& a, const ServiceSpec& b) { return a.service < b.service; });
  return *std::move(services);
}

TEST(TenHosts, GetWhatTheyGetFromTheFormThatRepeatsEverything) {
  const FleetConfig brief = Load("examples/ten-hosts.toml");
  const FleetConfig full = Load("common/config/testdata/ten_hosts_long.toml");
  EXPECT_EQ(brief.order_by_tags, full.order_by_tags);
  ASSERT_EQ(brief.hosts.size(), 10);
  ASSERT_EQ(full.hosts.size(), 10);
  size_t services = 0;
  for (size_t i = 0; i < full.hosts.size(); ++i) {
    const std::string& name = full.hosts[i].name;
    EXPECT_EQ(brief.hosts[i], full.hosts[i]) << name;
    EXPECT_EQ(ByName(brief, name), ByName(full, name)) << name;
    services += ByName(full, name).size();
  }
  EXPECT_EQ(services, 26);
  EXPECT_EQ(ByName(brief, "web1")[0].branch, "canary");
  EXPECT_EQ(ByName(brief, "web2")[0].branch, "main");
}

TEST(TenHosts, FitIn75Lines) {
  const std::string text = *ReadConfigText("examples/ten-hosts.toml");
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 75);
}

TEST(TenHosts, RenderTheSameForEachHost) {
  const FleetConfig brief = Load("examples/ten-hosts.toml");
  const FleetConfig full = Load("common/config/testdata/ten_hosts_long.toml");
  for (const HostSpec& host : full.hosts) {
    const auto rendered = RenderHost(brief, host.name);
    ASSERT_TRUE(rendered.ok()) << rendered.status();
    const auto again = ParseFleetConfig(*rendered, "/etc/gitops/rendered.toml");
    ASSERT_TRUE(again.ok()) << again.status() << *rendered;
    EXPECT_EQ(ByName(*again, host.name), ByName(full, host.name)) << host.name;
    ASSERT_EQ(again->hosts.size(), 1);
    EXPECT_EQ(again->hosts[0], host);
  }
}

}  // namespace
}  // namespace gitops
