#include "common/server/signals.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/status/status.h"

namespace gitops {
namespace {

sigset_t Waited() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  return set;
}

class SignalWaiterImpl : public SignalWaiter {
 public:
  explicit SignalWaiterImpl(Callbacks callbacks) : callbacks_(std::move(callbacks)) {}

  ~SignalWaiterImpl() override {
    if (thread_.joinable()) {
      eventfd_write(stop_, 1);
      thread_.join();
    }
    if (signals_ >= 0) close(signals_);
    if (stop_ >= 0) close(stop_);
  }

  absl::Status Start() {
    const sigset_t set = Waited();
    signals_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals_ < 0) return absl::ErrnoToStatus(errno, "cannot wait for signals");
    stop_ = eventfd(0, EFD_CLOEXEC);
    if (stop_ < 0) return absl::ErrnoToStatus(errno, "cannot wait for signals");
    try {
      thread_ = std::thread([this] { Run(); });
    } catch (const std::system_error& error) {
      return absl::ErrnoToStatus(error.code().value(), "cannot start the thread for signals");
    }
    return absl::OkStatus();
  }

 private:
  void Run() {
    pthread_setname_np(pthread_self(), "signals");
    while (true) {
      pollfd waited[] = {{stop_, POLLIN, 0}, {signals_, POLLIN, 0}};
      if (poll(waited, 2, -1) < 0) continue;
      if (waited[0].revents != 0) return;
      signalfd_siginfo info;
      if (read(signals_, &info, sizeof(info)) == sizeof(info)) Tell(info.ssi_signo);
    }
  }

  void Tell(unsigned number) {
    const auto& callback = number == SIGHUP ? callbacks_.on_reload : callbacks_.on_terminate;
    if (callback) callback();
  }

  const Callbacks callbacks_;
  int signals_ = -1;
  int stop_ = -1;
  std::thread thread_;
};

}  // namespace

void BlockSignals() {
  const sigset_t set = Waited();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

absl::StatusOr<std::unique_ptr<SignalWaiter>> SignalWaiter::Start(Callbacks callbacks) {
  auto waiter = std::make_unique<SignalWaiterImpl>(std::move(callbacks));
  if (absl::Status status = waiter->Start(); !status.ok()) return status;
  return waiter;
}

}  // namespace gitops
