#include "common/process/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/process/invocation.h"
#include "common/sync/start_thread.h"

namespace gitops {
namespace {

absl::Status SystemError(absl::string_view program, absl::string_view attempted, int error) {
  const std::string message =
      absl::StrCat("run ", program, ": ", attempted, ": ", std::strerror(error));
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError(message);
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(message);
    case ENOEXEC:
    case E2BIG:
      return absl::InvalidArgumentError(message);
    default:
      return absl::ResourceExhaustedError(message);
  }
}

// Where the host refuses a process.
constexpr int kAttempts = 3;
constexpr std::chrono::milliseconds kPause(20);

struct Pipe {
  Fd read;
  Fd write;
};

// Moves a descriptor above those of the standard streams, which the child's own would overwrite.
bool MoveUp(Fd& fd) {
  if (fd.get() > STDERR_FILENO) return true;
  fd = Fd(fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  return static_cast<bool>(fd);
}

bool Open(Pipe& pipe) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  pipe.read = Fd(ends[0]);
  pipe.write = Fd(ends[1]);
  return MoveUp(pipe.read) && MoveUp(pipe.write);
}

// The two parameters of posix_spawn(3), which collects errors of the calls.
class SpawnSettings {
 public:
  SpawnSettings() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  // `input` below 0: nothing to read.
  void SetStreams(int input, int output, int error) {
    Note(input < 0
             ? posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
             : posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO));
    Note(posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO));
    Note(posix_spawn_file_actions_adddup2(&actions_, error, STDERR_FILENO));
    // Libraries may have descriptors that are not close-on-exec.
    Note(posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1));
  }
  void SetDirectory(const std::string& directory) {
    Note(posix_spawn_file_actions_addchdir_np(&actions_, directory.c_str()));
  }
  void SetGroupAndSignals() {
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    Note(posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK));
    Note(posix_spawnattr_setpgroup(&attributes_, 0));
    Note(posix_spawnattr_setsigdefault(&attributes_, &all));
    Note(posix_spawnattr_setsigmask(&attributes_, &none));
  }
  // Returns errno's value.
  int Spawn(const Invocation& invocation, pid_t& pid) const {
    if (error_ != 0) return error_;
    const std::vector<char*> argv = Pointers(invocation.argv);
    const std::vector<char*> environment = Pointers(invocation.environment);
    int error = EAGAIN;
    // Most work needs several processes, and would have to begin again for the sake of one that the
    // host refuses for a moment.
    for (int attempt = 0; error == EAGAIN && attempt < kAttempts; ++attempt) {
      if (attempt > 0) std::this_thread::sleep_for(kPause);
      error = posix_spawn(&pid, invocation.program.c_str(), &actions_, &attributes_, argv.data(),
                          environment.data());
    }
    return error;
  }

 private:
  static std::vector<char*> Pointers(const std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
    pointers.push_back(nullptr);
    return pointers;
  }
  void Note(int error) {
    if (error_ == 0) error_ = error;
  }

  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
  int error_ = 0;
};

// Calls `work` with the directory `root` as its root. On a thread of its own, which shares root and
// working directory with no other: what it spawns inherits them.
absl::Status InRoot(int root, absl::string_view program,
                    const std::function<absl::Status()>& work) {
  absl::Status status;
  absl::StatusOr<std::thread> thread =
      StartThread(absl::StrCat("run ", program, " in another root directory"), [&] {
        if (unshare(CLONE_FS) == 0 && fchdir(root) == 0 && chroot(".") == 0) {
          status = work();
        } else {
          status = SystemError(program, "change the root directory", errno);
        }
      });
  if (!thread.ok()) return absl::ResourceExhaustedError(thread.status().message());
  thread->join();
  return status;
}

// Before the child starts others, which inherit it: it first executes a wrapper or loads itself.
// The value is a preference, so a failure (a kernel without it) does not matter.
void SetOomScore(pid_t pid, int adjustment) {
  const Fd file(open(absl::StrCat("/proc/", pid, "/oom_score_adj").c_str(), O_WRONLY | O_CLOEXEC));
  const std::string text = absl::StrCat(adjustment);
  if (file && write(file.get(), text.data(), text.size()) < 0) return;
}

}  // namespace

absl::StatusOr<Child> Launch(const Command& command, bool conversation, int root) {
  const absl::StatusOr<std::optional<UserAccount>> account = AccountOf(command);
  if (!account.ok()) return account.status();
  const std::string& name = command.argv[0];
  Pipe input, output, error;
  const bool to_file = command.output_file > STDERR_FILENO;
  if (((conversation || !command.input.empty()) && !Open(input)) ||
      (!to_file && (!Open(output) || !Open(error)))) {
    return SystemError(name, "make pipes", errno);
  }
  SpawnSettings settings;
  settings.SetStreams(input.read.get(), to_file ? command.output_file : output.write.get(),
                      to_file ? command.output_file : error.write.get());
  settings.SetGroupAndSignals();
  Child child;
  const auto spawn = [&]() -> absl::Status {
    const absl::StatusOr<Invocation> invocation = PlanInvocation(command, *account);
    if (!invocation.ok()) return invocation.status();
    settings.SetDirectory(invocation->directory);
    const int failure = settings.Spawn(*invocation, child.pid);
    if (failure == 0) return absl::OkStatus();
    return SystemError(name, absl::StrCat("spawn in ", invocation->directory), failure);
  };
  if (absl::Status spawned = root < 0 ? spawn() : InRoot(root, name, spawn); !spawned.ok()) {
    return spawned;
  }
  if (command.oom_score_adj.has_value()) SetOomScore(child.pid, *command.oom_score_adj);
  // Its id cannot be reused before it was waited for, so this is the right process. A system call,
  // because glibc 2.36 declares it without C linkage.
  child.ended = Fd(static_cast<int>(syscall(SYS_pidfd_open, child.pid, 0)));
  if (!child.ended) {
    const int reason = errno;
    kill(-child.pid, SIGKILL);
    waitpid(child.pid, nullptr, 0);
    return SystemError(name, "pidfd_open (needs Linux 5.3)", reason);
  }
  if (input.write) fcntl(input.write.get(), F_SETFL, O_NONBLOCK);
  child.input = std::move(input.write);
  child.output = std::move(output.read);
  child.error = std::move(error.read);
  return child;
}

}  // namespace gitops
