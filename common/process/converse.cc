#include "common/process/converse.h"

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

#include "absl/strings/str_cat.h"
#include "common/process/attend.h"

namespace gitops {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

// The time for a process that closed its output to end by itself, and for a killed one to end (more
// is needed only inside the kernel, for example on a dead network disk).
constexpr auto kCloseToKill = std::chrono::seconds(2);
constexpr auto kKillToLoss = std::chrono::seconds(10);
// Of the error output, once it has ended: more than a pipe holds.
constexpr int kLastReads = 17;

class PipeConversation final : public Conversation {
 public:
  PipeConversation(Child child, const Command& command, int stop)
      : child_(std::move(child)), command_(command), stop_(stop) {}

  ~PipeConversation() override {
    if (ended_) return;
    // Until waitid(2) the id of the group cannot be reused.
    kill(-child_.pid, SIGKILL);
    AwaitEnd(kKillToLoss);
    siginfo_t end = {};
    waitid(P_PIDFD, static_cast<id_t>(child_.ended.get()), &end, WEXITED | WNOHANG);
  }

  absl::Status Ask(absl::string_view request, const OnAnswer& on_answer, absl::Duration timeout,
                   int cancel) override {
    unwritten_ = request;
    const SteadyTime deadline =
        timeout < absl::Hours(24 * 365)
            ? std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(timeout)
            : SteadyTime::max();
    while (child_.output) {
      // Also while it writes: error output without an end is no answer.
      if (std::chrono::steady_clock::now() >= deadline) {
        return absl::DeadlineExceededError(absl::StrCat(command_.argv[0], " did not answer within ",
                                                        absl::FormatDuration(timeout)));
      }
      std::array<pollfd, 5> fds = {{{child_.output.get(), POLLIN, 0},
                                    {child_.error.get(), POLLIN, 0},
                                    {unwritten_.empty() ? -1 : child_.input.get(), POLLOUT, 0},
                                    {stop_, POLLIN, 0},
                                    {cancel, POLLIN, 0}}};
      const int events = poll(fds.data(), fds.size(), MillisecondsTo(deadline));
      if (events < 0 && errno != EINTR) return Failed("poll");
      if (events <= 0) continue;
      if (fds[3].revents != 0) {
        return absl::CancelledError(absl::StrCat(
            command_.argv[0], " was stopped: the program that started it is stopping"));
      }
      if (fds[4].revents != 0) {
        return absl::CancelledError(
            absl::StrCat(command_.argv[0], " was stopped: its caller cancelled it"));
      }
      if (fds[1].revents != 0) KeepErrorOutput();
      if (fds[2].revents != 0) Write();
      if (fds[0].revents == 0) continue;
      const absl::string_view piece = Read(child_.output);
      if (piece.empty() && errno != 0) return Failed("read its output");
      if (piece.empty()) continue;
      const absl::StatusOr<bool> complete = on_answer(piece);
      if (!complete.ok()) return complete.status();
      if (*complete && unwritten_.empty()) return absl::OkStatus();
    }
    return NoteEnd();
  }

  const std::optional<CommandResult>& ending() const override { return ending_; }

 private:
  absl::Status Failed(absl::string_view call) const {
    return absl::ErrnoToStatus(errno, absl::StrCat(command_.argv[0], ": ", call));
  }

  static int MillisecondsTo(SteadyTime deadline) {
    if (deadline == SteadyTime::max()) return -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1 << 30));
  }

  // Empty: no data, or the end of the pipe or an error, which close `fd`. errno: the error, or 0.
  absl::string_view Read(Fd& fd) {
    const ssize_t size = read(fd.get(), buffer_.data(), buffer_.size());
    if (size > 0) return absl::string_view(buffer_.data(), static_cast<size_t>(size));
    const int error = size == 0 || errno == EINTR || errno == EAGAIN ? 0 : errno;
    if (size == 0 || error != 0) fd.Close();
    errno = error;
    return "";
  }

  void KeepErrorOutput() {
    const absl::string_view piece = Read(child_.error);
    error_output_.append(piece.data(), piece.size());
    if (error_output_.size() > 2 * kKeptErrorOutput) {
      error_output_.erase(0, error_output_.size() - kKeptErrorOutput);
    }
  }

  void Write() {
    const ssize_t written = WriteWithoutSignal(child_.input.get(), unwritten_);
    if (written >= 0) {
      unwritten_.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EAGAIN && errno != EINTR) {
      // It has ended, or reads no more; its output tells.
      child_.input.Close();
    }
  }

  bool AwaitEnd(std::chrono::milliseconds within) const {
    pollfd end = {child_.ended.get(), POLLIN, 0};
    return poll(&end, 1, static_cast<int>(within.count())) == 1;
  }

  absl::Status NoteEnd() {
    child_.input.Close();
    if (!AwaitEnd(kCloseToKill)) {
      kill(-child_.pid, SIGKILL);
      if (!AwaitEnd(kKillToLoss)) {
        return absl::DeadlineExceededError(
            absl::StrCat(command_.argv[0], " closed its output and does not end"));
      }
    }
    kill(-child_.pid, SIGKILL);
    // What it left in the pipe; a descendant in another group may go on writing.
    pollfd rest = {child_.error.get(), POLLIN, 0};
    for (int i = 0; i < kLastReads && child_.error && poll(&rest, 1, 0) == 1; ++i) {
      KeepErrorOutput();
    }
    siginfo_t end = {};
    if (waitid(P_PIDFD, static_cast<id_t>(child_.ended.get()), &end, WEXITED) != 0) {
      return Failed("wait; is SIGCHLD ignored?");
    }
    ended_ = true;
    CommandResult result;
    result.exit_status = end.si_code == CLD_EXITED ? end.si_status : 128 + end.si_status;
    if (error_output_.size() > kKeptErrorOutput) {
      error_output_.erase(0, error_output_.size() - kKeptErrorOutput);
    }
    result.error_output = std::move(error_output_);
    const absl::Status wrapper = CheckWrapper(command_, result);
    ending_ = std::move(result);
    if (!wrapper.ok()) return wrapper;
    return absl::AbortedError(absl::StrCat(command_.argv[0],
                                           " ended before it had answered (exit status ",
                                           ending_->exit_status, ")"));
  }

  Child child_;
  const Command command_;
  const int stop_;
  absl::string_view unwritten_;
  std::string error_output_;
  bool ended_ = false;
  std::optional<CommandResult> ending_;
  std::array<char, 64 << 10> buffer_;
};

}  // namespace

std::unique_ptr<Conversation> NewConversation(Child child, const Command& command, int stop) {
  return std::make_unique<PipeConversation>(std::move(child), command, stop);
}

}  // namespace gitops
