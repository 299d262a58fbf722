#include "common/program_config/hooks_config.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/config/named_file.h"
#include "common/config/toml.h"
#include "common/plan/vocabulary.h"
#include "common/program_config/endpoint_keys.h"

namespace gitops {
namespace {

constexpr int kMostRetries = 10;
constexpr absl::Duration kLeastTimeout = absl::Milliseconds(1), kMostTimeout = absl::Hours(1);

// The name is sent in a header and used as a metric label.
void CheckName(const TomlTable& table, const std::string& name) {
  if (std::all_of(name.begin(), name.end(), absl::ascii_isprint)) return;
  table.Fault("name", "must be printable ASCII");
}

void ReadPoints(const TomlTable& table, HookSpec& hook) {
  const bool given = table.Has("points");
  const std::optional<std::vector<std::string>> points = table.Strings("points");
  if (!given || (points.has_value() && points->empty())) {
    table.Fault("points", "is missing: give at least one point, for example [\"pre-deploy\"]");
  }
  if (!points.has_value()) return;
  std::set<std::string> seen;
  for (const std::string& point : *points) {
    if (absl::Status status = CheckHookPoint(point); !status.ok()) {
      table.Fault("points", status.message());
    } else if (!seen.insert(point).second) {
      table.Fault("points", absl::StrCat("\"", point, "\" is given twice"));
    }
  }
  hook.points = *points;
}

void ReadBehaviour(const TomlTable& table, HookSpec& hook) {
  const std::string mode =
      table.Choice("mode", {"transform", "filter", "read-only"}).value_or("transform");
  if (mode == "filter") hook.mode = HookMode::kFilter;
  if (mode == "read-only") hook.mode = HookMode::kReadOnly;
  hook.timeout = table.Duration("timeout", kLeastTimeout, kMostTimeout).value_or(hook.timeout);
  hook.retries = static_cast<int>(table.Int("retries", 0, kMostRetries).value_or(hook.retries));
  hook.ignore_errors = table.Choice("on_error", {"stop", "ignore"}).value_or("stop") == "ignore";
}

void ReadFiles(const TomlTable& table, const std::string& directory, HookSpec& hook) {
  hook.key = ReadSigningKey(table, "hmac_key_file", directory);
  ReadNamedFile(table, "ca_file", directory, hook.ca_file);
  ReadNamedFile(table, "client_cert_file", directory, hook.client_cert_file);
  ReadNamedFile(table, "client_key_file", directory, hook.client_key_file);
  if (table.Has("client_key_file") && !table.Has("client_cert_file")) {
    table.Fault("client_key_file", "needs client_cert_file");
  }
}

}  // namespace

bool HookSpec::IsFor(absl::string_view point) const {
  return std::find(points.begin(), points.end(), point) != points.end();
}

absl::StatusOr<std::vector<HookSpec>> ParseHooks(absl::string_view text, const std::string& file) {
  const absl::StatusOr<TomlTable> root = ParseToml(text, file);
  if (!root.ok()) return root.status();
  KnowTopLevelTables(*root);
  const std::string directory = ConfigDirectory(file);
  std::vector<HookSpec> hooks;
  std::map<std::string, int> lines;
  for (const TomlTable& table : root->Tables("hooks")) {
    HookSpec hook;
    hook.name = ReadEndpointName(table, "hook", lines);
    CheckName(table, hook.name);
    ReadPoints(table, hook);
    hook.url = ReadEndpointUrl(table);
    ReadBehaviour(table, hook);
    ReadFiles(table, directory, hook);
    hooks.push_back(std::move(hook));
  }
  if (absl::Status status = root->Finish(); !status.ok()) return status;
  return hooks;
}

}  // namespace gitops
