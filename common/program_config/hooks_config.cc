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
#include "common/http/client.h"
#include "common/http/hmac.h"
#include "common/plan/vocabulary.h"

namespace gitops {
namespace {

constexpr size_t kLongestName = 100;
constexpr int kMostRetries = 10;
constexpr absl::Duration kLeastTimeout = absl::Milliseconds(1), kMostTimeout = absl::Hours(1);

// The name is sent in a header and used as a metric label.
void ReadName(const TomlTable& table, std::map<std::string, int>& lines, HookSpec& hook) {
  if (!table.Has("name")) {
    table.Fault("name", "is missing: every hook needs a unique name");
    return;
  }
  const std::optional<std::string> name = table.Text("name");
  if (!name.has_value()) return;
  table.SetName(*name);
  if (name->size() > kLongestName ||
      !std::all_of(name->begin(), name->end(), absl::ascii_isprint)) {
    table.Fault("name", absl::StrCat("must have at most ", kLongestName,
                                     " characters, all printable ASCII"));
  }
  const auto [first, is_new] = lines.emplace(*name, table.line());
  if (!is_new) {
    table.Fault("name", absl::StrCat("is already used by the hook in line ", first->second));
  }
  hook.name = *name;
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

void ReadUrl(const TomlTable& table, HookSpec& hook) {
  if (!table.Has("url")) {
    table.Fault("url", "is missing: give the endpoint, for example \"https://HOST/PATH\"");
    return;
  }
  const std::optional<std::string> url = table.Text("url");
  if (!url.has_value()) return;
  if (absl::Status status = CheckRequestUrl(*url); !status.ok()) {
    table.Fault("url", status.message());
  }
  hook.url = *url;
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
  std::string path;
  if (std::optional<std::string> key = ReadNamedFile(table, "hmac_key_file", directory, path)) {
    hook.key = HmacKeyFromFile(*key);
    if (hook.key.empty()) table.Fault("hmac_key_file", absl::StrCat(path, " is empty"));
  }
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
    ReadName(table, lines, hook);
    ReadPoints(table, hook);
    ReadUrl(table, hook);
    ReadBehaviour(table, hook);
    ReadFiles(table, directory, hook);
    hooks.push_back(std::move(hook));
  }
  if (absl::Status status = root->Finish(); !status.ok()) return status;
  return hooks;
}

}  // namespace gitops
