#include "common/program_config/endpoint_keys.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "common/config/named_file.h"
#include "common/http/client.h"
#include "common/http/hmac.h"

namespace gitops {
namespace {

constexpr size_t kLongestName = 100;

}  // namespace

std::string ReadEndpointName(const TomlTable& table, absl::string_view kind,
                             std::map<std::string, int>& lines) {
  if (!table.Has("name")) {
    table.Fault("name", absl::StrCat("is missing: every ", kind, " needs a unique name"));
    return "";
  }
  const std::optional<std::string> name = table.Text("name");
  if (!name.has_value()) return "";
  table.SetName(*name);
  if (name->size() > kLongestName) {
    table.Fault("name", absl::StrCat("must have at most ", kLongestName, " bytes"));
  }
  const auto [first, is_new] = lines.emplace(*name, table.line());
  if (!is_new) {
    table.Fault("name", absl::StrCat("is already used by the ", kind, " in line ", first->second));
  }
  return *name;
}

std::string ReadEndpointUrl(const TomlTable& table) {
  if (!table.Has("url")) {
    table.Fault("url", "is missing: give the endpoint, for example \"https://HOST/PATH\"");
    return "";
  }
  const std::optional<std::string> url = table.Text("url");
  if (!url.has_value()) return "";
  if (absl::Status status = CheckRequestUrl(*url); !status.ok()) {
    table.Fault("url", status.message());
  }
  return *url;
}

Secret ReadSigningKey(const TomlTable& table, absl::string_view key, const std::string& directory) {
  std::string path;
  const std::optional<std::string> text = ReadNamedFile(table, key, directory, path);
  if (!text.has_value()) return Secret();
  Secret secret = HmacKeyFromFile(*text);
  if (secret.empty()) table.Fault(key, absl::StrCat(path, " is empty"));
  return secret;
}

}  // namespace gitops
