#include "common/rpc/unix_listener.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/log/log.h"
#include "common/sync/start_thread.h"

namespace gitops {
namespace {

constexpr int kBacklog = 1024;
// After accept failed, for example for want of descriptors.
constexpr absl::Duration kPause = absl::Milliseconds(100);
constexpr absl::Duration kTellEvery = absl::Minutes(1);

absl::Status Failed(int error) { return absl::UnavailableError(std::strerror(error)); }

size_t HalfOfDescriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 512;
  return std::clamp<rlim_t>(limit.rlim_cur / 2, 16, 1'000'000);
}

int Timeout(absl::Time until) {
  if (until == absl::InfiniteFuture()) return -1;
  const int64_t left = absl::ToInt64Milliseconds(until - absl::Now()) + 1;
  return static_cast<int>(std::clamp<int64_t>(left, 0, 60'000));
}

}  // namespace

absl::StatusOr<std::unique_ptr<UnixListener>> UnixListener::Bind(const std::string& path,
                                                                 UnixListenerOptions options) {
  if (options.max_connections == 0) options.max_connections = HalfOfDescriptors();
  Fd listening(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listening) return Failed(errno);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof(address.sun_path)) return Failed(ENAMETOOLONG);
  std::memcpy(address.sun_path, path.data(), path.size());
  if (bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return Failed(errno);
  }
  struct stat bound {};
  // Nobody can connect before it listens, so the mode is right in time.
  if (chmod(path.c_str(), 0660) != 0 || lstat(path.c_str(), &bound) != 0 ||
      listen(listening.get(), kBacklog) != 0) {
    const int error = errno;
    unlink(path.c_str());
    return Failed(error);
  }
  Fd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) {
    const int error = errno;
    unlink(path.c_str());
    return Failed(error);
  }
  return std::unique_ptr<UnixListener>(
      new UnixListener(path, bound.st_ino, std::move(listening), std::move(wake), options));
}

UnixListener::UnixListener(std::string path, ino_t inode, Fd listening, Fd wake,
                           UnixListenerOptions options)
    : path_(std::move(path)),
      inode_(inode),
      options_(options),
      listening_(std::move(listening)),
      wake_(std::move(wake)) {}

absl::Status UnixListener::Serve(std::function<void(int fd)> serve) {
  serve_ = std::move(serve);
  absl::StatusOr<std::thread> thread =
      StartThread(absl::StrCat("accept connections on unix:", path_), [this] { Run(); });
  if (!thread.ok()) return thread.status();
  thread_ = *std::move(thread);
  return absl::OkStatus();
}

void UnixListener::Stop() {
  if (!listening_) return;
  struct stat now {};
  if (lstat(path_.c_str(), &now) == 0 && now.st_ino == inode_) unlink(path_.c_str());
  const uint64_t one = 1;
  while (write(wake_.get(), &one, sizeof(one)) < 0 && errno == EINTR) {
  }
  if (thread_.joinable()) thread_.join();
  silent_.clear();
  listening_.Close();
}

void UnixListener::Run() {
  while (true) {
    std::vector<pollfd> watched = {{wake_.get(), POLLIN, 0}, {listening_.get(), POLLIN, 0}};
    absl::Time until = absl::InfiniteFuture();
    if (absl::Now() < accept_again_) {
      watched[1].fd = -1;
      until = accept_again_;
    }
    for (const Silent& each : silent_) {
      watched.push_back({each.fd.get(), POLLIN, 0});
      until = std::min(until, each.until);
    }
    if (poll(watched.data(), watched.size(), Timeout(until)) < 0 && errno != EINTR) {
      accept_again_ = absl::Now() + kPause;  // ENOMEM
      continue;
    }
    if (watched[0].revents != 0) return;
    const absl::Time now = absl::Now();
    size_t index = 2;
    for (auto each = silent_.begin(); each != silent_.end(); ++index) {
      const auto here = each++;
      if (watched[index].revents != 0) Begin(*here);
      if (watched[index].revents != 0 || here->until <= now) silent_.erase(here);
    }
    if (watched[1].revents != 0) AcceptAll();
  }
}

void UnixListener::AcceptAll() {
  while (true) {
    Fd fd(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EAGAIN) return;
      TellOnce(
          told_failure_,
          absl::StrCat("cannot accept connections for now: ", std::strerror(errno), "; they wait"));
      accept_again_ = absl::Now() + kPause;
      return;
    }
    std::optional<LocalCaller> caller = LocalCallerOf(fd.get());
    if (!caller.has_value()) continue;
    const uid_t uid = caller->uid;
    const size_t silent = std::count_if(silent_.begin(), silent_.end(), [uid](const Silent& each) {
      return each.caller.uid == uid;
    });
    const size_t allowed = options_.max_connections + (uid == 0 ? options_.max_connections / 2 : 0);
    const size_t left = allowed - std::min(silent, allowed);
    if (LocalCallers::OfProcess().CountOpen(uid, left) >= left) {
      TellOnce(told_limit_,
               absl::StrCat("closed a connection of uid ", uid, ", which already has ", allowed));
      continue;
    }
    silent_.push_back({std::move(fd), *std::move(caller), absl::Now() + options_.first_bytes});
  }
}

void UnixListener::Begin(Silent& silent) {
  char first = 0;
  if (recv(silent.fd.get(), &first, 1, MSG_PEEK | MSG_DONTWAIT) != 1) return;
  LocalCallers::OfProcess().Put(silent.fd.get(), std::move(silent.caller));
  serve_(silent.fd.Release());
}

void UnixListener::TellOnce(absl::Time& told, const std::string& message) {
  const absl::Time now = absl::Now();
  if (now - told < kTellEvery) return;
  told = now;
  LogWarning("unix socket", {{"socket", path_}, {"error", message}});
}

}  // namespace gitops
