#include "common/server/default_socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "common/account/lookup.h"
#include "common/path/trusted_directory.h"
#include "common/rpc/address.h"

namespace gitops {
namespace {

constexpr char kGroup[] = "gitops";

}  // namespace

absl::StatusOr<DefaultSocket> DefaultSocket::Take(const std::string& path) {
  const size_t slash = path.rfind('/');
  const absl::StatusOr<TrustedDirectory> directory = OpenTrustedDirectory(
      path.substr(0, slash), {.create = true, .remedy = "name the addresses with --listen"});
  if (!directory.ok()) return directory.status();
  // A look at the socket alone could take one that is about to be served for one that was left.
  const std::string name = absl::StrCat(path.substr(slash + 1), ".lock");
  Fd lock(openat(directory->fd.get(), name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                 S_IRUSR | S_IWUSR));
  if (!lock) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path, ".lock"));
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on unix:", path, ": another process listens there"));
  }
  if (absl::Status removed = RemoveStaleSocket(path); !removed.ok()) return removed;
  return DefaultSocket(path, std::move(lock));
}

// By path, since nobody else can put something else there.
void DefaultSocket::ShareWithGroup() const {
  const absl::StatusOr<gid_t> group = LookUpGroup(kGroup);
  if (group.ok() && chown(path_.c_str(), 0, *group) == 0) return;
  chmod(path_.c_str(), S_IRUSR | S_IWUSR);
}

}  // namespace gitops
