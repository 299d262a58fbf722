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
  // The maximum address space in bytes of the process and of each process that it starts
  // (RLIMIT_AS); none: unlimited.
  std::optional<int64_t> max_memory;
  // How readily the kernel kills it when memory runs out (oom_score_adj, 0 to 1000); none: as the
  // caller.
  std::optional<int> oom_score_adj;
  // Above 2: standard output and error go to this descriptor, and nothing of them is kept or
  // counted. So a process that the command leaves behind keeps an output that nobody closes. Owned
  // by the caller; -1: none. Not for conversations.
  int output_file = -1;
  // Called with each piece of standard output, which is then not kept. A status that is not OK
  // kills the process and becomes the result of Run. Called on the thread of Run.
  std::function<absl::Status(absl::string_view)> on_output;
};

struct CommandResult {
  // The exit status, or 128 + N if signal N ended the process.
  int exit_status = 0;
  // Standard output, unless on_output or output_file is set.
  std::string output;
  // The last kKeptErrorOutput bytes of standard error.
  std::string error_output;

  bool ok() const { return exit_status == 0; }
};

// A process that answers requests on its standard input by its standard output, until this is
// destroyed, which kills it and waits for its end. Not thread-safe.
class Conversation {
 public:
  virtual ~Conversation() = default;

  // Receives pieces of the answer; returns true when the answer is complete.
  using OnAnswer = std::function<absl::StatusOr<bool>(absl::string_view)>;

  // Writes `request`, and reads until `on_answer` returns true. `cancel` as in Command. Errors:
  // ABORTED: the process ended, see ending(); DEADLINE_EXCEEDED: no whole answer within `timeout`;
  // CANCELLED: by ProcessRunner::Stop() or `cancel`; or the error of `on_answer`. The process is of
  // no further use after any error. `on_answer` is called on this thread.
  virtual absl::Status Ask(absl::string_view request, const OnAnswer& on_answer,
                           absl::Duration timeout, int cancel) = 0;

  // Set once Ask has returned ABORTED; without output.
  virtual const std::optional<CommandResult>& ending() const = 0;
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

  // Starts `command` for a conversation; its input, timeout, cancel, give_up, max_output and
  // on_output mean nothing. The runner must outlive the conversation. Errors are those of Run.
  virtual absl::StatusOr<std::unique_ptr<Conversation>> Converse(const Command& command) = 0;

  // Kills running commands, ends what is asked in conversations, and refuses new ones, for a
  // shutdown.
  virtual void Stop() = 0;

  // The number of processes spawned so far.
  virtual int64_t spawned() const = 0;
};

// Spawns with posix_spawn (gRPC forbids fork without exec), each command in its own process group.
// `root`: a directory that becomes the programs' root (needs CAP_SYS_CHROOT), which the caller
// keeps open; below 0: this process's. Programs, their libraries and all paths that they open are
// looked up there, and so are Command::directory, setpriv(1) and prlimit(1). Command::user is an
// account of this process's root; the other one must know its number.
std::unique_ptr<ProcessRunner> NewProcessRunner(int root = -1);

}  // namespace gitops

#endif  // GITOPS_COMMON_PROCESS_PROCESS_H_
