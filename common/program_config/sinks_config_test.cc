#include "common/program_config/sinks_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string WriteFile(const std::string& name, const std::string& text) {
  const std::string path = ::testing::TempDir() + name;
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

TEST(SinksConfigTest, EveryKeyIsReadInTheOrderOfTheFile) {
  WriteFile("key", "hush\n");
  const std::string ca = WriteFile("ca.pem", "ca");
  const auto sinks = ParseSinks(absl::StrCat(R"(
[promotion-receiver]
listen = "x"
[[sinks]]
name = "chat"
type = "cloudevents"
url = "https://u:p@chat.example/in?x=1"
secret_file = "key"
ca_file = ")",
                                             ca, R"("
[[sinks]]
name = "alerts"
type = "flux"
url = "http://notification-controller.flux-system/"
)"),
                                ::testing::TempDir() + "config.toml");
  ASSERT_TRUE(sinks.ok()) << sinks.status();
  ASSERT_EQ(sinks->size(), 2);
  EXPECT_EQ((*sinks)[0].name, "chat");
  EXPECT_EQ((*sinks)[0].type, SinkSpec::Type::kCloudEvents);
  EXPECT_EQ((*sinks)[0].url, "https://u:p@chat.example/in?x=1");
  EXPECT_EQ((*sinks)[0].secret.Reveal(), "hush");
  EXPECT_EQ((*sinks)[0].ca_file, ca);
  EXPECT_EQ((*sinks)[1].name, "alerts");
  EXPECT_EQ((*sinks)[1].type, SinkSpec::Type::kFlux);
  EXPECT_TRUE((*sinks)[1].secret.empty());
  EXPECT_THAT(*ParseSinks("", "f"), IsEmpty());
}

TEST(SinksConfigTest, EveryFaultIsToldAtOnceWithItsLineAndWithoutSecrets) {
  WriteFile("empty", "\n");
  const auto sinks = ParseSinks(R"(
[[sinks]]
name = "chat"
type = "cloudevent"
url = "ftp://user:hunter2@chat/?token=hush"
secretfile = "x"
[[sinks]]
name = "chat"
secret_file = "empty"
ca_file = "no-such-file"
[[sinks]]
)",
                                ::testing::TempDir() + "config.toml");
  ASSERT_EQ(sinks.status().code(), absl::StatusCode::kInvalidArgument);
  const std::string faults(sinks.status().message());
  const std::string file = ::testing::TempDir() + "config.toml:";
  for (const char* fault : {
           "4: [[sinks]] \"chat\": type: \"cloudevent\" is not one of cloudevents, flux",
           "5: [[sinks]] \"chat\": url: \"ftp://chat/\" is not an http:// or https:// URL",
           "6: [[sinks]] \"chat\": unknown key \"secretfile\" (did you mean \"secret_file\"?)",
           "8: [[sinks]] \"chat\": name: is already used by the sink in line 2",
           "7: [[sinks]] \"chat\": type: is missing",
           "7: [[sinks]] \"chat\": url: is missing",
           "9: [[sinks]] \"chat\": secret_file:",
           "10: [[sinks]] \"chat\": ca_file: cannot read",
           "11: [[sinks]]: name: is missing",
       }) {
    EXPECT_THAT(faults, HasSubstr(file + fault));
  }
  EXPECT_THAT(faults, Not(HasSubstr("hunter2")));
  EXPECT_THAT(faults, Not(HasSubstr("hush")));
}

}  // namespace
}  // namespace gitops
