#include "services/hook_dispatcher/program/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "services/hook_dispatcher/program/hook_metrics.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<HookDispatcherConfig> Load(const std::string& text,
                                          std::vector<std::string> arguments = {}) {
  const std::string file = ::testing::TempDir() + "config.toml";
  std::ofstream(file) << text;
  arguments.push_back("--config=" + file);
  const auto none = [](const std::string&) { return std::nullopt; };
  auto flags = ReadFlags(HookDispatcherSettings(), arguments, none);
  if (!flags.ok()) return flags.status();
  return LoadHookDispatcherConfig(*flags);
}

constexpr char kHook[] =
    "[[hooks]]\nname = \"drain\"\npoints = [\"pre-deploy\"]\nurl = \"http://lb/\"\n";

TEST(HookDispatcherSettingsTest, DefaultsAreThoseOfTheContracts) {
  const auto config = Load(kHook);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->settings.Get("listen"), "127.0.0.1:8002");
  EXPECT_EQ(config->settings.Get("metrics-listen"), "127.0.0.1:9223");
  EXPECT_EQ(config->hooks.size(), 1);
}

TEST(HookDispatcherSettingsTest, ItsTableIsReadAndAFlagIsStronger) {
  const std::string text =
      absl::StrCat("[hook-dispatcher]\nlisten = \"127.0.0.1:1\"\nlog-level = \"debug\"\n", kHook);
  const auto config = Load(text, {"--listen=127.0.0.1:2"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->settings.Get("listen"), "127.0.0.1:2");
  EXPECT_EQ(config->settings.Get("log-level"), "debug");
}

TEST(HookDispatcherSettingsTest, FaultsOfTableAndHooksAreToldAtOnceAndOnce) {
  const auto config = Load(
      "[hook-dispatcher]\nlsiten = \"x\"\n[[hooks]]\nname = \"drain\"\nulr = \"http://lb/\"\n"
      "[hook]\n");
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument);
  const std::string message(config.status().message());
  EXPECT_THAT(message, HasSubstr("config.toml:2: [hook-dispatcher]: unknown key \"lsiten\" (did "
                                 "you mean \"listen\"?)"));
  EXPECT_THAT(message, HasSubstr("unknown key \"ulr\" (did you mean \"url\"?)"));
  const size_t first = message.find("unknown table \"hook\"");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(message.find("unknown table \"hook\"", first + 1), std::string::npos);
}

TEST(HookDispatcherSettingsTest, WhereOthersKeepTheirStateIsAccepted) {
  const auto config = Load(kHook, {"--store=etcd://127.0.0.1:2379/gitops", "--state-dir=/no/such"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->settings.Get("store"), "");
}

TEST(HookDispatcherSettingsTest, ConfigIsNeeded) {
  const auto none = [](const std::string&) { return std::nullopt; };
  const auto flags = ReadFlags(HookDispatcherSettings(), {}, none);
  EXPECT_EQ(LoadHookDispatcherConfig(*flags).status().code(), absl::StatusCode::kInvalidArgument);
  const auto missing = ReadFlags(HookDispatcherSettings(), {"--config=/no/such/config.toml"}, none);
  EXPECT_EQ(LoadHookDispatcherConfig(*missing).status().code(), absl::StatusCode::kNotFound);
}

TEST(HookDispatcherSettingsTest, ReferenceNamesEveryKeyOfAHook) {
  std::ifstream file("docs/reference/hooks.md");
  std::stringstream reference;
  reference << file.rdbuf();
  for (const char* key : {"name", "points", "url", "mode", "timeout", "retries", "on_error",
                          "hmac_key_file", "ca_file", "client_cert_file", "client_key_file"}) {
    EXPECT_THAT(reference.str(), HasSubstr(absl::StrCat("| `", key, "` |")));
  }
}

TEST(HookMetricsTest, CallsAreCountedByHookPointAndResult) {
  Metrics metrics("hook-dispatcher");
  const HookObserver observer = CountHooks(metrics);
  v1::HookCall call;
  call.set_hook("drain");
  call.set_point("pre-deploy");
  call.mutable_duration()->set_seconds(2);
  observer(call, "ok");
  observer(call, "ok");
  observer(call, "failed");
  const std::string text = metrics.Text();
  for (const char* line : {
           "gitops_build_info{component=\"hook-dispatcher\",version=",
           "gitops_hook_requests_total{hook=\"drain\",point=\"pre-deploy\",result=\"ok\"} 2",
           "gitops_hook_requests_total{hook=\"drain\",point=\"pre-deploy\",result=\"failed\"} 1",
           "gitops_hook_duration_seconds_count{hook=\"drain\"} 3",
           "gitops_hook_duration_seconds_bucket{hook=\"drain\",le=\"2.5\"} 3",
           "gitops_hook_duration_seconds_bucket{hook=\"drain\",le=\"1\"} 0",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

}  // namespace
}  // namespace gitops
