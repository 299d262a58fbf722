#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/config/config_files.h"
#include "common/config/fleet.h"
#include "common/config/fleet_problems.h"
#include "common/config/fleet_render.h"
#include "common/config/fleet_schema.h"
#include "common/config/settings.h"
#include "common/program_config/program_tables.h"
#include "ctl/commands/commands.h"
#include "ctl/output/document.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

struct Checked {
  std::vector<std::string> errors;  // with file and line
  size_t services = 0, hosts = 0;
};

Checked CheckOne(const std::string& file, Console& console) {
  Checked checked;
  const ConfigReading reading = ReadConfigFiles(file);
  const absl::StatusOr<FleetConfig> config =
      reading.files.ok() ? ParseFleetConfig(*reading.files) : reading.files.status();
  absl::Status errors = config.status();
  if (reading.files.ok()) {
    errors = BothRead(errors, CheckProgramTables(reading.files->main.text, file));
  }
  if (!config.ok()) {
    checked.errors = absl::StrSplit(errors.message(), '\n');
    return checked;
  }
  for (const std::string& warning : config->warnings) {
    console.err << "gitopsctl: " << EscapeLine(warning) << "\n";
  }
  errors = BothRead(errors, ToStatus(FindProblems(*config, AliasesIn(*reading.files))));
  if (!errors.ok()) checked.errors = absl::StrSplit(errors.message(), '\n');
  checked.services = config->services.size();
  checked.hosts = config->hosts.size();
  return checked;
}

absl::StatusOr<std::string> Render(const std::string& file, const std::string& host) {
  const ConfigReading reading = ReadConfigFiles(file);
  if (!reading.files.ok()) return reading.files.status();
  const absl::StatusOr<FleetConfig> config = ParseFleetConfig(*reading.files);
  if (!config.ok()) return config.status();
  return RenderHost(*config, host, AliasesIn(*reading.files));
}

}  // namespace

absl::StatusOr<ExitCode> CheckConfigs(const Invocation& invocation, Console& console) {
  const OutputForm form = invocation.flags.output;
  const bool document = form == OutputForm::kJson || form == OutputForm::kYaml;
  bool failed = false;
  Json list = Json::array();
  for (const std::string& file : invocation.arguments) {
    const Checked checked = CheckOne(file, console);
    failed = failed || !checked.errors.empty();
    if (document) {
      list.push_back({{"file", file},
                      {"services", checked.services},
                      {"hosts", checked.hosts},
                      {"errors", checked.errors}});
      continue;
    }
    for (const std::string& error : checked.errors) console.out << EscapeLine(error) << "\n";
    if (!checked.errors.empty()) continue;
    console.out << EscapeLine(file) << ": good; [[services]]: " << checked.services
                << ", hosts: " << checked.hosts << "\n";
  }
  const Json tree = {{"files", list}};
  if (form == OutputForm::kJson) console.out << JsonText(tree);
  if (form == OutputForm::kYaml) console.out << YamlText(tree);
  console.out << std::flush;
  return failed ? kFailed : kDone;
}

absl::StatusOr<ExitCode> RenderConfig(const Invocation& invocation, Console& console) {
  const auto text = Render(invocation.flags.config, invocation.arguments[0]);
  if (text.ok()) {
    console.out << *text << std::flush;
    return kDone;
  }
  for (absl::string_view line : absl::StrSplit(text.status().message(), '\n')) {
    console.err << "gitopsctl: " << EscapeLine(line) << "\n";
  }
  return kFailed;
}

absl::StatusOr<ExitCode> PrintConfigSchema(Console& console) {
  console.out << FleetSchema() << std::flush;
  return kDone;
}

}  // namespace gitops::ctl
