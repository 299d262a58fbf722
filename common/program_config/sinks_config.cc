#include "common/program_config/sinks_config.h"

#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/named_file.h"
#include "common/config/toml.h"
#include "common/http/client.h"
#include "common/http/hmac.h"

namespace gitops {
namespace {

constexpr size_t kLongestName = 100;
constexpr size_t kMostSinks = 100;

void ReadName(const TomlTable& table, std::map<std::string, int>& lines, SinkSpec& sink) {
  if (!table.Has("name")) {
    table.Fault("name", "is missing: every sink needs a unique name");
    return;
  }
  const std::optional<std::string> name = table.Text("name");
  if (!name.has_value()) return;
  table.SetName(*name);
  if (name->size() > kLongestName) {
    table.Fault("name", absl::StrCat("must have at most ", kLongestName, " bytes"));
  }
  const auto [first, is_new] = lines.emplace(*name, table.line());
  if (!is_new) {
    table.Fault("name", absl::StrCat("is already used by the sink in line ", first->second));
  }
  sink.name = *name;
}

void ReadType(const TomlTable& table, SinkSpec& sink) {
  if (!table.Has("type")) table.Fault("type", "is missing: write \"cloudevents\" or \"flux\"");
  if (table.Choice("type", {"cloudevents", "flux"}) == "flux") sink.type = SinkSpec::Type::kFlux;
}

void ReadUrl(const TomlTable& table, SinkSpec& sink) {
  if (!table.Has("url")) {
    table.Fault("url", "is missing: give the endpoint, for example \"https://HOST/PATH\"");
    return;
  }
  const std::optional<std::string> url = table.Text("url");
  if (!url.has_value()) return;
  if (absl::Status status = CheckRequestUrl(*url); !status.ok()) {
    table.Fault("url", status.message());
  }
  sink.url = *url;
}

void ReadFiles(const TomlTable& table, const std::string& directory, SinkSpec& sink) {
  std::string path;
  if (std::optional<std::string> secret = ReadNamedFile(table, "secret_file", directory, path)) {
    sink.secret = HmacKeyFromFile(*secret);
    if (sink.secret.empty()) table.Fault("secret_file", absl::StrCat(path, " is empty"));
  }
  ReadNamedFile(table, "ca_file", directory, sink.ca_file);
}

}  // namespace

absl::StatusOr<std::vector<SinkSpec>> ParseSinks(absl::string_view text, const std::string& file) {
  const absl::StatusOr<TomlTable> root = ParseToml(text, file);
  if (!root.ok()) return root.status();
  KnowTopLevelTables(*root);
  const std::string directory = ConfigDirectory(file);
  std::vector<SinkSpec> sinks;
  std::map<std::string, int> lines;
  for (const TomlTable& table : root->Tables("sinks")) {
    SinkSpec sink;
    ReadName(table, lines, sink);
    ReadType(table, sink);
    ReadUrl(table, sink);
    ReadFiles(table, directory, sink);
    sinks.push_back(std::move(sink));
  }
  if (sinks.size() > kMostSinks) {
    root->Fault("sinks", absl::StrCat("has ", sinks.size(), " sinks; at most ", kMostSinks));
  }
  if (absl::Status status = root->Finish(); !status.ok()) return status;
  return sinks;
}

}  // namespace gitops
