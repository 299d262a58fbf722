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

// So much of the end of standard error is kept.
inline constexpr size_t kKeptErrorOutput = 16 << 10;

// One command to run. Nothing of the caller's environment is inherited except what is given.
struct Command {
  // argv[0] is looked up in /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin unless it
  // holds a slash.
  std::vector<std::string> argv;
  // The whole environment, as NAME, value. PATH is set to the list above where not given.
  std::vector<std::pair<std::string, std::string>> environment;
  // Empty: "/".
  std::string directory;
  // Written to standard input, which is then closed.
  std::string input;
  // Run as this account, with its groups and HOME; empty, or the caller's own name: as the caller.
  // Another account needs root (setpriv(1) does the change between spawn and exec).
  std::string user;
  // The process and all it started are killed (SIGTERM, 2 s later SIGKILL, to its process group)
  // when this is over.
  absl::Duration timeout = absl::Minutes(5);
  // A descriptor that, once readable, has it killed in the same way, with CANCELLED; the caller's,
  // -1: none.
  int cancel = -1;
  // Asked a few times a second; true has it killed in the same way, with CANCELLED. May be empty.
  std::function<bool()> give_up;
  // More output than this kills it, with RESOURCE_EXHAUSTED. Bytes, standard output only.
  int64_t max_output = 64 << 20;
  // No file it writes may grow beyond this many bytes (RLIMIT_FSIZE); none: unlimited.
  std::optional<int64_t> max_file_size;
  // Called with each piece of standard output as it comes, instead of keeping it; a status that is
  // not OK kills the process and becomes Run's. From the thread that called Run.
  std::function<absl::Status(absl::string_view)> on_output;
};

struct CommandResult {
  // As exit(3) had it; 128 + N where signal N ended it.
  int exit_status = 0;
  // Standard output, unless on_output was given.
  std::string output;
  // The last kKeptErrorOutput bytes of standard error.
  std::string error_output;

  bool ok() const { return exit_status == 0; }
};

// Runs commands. May be called from any thread, several at a time.
class ProcessRunner {
 public:
  virtual ~ProcessRunner() = default;

  // Runs `command` to its end. A command that ran and failed is a result, not an error.
  // It returns at most 200 ms after the command's end, even if what the command started and left
  // behind holds its output open; that is not killed.
  // Errors: INVALID_ARGUMENT: no program, or a NUL in a text; NOT_FOUND: no such program, account
  // or directory; PERMISSION_DENIED: may not run it, or may not become the account;
  // DEADLINE_EXCEEDED: killed at its time limit; RESOURCE_EXHAUSTED: killed for its output, or no
  // process could be made; CANCELLED: Stop() was called, or
  // Command::cancel or give_up said so. Messages name the
  // program, never its arguments or environment, which may hold secrets.
  virtual absl::StatusOr<CommandResult> Run(const Command& command) = 0;

  // Kills what runs and refuses what comes after, for a shutdown.
  virtual void Stop() = 0;

  // How many processes were spawned so far.
  virtual int64_t spawned() const = 0;
};

// Spawns with posix_spawn (gRPC forbids fork without exec), each command in a process group of
// its own.
std::unique_ptr<ProcessRunner> NewProcessRunner();

}  // namespace gitops

#endif  // GITOPS_COMMON_PROCESS_PROCESS_H_
