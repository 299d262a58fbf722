#include "agent/report/report_settings.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gitops {
namespace {

Settings Read(const std::vector<std::string>& arguments) {
  const std::vector<SettingDefinition> definitions = {
      {.name = "planner"},
      {.name = "advertise"},
      {.name = "tls-dir"},
      {.name = "listen", .default_value = "127.0.0.1:8004"},
      {.name = "insecure", .default_value = "false", .type = SettingDefinition::Type::kBool},
  };
  auto settings =
      ReadFlags(definitions, arguments, [](const std::string&) { return std::nullopt; });
  EXPECT_TRUE(settings.ok()) << settings.status();
  return *settings;
}

TEST(AdvertisedAddressTest, IsWhatIsSetElseWhereItListens) {
  struct Case {
    std::vector<std::string> arguments;
    std::string served, advertised;
  };
  for (const Case& c : {
           Case{{}, "127.0.0.1:41234", "127.0.0.1:41234"},
           Case{{"--listen", "0.0.0.0:0"}, "127.0.0.1:41234", ":41234"},
           Case{{"--listen", ":8004"}, "127.0.0.1:8004", ":8004"},
           Case{{"--listen", "[::]:0"}, "127.0.0.1:41234", ":41234"},
           Case{{"--listen", "unix:/run/a.sock"}, "unix:/run/a.sock", "unix:/run/a.sock"},
           Case{{"--advertise", "web1"}, "127.0.0.1:41234", "web1:8004"},
           Case{{"--advertise", ":9000"}, "127.0.0.1:41234", ":9000"},
       }) {
    EXPECT_EQ(AdvertisedAddress(Read(c.arguments), c.served), c.advertised);
  }
}

}  // namespace
}  // namespace gitops
