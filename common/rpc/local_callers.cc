#include "common/rpc/local_callers.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "common/account/lookup.h"

namespace gitops {
namespace {

// 0: `fd` is closed, or no socket. Each socket has a number of its own.
ino_t SocketNumber(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode) ? info.st_ino : 0;
}

std::vector<gid_t> SupplementaryGroups(int fd) {
  std::vector<gid_t> groups(64);
  while (true) {
    socklen_t size = groups.size() * sizeof(gid_t);
    const int result = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
    groups.resize(result == 0 || errno == ERANGE ? size / sizeof(gid_t) : 0);
    if (result == 0 || errno != ERANGE) return groups;
  }
}

std::string NameOf(uid_t uid) {
  if (uid == 0) return "root";
  const absl::StatusOr<UserAccount> account = LookUpUser(uid);
  return account.ok() ? account->name : "";
}

}  // namespace

std::optional<LocalCaller> LocalCallerOf(int fd) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return std::nullopt;
  LocalCaller caller{.uid = credentials.uid, .name = "", .groups = SupplementaryGroups(fd)};
  if (std::find(caller.groups.begin(), caller.groups.end(), credentials.gid) ==
      caller.groups.end()) {
    caller.groups.push_back(credentials.gid);
  }
  return caller;
}

LocalCallers& LocalCallers::OfProcess() {
  static auto& callers = *new LocalCallers;
  return callers;
}

void LocalCallers::Put(int fd, LocalCaller caller) {
  const ino_t socket = SocketNumber(fd);
  MutexLock lock(mutex_);
  ++counts_[caller.uid];
  Connection& connection = connections_[fd];
  if (connection.socket != 0) --counts_[connection.caller.uid];
  connection = {std::move(caller), socket, false};
}

std::optional<LocalCaller> LocalCallers::Find(absl::string_view peer) {
  int fd = 0;
  if (!absl::ConsumePrefix(&peer, "fd:") || !absl::SimpleAtoi(peer, &fd)) return std::nullopt;
  Connection known;
  {
    MutexLock lock(mutex_);
    const auto found = connections_.find(fd);
    if (found == connections_.end()) return std::nullopt;
    known = found->second;
  }
  if (known.named) return known.caller;
  known.caller.name = NameOf(known.caller.uid);
  MutexLock lock(mutex_);
  const auto found = connections_.find(fd);
  if (found != connections_.end() && found->second.socket == known.socket) {
    found->second.caller.name = known.caller.name;
    found->second.named = true;
  }
  return known.caller;
}

size_t LocalCallers::CountOpen(uid_t uid, size_t enough) {
  MutexLock lock(mutex_);
  if (counts_[uid] >= enough) ForgetClosed();
  return counts_[uid];
}

void LocalCallers::ForgetClosed() {
  for (auto each = connections_.begin(); each != connections_.end();) {
    const Connection& connection = each->second;
    if (SocketNumber(each->first) == connection.socket) {
      ++each;
      continue;
    }
    --counts_[connection.caller.uid];
    each = connections_.erase(each);
  }
}

}  // namespace gitops
