#ifndef GITOPS_COMMON_RPC_UNIX_LISTENER_H_
#define GITOPS_COMMON_RPC_UNIX_LISTENER_H_

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/path/fd.h"
#include "common/rpc/local_callers.h"

namespace gitops {

struct UnixListenerOptions {
  // The maximum number of connections of an account; root may have half as many again. 0: half of
  // the descriptors that the process may open.
  size_t max_connections = 0;
  // A client that sends nothing for so long after it connected is disconnected.
  absl::Duration first_bytes = absl::Seconds(10);
};

// Accepts connections on a unix socket, and remembers in LocalCallers whose they are; gRPC's own
// listener does not tell. Not thread-safe.
class UnixListener {
 public:
  // Binds `path` with mode 0660, and listens; nobody is served yet. UNAVAILABLE: that failed; the
  // message is the cause alone.
  static absl::StatusOr<std::unique_ptr<UnixListener>> Bind(const std::string& path,
                                                            UnixListenerOptions options = {});
  ~UnixListener() { Stop(); }

  // Gives each connection to `serve`, which owns the descriptor then, on a thread of the listener.
  // UNAVAILABLE: the thread cannot be started.
  absl::Status Serve(std::function<void(int fd)> serve);
  // Removes the socket unless another process has replaced it, and ends the thread. Connections
  // that `serve` has stay.
  void Stop();

 private:
  struct Silent {
    Fd fd;
    LocalCaller caller;
    absl::Time until;
  };

  UnixListener(std::string path, ino_t inode, Fd listening, Fd wake, UnixListenerOptions options);

  void Run();
  void AcceptAll();
  // Of a connection that sent something, or hung up.
  void Begin(Silent& silent);
  void TellOnce(absl::Time& told, const std::string& message);

  const std::string path_;
  const ino_t inode_;
  const UnixListenerOptions options_;
  Fd listening_, wake_;
  std::function<void(int fd)> serve_;
  std::thread thread_;
  // Of the thread.
  std::list<Silent> silent_;
  absl::Time accept_again_ = absl::InfinitePast();
  absl::Time told_failure_ = absl::InfinitePast(), told_limit_ = absl::InfinitePast();
};

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_UNIX_LISTENER_H_
