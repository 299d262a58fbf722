#include "agent/operation/check_runner.h"

#include <algorithm>
#include <string>

#include "agent/operation/command_output.h"
#include "agent/operation/own_config.h"
#include "common/clock/timestamp.h"

namespace gitops {
namespace {

constexpr size_t kLongestOutput = 4 << 10;
constexpr absl::Duration kLongestTimeout = absl::Hours(1);
constexpr int kNotEnded = -1;

}  // namespace

absl::StatusOr<v1::RunCheckResponse> RunCheckCommand(const v1::RunCheckRequest& request,
                                                     const std::vector<HostSpec>& hosts,
                                                     ProcessRunner& runner,
                                                     const std::function<bool()>& give_up) {
  const absl::Duration timeout = FromDuration(request.timeout());
  if (request.cmd().empty() || request.kind() == v1::RunCheckRequest::KIND_UNSPECIFIED ||
      timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("a check needs a kind, a command and a timeout above 0");
  }
  if (absl::Status own = CheckIsOwn(hosts, request); !own.ok()) return own;
  CommandOutput output;
  Command command;
  command.argv.assign(request.cmd().begin(), request.cmd().end());
  command.timeout = std::min(timeout, kLongestTimeout);
  command.on_output = output.Keeper();
  command.give_up = give_up;
  const absl::StatusOr<CommandResult> result = runner.Run(command);
  if (absl::IsCancelled(result.status())) {
    return absl::UnavailableError(
        "the check was stopped: the agent is stopping, or the caller is gone; try again");
  }
  v1::RunCheckResponse response;
  response.set_exit_status(result.ok() ? result->exit_status : kNotEnded);
  const std::string last(result.ok() ? result->error_output : result.status().message());
  response.set_output(output.End(last, hosts, kLongestOutput));
  return response;
}

}  // namespace gitops
