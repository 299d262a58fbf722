#ifndef GITOPS_COMMON_SERVER_DEFAULT_SOCKET_H_
#define GITOPS_COMMON_SERVER_DEFAULT_SOCKET_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/path/fd.h"

namespace gitops {

// The unix socket that a server of root's serves where no address was named, such as
// /run/gitops/agent.sock. Whoever may open it may do everything.
class DefaultSocket {
 public:
  // Takes the socket at `path` for as long as the object lives; its directory is made, and a socket
  // that nobody serves is removed. FAILED_PRECONDITION: another account could put its own socket in
  // its place. UNAVAILABLE: another process has it, and keeps it. Others: by errno.
  static absl::StatusOr<DefaultSocket> Take(const std::string& path);

  // Once it is served, with mode 0660: it is for root and the group "gitops"; without that group
  // for root alone.
  void ShareWithGroup() const;

  const std::string& path() const { return path_; }

 private:
  DefaultSocket(std::string path, Fd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;
  Fd lock_;  // of PATH.lock
};

}  // namespace gitops

#endif  // GITOPS_COMMON_SERVER_DEFAULT_SOCKET_H_
