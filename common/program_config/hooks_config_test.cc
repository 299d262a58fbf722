#include "common/program_config/hooks_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/config/toml.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kLeast[] = R"(
[[hooks]]
name = "drain"
points = ["pre-deploy"]
url = "http://lb/drain"
)";

std::string WriteFile(const std::string& name, const std::string& text) {
  const std::string path = ::testing::TempDir() + name;
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

std::string Faults(const std::string& text) {
  const auto hooks = ParseHooks(text, ::testing::TempDir() + "hooks.toml");
  EXPECT_EQ(hooks.status().code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(hooks.status().message());
}

HookSpec OneHook(const std::string& text) {
  auto hooks = ParseHooks(text, ::testing::TempDir() + "hooks.toml");
  EXPECT_TRUE(hooks.ok()) << hooks.status();
  EXPECT_EQ(hooks.ok() ? hooks->size() : 0, 1);
  return hooks.ok() && !hooks->empty() ? hooks->front() : HookSpec();
}

TEST(HooksConfigTest, LeastHookHasTheDefaultsOfTheDocumentation) {
  const HookSpec hook = OneHook(kLeast);
  EXPECT_EQ(hook.name, "drain");
  EXPECT_THAT(hook.points, ElementsAre("pre-deploy"));
  EXPECT_EQ(hook.url, "http://lb/drain");
  EXPECT_EQ(hook.mode, HookMode::kTransform);
  EXPECT_EQ(hook.timeout, absl::Seconds(10));
  EXPECT_EQ(hook.retries, 2);
  EXPECT_FALSE(hook.ignore_errors);
  EXPECT_TRUE(hook.key.empty());
  EXPECT_TRUE(hook.IsFor("pre-deploy"));
  EXPECT_FALSE(hook.IsFor("post-deploy"));
}

TEST(HooksConfigTest, EveryKeyIsRead) {
  WriteFile("key", "h\xc3\xbcsch\thush\n");
  WriteFile("ca.pem", "ca");
  WriteFile("cert.pem", "cert");
  const std::string key = WriteFile("cert.key", "key");
  const HookSpec hook = OneHook(absl::StrCat(R"(
[[hooks]]
name = "all"
points = ["pre-select", "post-healthchecks"]
url = "https://u:p@lb.example:8443/x?token=1"
mode = "read-only"
timeout = "1m30s"
retries = 0
on_error = "ignore"
hmac_key_file = "key"
ca_file = "./ca.pem"
client_cert_file = "cert.pem"
client_key_file = ")",
                                             key, "\"\n"));
  EXPECT_THAT(hook.points, ElementsAre("pre-select", "post-healthchecks"));
  EXPECT_EQ(hook.mode, HookMode::kReadOnly);
  EXPECT_EQ(hook.timeout, absl::Seconds(90));
  EXPECT_EQ(hook.retries, 0);
  EXPECT_TRUE(hook.ignore_errors);
  EXPECT_EQ(hook.key.Reveal(), "h\xc3\xbcsch\thush") << "without the final line break";
  EXPECT_EQ(hook.ca_file, ::testing::TempDir() + "ca.pem");
  EXPECT_EQ(hook.client_cert_file, ::testing::TempDir() + "cert.pem");
  EXPECT_EQ(hook.client_key_file, key);
}

TEST(HooksConfigTest, OneFileMayHoldTheTablesOfAll) {
  const HookSpec hook =
      OneHook(absl::StrCat("[global]\nupstream = \"x\"\n[[services]]\nmachine = "
                           "\"a\"\n[fleet]\n[[hosts]]\nname = \"b\"\n"
                           "[planner]\nlisten = \"x\"\n[hook-dispatcher]\nlisten = \"y\"\n",
                           kLeast));
  EXPECT_EQ(hook.name, "drain");
}

TEST(HooksConfigTest, OrderIsThatOfTheFile) {
  std::string text;
  for (const char* name : {"c", "a", "b"}) {
    absl::StrAppend(&text, "[[hooks]]\nname = \"", name,
                    "\"\npoints = [\"pre-deploy\"]\nurl = \"http://h/\"\n");
  }
  const auto hooks = ParseHooks(text, "f");
  ASSERT_TRUE(hooks.ok()) << hooks.status();
  ASSERT_EQ(hooks->size(), 3);
  EXPECT_EQ((*hooks)[0].name, "c");
  EXPECT_EQ((*hooks)[2].name, "b");
  EXPECT_THAT(*ParseHooks("", "f"), IsEmpty());
}

TEST(HooksConfigTest, EveryFaultIsToldAtOnceWithItsLine) {
  const std::string faults = Faults(R"(
[[hooks]]
name = "drain"
points = ["pre-deplyo", "pre-reboot", "pre-reboot"]
url = "ftp://user:hunter2@lb/drain?token=hush"
mode = "transfrom"
timeout = "0s"
retries = 11
on_error = "ignroe"
hmac_keyfile = "x"

[[hooks]]
name = "drain"
points = []
url = "http://lb/"
client_key_file = "/no/such/key"

[[hooks]]
)");
  const std::string file = ::testing::TempDir() + "hooks.toml:";
  for (const char* fault : {
           "4: [[hooks]] \"drain\": points: unknown hook point \"pre-deplyo\" (did you mean "
           "\"pre-deploy\"?)",
           "4: [[hooks]] \"drain\": points: \"pre-reboot\" is given twice",
           "5: [[hooks]] \"drain\": url: \"ftp://lb/drain\" is not an http:// or https:// URL",
           "6: [[hooks]] \"drain\": mode: \"transfrom\" is not one of transform, filter, read-only "
           "(did "
           "you mean \"transform\"?)",
           "7: [[hooks]] \"drain\": timeout: 0s is not from",
           "8: [[hooks]] \"drain\": retries: 11 is not from 0 to 10",
           "9: [[hooks]] \"drain\": on_error: \"ignroe\" is not one of stop, ignore",
           "10: [[hooks]] \"drain\": unknown key \"hmac_keyfile\" (did you mean "
           "\"hmac_key_file\"?)",
           "13: [[hooks]] \"drain\": name: is already used by the hook in line 2",
           "14: [[hooks]] \"drain\": points: is missing",
           "16: [[hooks]] \"drain\": client_key_file: cannot read",
           "16: [[hooks]] \"drain\": client_key_file: needs client_cert_file",
           "18: [[hooks]]: name: is missing",
           "18: [[hooks]]: points: is missing",
           "18: [[hooks]]: url: is missing",
       }) {
    EXPECT_THAT(faults, HasSubstr(file + fault));
  }
  EXPECT_EQ(absl::StrSplit(faults, '\n').operator std::vector<std::string>().size(), 15) << faults;
  EXPECT_THAT(faults, Not(HasSubstr("hunter2")));
  EXPECT_THAT(faults, Not(HasSubstr("hush")));
}

TEST(HooksConfigTest, KeyFileThatIsMissingOrEmptyIsAFault) {
  EXPECT_THAT(Faults(absl::StrCat(kLeast, "hmac_key_file = \"no-such-key\"")),
              HasSubstr("6: [[hooks]] \"drain\": hmac_key_file: cannot read"));
  WriteFile("key", "\n");
  EXPECT_THAT(Faults(absl::StrCat(kLeast, "hmac_key_file = \"key\"")), HasSubstr("is empty"));
}

TEST(HooksConfigTest, NameThatFitsNoHeaderIsRefused) {
  for (const std::string& name : {std::string(101, 'x'), std::string("dräin"), std::string()}) {
    EXPECT_THAT(Faults(absl::StrCat("[[hooks]]\nname = \"", name,
                                    "\"\npoints = [\"pre-deploy\"]\nurl = \"http://h/\"\n")),
                HasSubstr("name: "));
  }
}

TEST(HooksConfigTest, HooksOfAnotherKindAreRefused) {
  EXPECT_THAT(Faults("[hooks]\nname = \"x\"\n"), HasSubstr("an array of tables ([[hooks]])"));
  EXPECT_THAT(Faults("[[hook]]\nname = \"x\"\n"), HasSubstr("did you mean \"hooks\"?"));
}

TEST(HooksConfigTest, ExampleIsGood) {
  const std::string directory = "examples/hooks/";
  const auto text = ReadConfigText(directory + "hooks.toml");
  ASSERT_TRUE(text.ok()) << text.status();
  const auto hooks = ParseHooks(*text, directory + "hooks.toml");
  EXPECT_TRUE(hooks.ok()) << hooks.status();
  EXPECT_GE(hooks->size(), 4);
}

}  // namespace
}  // namespace gitops
