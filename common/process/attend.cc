#include "common/process/attend.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr auto kTermToKill = std::chrono::seconds(2);
// The time for a killed process to end. It takes longer only inside the kernel, for example on a
// dead network disk.
constexpr auto kKillToLoss = std::chrono::seconds(10);
// How often give_up is polled.
constexpr int kLookMilliseconds = 100;
constexpr auto kEndToReturn = std::chrono::milliseconds(200);

class Attendant {
 public:
  Attendant(Child child, const Command& command, int stop)
      : child_(std::move(child)), command_(command), stop_(stop), unwritten_(command.input) {
    if (command.timeout < absl::Hours(24 * 365)) {
      deadline_ = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(command.timeout);
    }
  }

  absl::StatusOr<CommandResult> Run() {
    while (!(ended_ && !child_.output && !child_.error)) {
      if (std::chrono::steady_clock::now() >= deadline_) {
        if (state_ == State::kLeaving) break;
        MeetDeadline();
      } else {
        PollOnce();
      }
    }
    return Finish();
  }

 private:
  enum class State {
    kRunning,      // until its time limit, or its end
    kTerminating,  // SIGTERM was sent; until its end and that of the pipes, or 2 s
    kLeaving,      // it has ended or got SIGKILL; the rest of the output is read for a bounded time
  };

  void MeetDeadline() {
    if (state_ == State::kRunning) {
      Terminate(absl::DeadlineExceededError(absl::StrCat(command_.argv[0],
                                                         " was killed: it ran for longer than ",
                                                         absl::FormatDuration(command_.timeout))));
      return;
    }
    kill(-child_.pid, SIGKILL);
    Leave(ended_ ? SteadyTime::duration(kEndToReturn) : SteadyTime::duration(kKillToLoss));
  }

  void Terminate(absl::Status why) {
    if (!failure_.ok()) return;
    failure_ = std::move(why);
    kill(-child_.pid, SIGTERM);
    child_.input.Close();
    state_ = State::kTerminating;
    deadline_ = std::chrono::steady_clock::now() + kTermToKill;
  }

  void Leave(SteadyTime::duration within) {
    state_ = State::kLeaving;
    deadline_ = std::chrono::steady_clock::now() + within;
  }

  void PollOnce() {
    const bool stoppable = state_ == State::kRunning;
    // poll(2) ignores negative descriptors.
    std::array<pollfd, 6> fds = {{{child_.output.get(), POLLIN, 0},
                                  {child_.error.get(), POLLIN, 0},
                                  {child_.input.get(), POLLOUT, 0},
                                  {ended_ ? -1 : child_.ended.get(), POLLIN, 0},
                                  {stoppable ? stop_ : -1, POLLIN, 0},
                                  {stoppable ? command_.cancel : -1, POLLIN, 0}}};
    const int events = poll(fds.data(), fds.size(), MillisecondsLeft());
    if (stoppable && command_.give_up && command_.give_up()) {
      Terminate(Unwanted());
      return;
    }
    if (events <= 0) return;
    if (fds[0].revents != 0) ReadOutput();
    if (fds[1].revents != 0) ReadErrorOutput();
    // ReadOutput() may have closed it.
    if (fds[2].revents != 0 && child_.input) WriteInput();
    if (fds[3].revents != 0) NoteEnd();
    if (fds[4].revents != 0) {
      Terminate(absl::CancelledError(
          absl::StrCat(command_.argv[0], " was killed: the program that started it is stopping")));
    }
    if (fds[5].revents != 0) {
      Terminate(Unwanted());
    }
  }

  absl::Status Unwanted() const {
    return absl::CancelledError(
        absl::StrCat(command_.argv[0], " was killed: its caller cancelled it"));
  }

  int MillisecondsLeft() const {
    const int64_t most = command_.give_up ? kLookMilliseconds : 1 << 30;
    if (deadline_ == SteadyTime::max()) return command_.give_up ? kLookMilliseconds : -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<int64_t>(left.count(), 0, most));
  }

  void NoteEnd() {
    ended_ = true;
    child_.input.Close();
    if (state_ != State::kTerminating) Leave(kEndToReturn);
  }

  // Empty: no data, or the end of the pipe, which closes `fd`.
  absl::string_view Read(Fd& fd) {
    const ssize_t size = read(fd.get(), buffer_.data(), buffer_.size());
    if (size > 0) return absl::string_view(buffer_.data(), static_cast<size_t>(size));
    if (size == 0 || errno != EINTR) fd.Close();
    return "";
  }

  void ReadOutput() {
    const absl::string_view piece = Read(child_.output);
    if (piece.empty() || !failure_.ok()) return;
    output_size_ += static_cast<int64_t>(piece.size());
    if (output_size_ > command_.max_output) {
      Terminate(absl::ResourceExhaustedError(
          absl::StrCat(command_.argv[0], " was killed: it wrote more than the limit of ",
                       command_.max_output, " bytes")));
      return;
    }
    if (command_.on_output == nullptr) {
      result_.output.append(piece.data(), piece.size());
      return;
    }
    absl::Status status = command_.on_output(piece);
    if (!status.ok()) Terminate(std::move(status));
  }

  void ReadErrorOutput() {
    std::string& kept = result_.error_output;
    const absl::string_view piece = Read(child_.error);
    kept.append(piece.data(), piece.size());
    // Cut occasionally, not with every piece.
    if (kept.size() > 8 * kKeptErrorOutput) kept.erase(0, kept.size() - kKeptErrorOutput);
  }

  void WriteInput() {
    const ssize_t written = WriteWithoutSignal(child_.input.get(), unwritten_);
    if (written < 0) {
      // A program need not read all its input.
      if (errno != EAGAIN && errno != EINTR) child_.input.Close();
      return;
    }
    unwritten_.remove_prefix(static_cast<size_t>(written));
    if (unwritten_.empty()) child_.input.Close();
  }

  absl::StatusOr<CommandResult> Finish() {
    // Before waitid(2): until then the id of the group cannot be reused.
    if (!failure_.ok()) kill(-child_.pid, SIGKILL);
    if (!ended_) {
      return absl::DeadlineExceededError(absl::StrCat(failure_.message(), "; process ", child_.pid,
                                                      " did not end anyway, and is left running"));
    }
    siginfo_t end = {};
    while (waitid(P_PIDFD, static_cast<id_t>(child_.ended.get()), &end, WEXITED) != 0) {
      if (errno == EINTR) continue;
      return absl::InternalError(absl::StrCat("wait for ", command_.argv[0], ": ",
                                              std::strerror(errno), "; is SIGCHLD ignored?"));
    }
    if (!failure_.ok()) return failure_;
    result_.exit_status = end.si_code == CLD_EXITED ? end.si_status : 128 + end.si_status;
    std::string& kept = result_.error_output;
    if (kept.size() > kKeptErrorOutput) kept.erase(0, kept.size() - kKeptErrorOutput);
    absl::Status status = CheckWrapper(command_, result_);
    if (!status.ok()) return status;
    return std::move(result_);
  }

  Child child_;
  const Command& command_;
  const int stop_;
  absl::string_view unwritten_;
  State state_ = State::kRunning;
  // The end of the current state.
  SteadyTime deadline_ = SteadyTime::max();
  bool ended_ = false;
  // Why the process was killed.
  absl::Status failure_;
  int64_t output_size_ = 0;
  CommandResult result_;
  std::array<char, 64 << 10> buffer_;
};

}  // namespace

ssize_t WriteWithoutSignal(int fd, absl::string_view data) {
  sigset_t pipe_signal, pending, before;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  sigpending(&pending);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  const ssize_t written = write(fd, data.data(), data.size());
  const int error = errno;
  if (written < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE)) {
    const timespec at_once = {0, 0};
    sigtimedwait(&pipe_signal, nullptr, &at_once);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return written;
}

absl::Status CheckWrapper(const Command& command, const CommandResult& result) {
  const bool setpriv = !command.user.empty() && absl::StartsWith(result.error_output, "setpriv: ");
  const bool prlimit = (command.max_file_size.has_value() || command.max_memory.has_value()) &&
                       absl::StartsWith(result.error_output, "prlimit: ");
  const int status = result.exit_status;
  if (!(setpriv || prlimit) || (status != 1 && status != 126 && status != 127)) {
    return absl::OkStatus();
  }
  const std::string line = result.error_output.substr(0, result.error_output.find('\n'));
  const bool missing = status == 127 && absl::StrContains(line, "failed to execute");
  return absl::Status(missing ? absl::StatusCode::kNotFound : absl::StatusCode::kPermissionDenied,
                      absl::StrCat("run ", command.argv[0], command.user.empty() ? "" : " as ",
                                   command.user, ": ", line));
}

absl::StatusOr<CommandResult> Attend(Child child, const Command& command, int stop) {
  return Attendant(std::move(child), command, stop).Run();
}

}  // namespace gitops
