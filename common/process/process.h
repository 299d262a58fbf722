#ifndef GITOPS_COMMON_PROCESS_PROCESS_H_
#define GITOPS_COMMON_PROCESS_PROCESS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace gitops {

// The maximum that is kept of the end of standard error.
inline constexpr size_t kKeptErrorOutput = 16 << 10;

// One command to run. It inherits nothing from the caller's environment.
struct Command {
  // argv[0] is looked up in /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin unless it
  // contains a slash.
  std::vector<std::string> argv;
  // The complete environment, as NAME, value. PATH defaults to the list above.
  std::vector<std::pair<std::string, std::string>> environment;
  // Empty: "/".
  std::string directory;
  // Written to standard input, which is then closed.
  std::string input;
  // The account to run as, with its groups and HOME; empty, or the caller's own name: the caller's
  // account. Another account needs root (setpriv(1) does the change between spawn and exec).
  std::string user;
  // After this time the process group is killed (SIGTERM, 2 s later SIGKILL).
  absl::Duration timeout = absl::Minutes(5);
  // When this descriptor becomes readable, the process is killed in the same way, with CANCELLED.
  // Owned by the caller; -1: none.
  int cancel = -1;
  // Polled a few times per second; if true, the process is killed in the same way, with CANCELLED.
  // May be empty.
  std::function<bool()> give_up;
  // The maximum of standard output in bytes; with more, the process is killed, with
  // RESOURCE_EXHAUSTED.
  int64_t max_output = 64 << 20;
  // The maximum size in bytes of files that it writes (RLIMIT_FSIZE); none: unlimited.
  std::optional<int64_t> max_file_size;
  // Called with each piece of standard output, which is then not kept. A status that is not OK
  // kills the process and becomes the result of Run. Called on the thread of Run.
  std::function<absl::Status(absl::string_view)> on_output;
};

struct CommandResult {
  // The exit status, or 128 + N if signal N ended the process.
  int exit_status = 0;
  // Standard output, unless on_output is set.
  std::string output;
  // The last kKeptErrorOutput bytes of standard error.
  std::string error_output;

  bool ok() const { return exit_status == 0; }
};

// Runs commands. Thread-safe; several may run at a time.
class ProcessRunner {
 public:
  virtual ~ProcessRunner() = default;

  // Runs `command` to its end. A command that ran and failed is a result, not an error. Returns at
  // most 200 ms after the command's end, even if a process that it left behind keeps its output
  // open; such processes are not killed. Errors: INVALID_ARGUMENT: no program, or a NUL in a text;
  // NOT_FOUND: no such program, account or directory; PERMISSION_DENIED: may not run it, or may not
  // become the account; DEADLINE_EXCEEDED: killed at its time limit; RESOURCE_EXHAUSTED: killed for
  // its output, or no process could be created; CANCELLED: by Stop(), Command::cancel or give_up.
  // Messages name the program, never its arguments or environment, which may contain secrets.
  virtual absl::StatusOr<CommandResult> Run(const Command& command) = 0;

  // Kills running commands and refuses new ones, for a shutdown.
  virtual void Stop() = 0;

  // The number of processes spawned so far.
  virtual int64_t spawned() const = 0;
};

// Spawns with posix_spawn (gRPC forbids fork without exec), each command in its own process group.
std::unique_ptr<ProcessRunner> NewProcessRunner();

}  // namespace gitops

#endif  // GITOPS_COMMON_PROCESS_PROCESS_H_
