#ifndef GITOPS_CTL_CLI_INVOCATION_H_
#define GITOPS_CTL_CLI_INVOCATION_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/config/ports.h"
#include "ctl/cli/grammar.h"
#include "gitops/v1/planner.pb.h"
#include "gitops/v1/promotion.pb.h"

namespace gitops::ctl {

inline std::string DefaultPlanner() { return Loopback(kPlannerPort); }
inline std::string DefaultPromotionReceiver() { return Loopback(kPromotionReceiverPort); }

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
  bool detach = false;
  bool no_wait = false;
  std::string reason;
  std::string tls_dir;
  std::string planner;
  std::string context;
  std::string plan_token;
  v1::StepResult hook_result = v1::STEP_RESULT_UNSPECIFIED;
  std::string hook_dispatcher;
  // The selection of hosts and the settings of a deployment, without actions.
  v1::DeploymentSpec spec;
  // The columns of a list, its order (see TableStyle), and whether it has a header.
  std::vector<std::string> columns;
  std::string sort;
  bool no_headers = false;
  // The states that a list shows, in upper case; empty: all.
  std::vector<std::string> states;
  // Which deployments `list deployments` shows.
  v1::DeploymentFilter filter;
  // `audit`, which uses the filter too.
  bool refused = false;
  std::string program;  // "hook-dispatcher"; empty: the planner
  std::string promotion_receiver;
  // The gateway that the command uses in place of planner and receiver; empty: none.
  std::string gateway;
  // Which promotions `list promotions` shows, without pipeline and environment.
  v1::PromotionFilter promotions;
  // `wait`: one of the states, and one of the statuses; empty: not given.
  struct Wanted {
    std::vector<std::string> states;  // "OK", "SUCCEEDED"
    std::vector<std::string> syncs;   // "CURRENT"
  };
  Wanted wanted;
  // `diff`: a hash or its first digits; empty: none.
  std::string to;
  // `plan --diff`.
  bool diff = false;
  // `debug bundle`; empty: a name with the time.
  std::string out_file;
  bool allow_empty() const { return spec.allow_empty(); }
  // Whether the output is for people: a table or sentences.
  bool is_text() const { return output == OutputForm::kTable || output == OutputForm::kWide; }
  bool force = false;
  bool flux_manifests = false;
  std::string flux_address;
  std::string flux_api = "v1beta3";
  std::string config = "/etc/gitops/config.toml";
  std::string token_name;
  std::string token_role;
  // `ca`, with token_name, token_role and out_file.
  struct Authority {
    std::string directory;
    std::vector<std::string> dns_names, addresses;
    std::optional<int> days;
    bool keep_key = false;
    bool rotate = false;
    // `ca token`.
    std::vector<std::string> hosts;
    bool revoke = false;
  };
  Authority authority;
  // Infinite: for ever.
  absl::Duration token_lifetime = absl::InfiniteDuration();
};

// A command line, parsed and checked against the grammar.
struct Invocation {
  CommandId command = CommandId::kHelp;
  std::vector<std::string> arguments;
  // Complete: "web1:8004". Empty without @HOST: the command calls the planner.
  std::string host;
  // Whether @HOST is a name without a port, other than localhost: the planner or the configuration
  // may know another address for it.
  bool named_host = false;
  Flags flags;
};

// Returns the value of an environment variable, or nothing.
using Environment = std::function<std::optional<std::string>(const std::string&)>;

// Parses the arguments after the program's name. A flag overrides its variable. INVALID_ARGUMENT
// says what is wrong, and what was probably meant.
absl::StatusOr<Invocation> ParseInvocation(const std::vector<std::string>& arguments,
                                           const Environment& environment);

// The name of @HOST in the fleet, for a gateway, which finds its agent itself; empty: there is no
// @HOST, or it names a port other than the default one, or a socket.
std::string HostName(const Invocation& invocation);

// Whether the selection can match only one host: a single --on without glob characters.
bool SelectsOneHost(const v1::Selection& selection);

// Whether the selection leaves hosts of the fleet out.
bool Narrows(const v1::Selection& selection);

// Whether the command calls the promotion receiver.
bool AsksReceiver(const Invocation& invocation);

// The address of the planner, hook dispatcher, promotion receiver or gateway that the command
// calls; empty if none.
std::string ServerOf(const Invocation& invocation);

// The operation, for error messages: "rollback nginx on web1:8004", "plan through 127.0.0.1:8001".
std::string Describe(const Invocation& invocation);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CLI_INVOCATION_H_
