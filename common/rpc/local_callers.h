#ifndef GITOPS_COMMON_RPC_LOCAL_CALLERS_H_
#define GITOPS_COMMON_RPC_LOCAL_CALLERS_H_

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "common/sync/mutex.h"

namespace gitops {

// The account that opened a connection over a unix socket, as the kernel says (SO_PEERCRED).
struct LocalCaller {
  uid_t uid = 0;
  std::string name;           // of the account, once LocalCallers looked it up; empty: it has none
  std::vector<gid_t> groups;  // its own and the supplementary ones

  bool operator==(const LocalCaller&) const = default;
};

// The account at the other end of the unix socket `fd`, without its name. nullopt: the kernel does
// not say.
std::optional<LocalCaller> LocalCallerOf(int fd);

// Who made the connections that UnixListener accepted, by descriptor. gRPC names a call's peer
// "fd:N", and it closes a descriptor only after the last call on it has ended. So there is never a
// call whose number belongs to another connection. Thread-safe.
class LocalCallers {
 public:
  // Descriptors are numbered per process, and so are these.
  static LocalCallers& OfProcess();

  // Before gRPC gets `fd`. Replaces an earlier connection with that number.
  void Put(int fd, LocalCaller caller);
  // The account behind a peer of gRPC's ("fd:7"), with its name; nullopt: none of ours. The first
  // time, it waits for the name service, which may hang: so nothing that serves other callers may
  // wait for it. Not for root, who repairs it.
  std::optional<LocalCaller> Find(absl::string_view peer);
  // The number of connections of an account. Those that were closed since count too, unless it
  // reaches `enough`: then it looks at each.
  size_t CountOpen(uid_t uid, size_t enough);

 private:
  struct Connection {
    LocalCaller caller;
    ino_t socket = 0;
    bool named = false;
  };

  void ForgetClosed() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  std::map<int, Connection> connections_ ABSL_GUARDED_BY(mutex_);
  std::map<uid_t, size_t> counts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_LOCAL_CALLERS_H_
