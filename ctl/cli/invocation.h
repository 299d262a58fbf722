#ifndef GITOPS_CTL_CLI_INVOCATION_H_
#define GITOPS_CTL_CLI_INVOCATION_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ctl/cli/grammar.h"

namespace gitops::ctl {

enum class OutputForm { kTable, kWide, kJson, kYaml, kName };
enum class ColorWhen { kAuto, kAlways, kNever };

struct Flags {
  OutputForm output = OutputForm::kTable;
  ColorWhen color = ColorWhen::kAuto;
  std::optional<absl::Duration> timeout;
  bool insecure = false;
  bool watch = false;
  bool yes = false;
  bool help = false;
  std::string reason;
  std::string tls_dir;
  std::string planner;
  std::string context;
};

// A command line, understood and checked against the grammar.
struct Invocation {
  Action action = Action::kHelp;
  std::vector<std::string> arguments;
  // Complete: "web1:8004". Empty where the action takes no host.
  std::string host;
  Flags flags;
};

// The value of an environment variable, or nothing.
using Environment = std::function<std::optional<std::string>(const std::string&)>;

// Reads what stands after the program's name. A flag beats its variable. INVALID_ARGUMENT: what is
// wrong, and what was probably meant.
absl::StatusOr<Invocation> ParseInvocation(const std::vector<std::string>& arguments,
                                           const Environment& environment);

// What error messages say is being done: "rollback nginx on web1:8004".
std::string Describe(const Invocation& invocation);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CLI_INVOCATION_H_
