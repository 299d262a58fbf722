#include "common/program_config/sinks_config.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/named_file.h"
#include "common/config/toml.h"
#include "common/program_config/endpoint_keys.h"

namespace gitops {
namespace {

constexpr size_t kMostSinks = 100;

void ReadType(const TomlTable& table, SinkSpec& sink) {
  if (!table.Has("type")) table.Fault("type", "is missing: write \"cloudevents\" or \"flux\"");
  if (table.Choice("type", {"cloudevents", "flux"}) == "flux") sink.type = SinkSpec::Type::kFlux;
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
    sink.name = ReadEndpointName(table, "sink", lines);
    ReadType(table, sink);
    sink.url = ReadEndpointUrl(table);
    sink.secret = ReadSigningKey(table, "secret_file", directory);
    ReadNamedFile(table, "ca_file", directory, sink.ca_file);
    sinks.push_back(std::move(sink));
  }
  if (sinks.size() > kMostSinks) {
    root->Fault("sinks", absl::StrCat("has ", sinks.size(), " sinks; at most ", kMostSinks));
  }
  if (absl::Status status = root->Finish(); !status.ok()) return status;
  return sinks;
}

}  // namespace gitops
