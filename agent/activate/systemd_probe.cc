// Calls the real systemd like the agent, for integration_tests/containers.
//
//   systemd_probe verb UNIT VERB [SECONDS]      runs the verb and waits for its job
//   systemd_probe properties UNIT               prints NAME=VALUE lines
//   systemd_probe check UNIT                    whether it is healthy now
//   systemd_probe activate UNIT VERB SECONDS [first]
//                                               as the agent does, healthy within SECONDS
//   systemd_probe serve                         the same, one command a line on standard input,
//   over
//                                               one connection; after each a line "exit N"
//
// Exit status 0, or the status code's number with the message on standard error.
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "agent/activate/systemd.h"
#include "agent/activate/unit_activator.h"
#include "common/clock/clock.h"

namespace gitops {
namespace {

using Words = std::vector<std::string>;

class NoPackages : public PackageManager {
  absl::Status EnsureInstalled(const std::string&, const std::stop_token&) override {
    return absl::OkStatus();
  }
};

double SecondsIn(const Words& words, size_t at, double otherwise) {
  double seconds = otherwise;
  if (words.size() > at && !absl::SimpleAtod(words[at], &seconds)) return otherwise;
  return seconds;
}

absl::Status PrintProperties(Systemd& systemd, const std::string& unit) {
  absl::StatusOr<UnitProperties> found =
      systemd.Properties(unit, absl::Now() + absl::Seconds(30), {});
  if (!found.ok()) return found.status();
  std::cout << "Id=" << found->id << "\nLoadState=" << found->load_state
            << "\nActiveState=" << found->active_state << "\nSubState=" << found->sub_state
            << "\nResult=" << found->result << "\nType=" << found->type
            << "\nUnitFileState=" << found->unit_file_state
            << "\nInvocationID=" << found->invocation_id
            << "\nNeedDaemonReload=" << (found->need_daemon_reload ? "yes" : "no")
            << "\nNRestarts=" << found->restarts << "\nExecMainCode=" << found->main_code
            << "\nExecMainStatus=" << found->main_status << std::endl;
  return absl::OkStatus();
}

absl::Status Activate(Systemd& systemd, const Words& words) {
  NoPackages packages;
  UnitActivatorOptions options;
  options.service = words[1];
  options.action = words[2];
  options.healthy_within = absl::Seconds(SecondsIn(words, 3, 30));
  const bool first = words.size() == 5;
  return NewUnitActivator(options, &systemd, &packages, Clock::System())->Activate(first);
}

absl::Status Check(Systemd& systemd, const std::string& unit) {
  NoPackages packages;
  UnitActivatorOptions options;
  options.service = unit;
  options.action = "reload";
  return NewUnitActivator(options, &systemd, &packages, Clock::System())->CheckHealth();
}

absl::Status Run(Systemd& systemd, const Words& words) {
  if (words.size() == 2 && words[0] == "properties") return PrintProperties(systemd, words[1]);
  if (words.size() == 2 && words[0] == "check") return Check(systemd, words[1]);
  if (words.size() >= 3 && words[0] == "verb") {
    const absl::Time deadline = absl::Now() + absl::Seconds(SecondsIn(words, 3, 30));
    return systemd.RunVerb(words[1], words[2], deadline, {});
  }
  if (words.size() >= 4 && words[0] == "activate") return Activate(systemd, words);
  return absl::InvalidArgumentError("not a command of systemd_probe: " + absl::StrJoin(words, " "));
}

int Report(const absl::Status& status) {
  if (!status.ok()) std::cerr << status << std::endl;
  return static_cast<int>(status.code());
}

int Main(const Words& words) {
  std::unique_ptr<Systemd> systemd = NewBusSystemd(Clock::System());
  if (words != Words{"serve"}) return Report(Run(*systemd, words));
  for (std::string line; std::getline(std::cin, line);) {
    const int status = Report(Run(*systemd, absl::StrSplit(line, ' ')));
    std::cout << "exit " << status << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace gitops

int main(int argc, char** argv) { return gitops::Main({argv + 1, argv + argc}); }
