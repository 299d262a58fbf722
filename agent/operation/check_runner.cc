#include "agent/operation/check_runner.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/operation/own_config.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

using google::protobuf::util::TimeUtil;

constexpr size_t kLongestOutput = 4 << 10;
constexpr absl::Duration kLongestTimeout = absl::Hours(1);
constexpr int kNotEnded = -1;

void KeepEnd(std::string& text) {
  if (text.size() > kLongestOutput) text.erase(0, text.size() - kLongestOutput);
}

}  // namespace

absl::StatusOr<v1::RunCheckResponse> RunCheckCommand(const v1::RunCheckRequest& request,
                                                     const std::vector<HostSpec>& hosts,
                                                     ProcessRunner& runner) {
  const absl::Duration timeout =
      absl::Nanoseconds(TimeUtil::DurationToNanoseconds(request.timeout()));
  if (request.cmd().empty() || request.kind() == v1::RunCheckRequest::KIND_UNSPECIFIED ||
      timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("a check needs a kind, a command and a timeout above 0");
  }
  if (absl::Status own = CheckIsOwn(hosts, request); !own.ok()) return own;
  std::string said;
  Command command;
  command.argv.assign(request.cmd().begin(), request.cmd().end());
  command.timeout = std::min(timeout, kLongestTimeout);
  command.on_output = [&said](absl::string_view piece) {
    absl::StrAppend(&said, piece);
    KeepEnd(said);
    return absl::OkStatus();
  };
  const absl::StatusOr<CommandResult> result = runner.Run(command);
  if (absl::IsCancelled(result.status())) {
    return absl::UnavailableError("the agent is stopping; ask again");
  }
  absl::StrAppend(&said, result.ok() ? result->error_output : result.status().message());
  KeepEnd(said);
  v1::RunCheckResponse response;
  response.set_exit_status(result.ok() ? result->exit_status : kNotEnded);
  response.set_output(ValidUtf8(said, kLongestOutput));
  return response;
}

}  // namespace gitops
