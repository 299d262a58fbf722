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

// The end of what a command says, fit for messages and records: without the secrets of this host.
// Used by one thread.
class CommandOutput {
 public:
  // For Command::on_output; this must outlive the command. However much it says, it is not killed
  // for that, and little of it is kept.
  std::function<absl::Status(absl::string_view)> Keeper();

  // What was kept and then `error_output`, as CommandResult has it: the last `most` bytes. `hosts`
  // are this host's own entries of the fleet config: every secret that lies where they say is taken
  // out, since a command may print another than its own. Where one lies there that cannot be known,
  // says so instead of anything.
  std::string End(absl::string_view error_output, const std::vector<HostSpec>& hosts,
                  size_t most) const;

 private:
  std::string kept_;
  bool cut_ = false;  // there was more before
};

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_COMMAND_OUTPUT_H_
