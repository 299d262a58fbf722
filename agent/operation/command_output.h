#ifndef GITOPS_AGENT_OPERATION_COMMAND_OUTPUT_H_
#define GITOPS_AGENT_OPERATION_COMMAND_OUTPUT_H_

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/config/fleet.h"

namespace gitops {

// The end of a command's output, for messages and records: without the secrets of this host. Not
// thread-safe.
class CommandOutput {
 public:
  // For Command::on_output; this must outlive the command. There is no limit of the output, and
  // only its end is kept.
  std::function<absl::Status(absl::string_view)> Keeper();

  // The kept output followed by `error_output` of CommandResult: the last `most` bytes,
  // escaped as by EscapeText, with their lines. `hosts` are this host's own entries of the fleet
  // config: the content of every secret file that they name is removed, since a command may print
  // secrets of others. If such a file cannot be read, returns a note instead of the output.
  std::string End(absl::string_view error_output, const std::vector<HostSpec>& hosts,
                  size_t most) const;

 private:
  std::string kept_;
  bool cut_ = false;  // earlier output was dropped
};

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_COMMAND_OUTPUT_H_
