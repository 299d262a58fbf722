#include "common/server/debug_info.h"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/clock/timestamp.h"
#include "common/git/url.h"
#include "common/log/log.h"
#include "common/server/version.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

constexpr size_t kMaxMetrics = 1 << 20;
constexpr char kHidden[] = "[hidden]";

// Whole lines.
std::string CutMetrics(std::string text) {
  if (text.size() <= kMaxMetrics) return text;
  text.resize(text.rfind('\n', kMaxMetrics - 1) + 1);
  return text;
}

// A token may be in any argument.
void HideArguments(std::vector<std::string>& command) {
  if (command.size() < 2) return;
  command.resize(2);
  command[1] = kHidden;
}

void HideSecrets(ChecksSpec& checks) {
  for (HttpCheckSpec& check : checks.http) {
    check.path = check.path.substr(0, check.path.find('?'));
    for (auto& [name, value] : check.headers) value = kHidden;
  }
  for (CmdCheckSpec& check : checks.cmd) HideArguments(check.cmd);
}

}  // namespace

void HideSecrets(FleetConfig& config) {
  for (HostSpec& host : config.hosts) {
    HideSecrets(host.health_checks);
    HideSecrets(host.pre_deploy_checks);
    for (auto& [name, secret] : host.secrets) HideArguments(secret.action);
  }
}

v1::DebugInfo MakeDebugInfo(absl::string_view component, absl::Time start_time,
                            const Metrics& metrics) {
  v1::DebugInfo info;
  info.set_component(std::string(component));
  info.set_version(std::string(Version()));
  *info.mutable_start_time() = ToTimestamp(start_time);
  for (std::string& line : RecentLogLines()) info.add_log_lines(EnsureUtf8(line));
  info.set_metrics(EnsureUtf8(CutMetrics(metrics.Text())));
  return info;
}

std::string RenderSettings(absl::string_view table, const Settings& settings) {
  std::string out = absl::StrCat("[", table, "]\n");
  for (const auto& [name, value] : settings.values) {
    if (!value.set) continue;
    std::string shown = value.value;
    const size_t arguments = shown.find(' ');
    if (absl::EndsWith(name, "-command") && arguments != std::string::npos) {
      shown = absl::StrCat(shown.substr(0, arguments), " ", kHidden);
    } else if (absl::StrContains(shown, "://")) {
      shown = RedactUrl(shown);
    }
    const std::string text = EscapeText(shown);
    absl::StrAppend(&out, name, " = \"", absl::StrReplaceAll(text, {{"\"", "\\\""}}), "\"  # ",
                    EscapeText(value.origin), "\n");
  }
  return out;
}

}  // namespace gitops
