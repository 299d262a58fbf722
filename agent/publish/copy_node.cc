#include "agent/publish/copy_node.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/publish/untracked.h"

namespace gitops {
namespace {

using Attributes = std::map<std::string, std::string>;

absl::Status Failed(absl::string_view what, const std::string& name) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", what, " ", name));
}

absl::Status Replaced(const std::string& name) {
  return absl::AbortedError(absl::StrCat(name, " was replaced while it was created"));
}

std::string ProcPath(int fd) { return absl::StrCat("/proc/self/fd/", fd); }

// Cut if the whole name would be longer than a file system allows.
std::string UnfinishedName(const std::string& name) {
  return absl::StrCat(kUnfinishedPrefix, name).substr(0, NAME_MAX);
}

// The attributes that this process may read.
Attributes AttributesOf(int fd) {
  Attributes attributes;
  const ssize_t size = ::flistxattr(fd, nullptr, 0);
  if (size <= 0) return attributes;
  std::string names(static_cast<size_t>(size), '\0');
  const ssize_t listed = ::flistxattr(fd, names.data(), names.size());
  if (listed <= 0) return attributes;
  names.resize(static_cast<size_t>(listed));
  const std::vector<std::string> all = absl::StrSplit(names, '\0', absl::SkipEmpty());
  std::vector<char> value(XATTR_SIZE_MAX);
  for (const std::string& name : all) {
    const ssize_t length = ::fgetxattr(fd, name.c_str(), value.data(), value.size());
    if (length >= 0) attributes[name].assign(value.data(), static_cast<size_t>(length));
  }
  return attributes;
}

// Owner before mode, as chown clears set-id bits. Without the right to change owners, the file
// keeps this process's owner, and gets no set-id bits, which would be those of another account.
// Attributes that cannot be set are left out.
absl::Status SetAccess(int from, const struct stat& stat, int to, const std::string& name) {
  mode_t mode = stat.st_mode & 07777;
  if (::fchown(to, stat.st_uid, stat.st_gid) != 0) {
    if (::geteuid() == 0) return Failed("set the owner of", name);
    mode &= 01777;
  }
  if (::fchmod(to, mode) != 0) return Failed("set the mode of", name);
  for (const auto& [key, value] : AttributesOf(from)) {
    ::fsetxattr(to, key.c_str(), value.data(), value.size(), 0);
  }
  return absl::OkStatus();
}

absl::Status CopyContent(int from, int to, const std::string& name) {
  if (::ioctl(to, FICLONE, from) == 0) return absl::OkStatus();
  char buffer[64 << 10];
  for (;;) {
    const ssize_t length = ::read(from, buffer, sizeof buffer);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return Failed("read", name);
    if (length == 0) return absl::OkStatus();
    for (ssize_t done = 0; done < length;) {
      const ssize_t written = ::write(to, buffer + done, static_cast<size_t>(length - done));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return Failed("write", name);
      done += written;
    }
  }
}

int LinkFile(int file, int directory, const std::string& name) {
  if (::linkat(AT_FDCWD, ProcPath(file).c_str(), directory, name.c_str(), AT_SYMLINK_FOLLOW) == 0 ||
      ::linkat(file, "", directory, name.c_str(), AT_EMPTY_PATH) == 0) {
    return 0;
  }
  return errno;
}

bool CannotBeLinked(int error) {
  return error == EMLINK || error == EXDEV || error == EPERM || error == EACCES ||
         error == EOPNOTSUPP || error == ENOSYS;
}

// Carries over one node, which is held open, so that it stays the same node.
class NodeCarrier {
 public:
  NodeCarrier(int node, const struct stat& stat, int to, const std::string& name,
              const CarryHooks& hooks)
      : node_(node), stat_(stat), to_(to), name_(name), hooks_(hooks) {
    ::unlinkat(to_, unfinished_.c_str(), 0);
  }
  // Also after a success: rename does nothing if both names are the same file.
  ~NodeCarrier() { ::unlinkat(to_, unfinished_.c_str(), 0); }

  absl::StatusOr<CarryResult> Carry() {
    if (S_ISREG(stat_.st_mode)) return CarryRegular();
    if (S_ISLNK(stat_.st_mode)) return Finished(MakeSymlink());
    if (S_ISFIFO(stat_.st_mode)) return Finished(MakeFifo());
    return absl::UnimplementedError(absl::StrCat(name_, " is a socket or device"));
  }

 private:
  absl::StatusOr<CarryResult> CarryRegular() {
    struct stat there = {};
    if (::fstatat(to_, name_.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
        there.st_dev == stat_.st_dev && there.st_ino == stat_.st_ino) {
      return CarryResult::kLinked;
    }
    int error = Link(name_);
    if (error == EEXIST) {
      error = Link(unfinished_);
      if (error == 0) error = PutInPlace();
    }
    if (error == 0) return CarryResult::kLinked;
    if (CannotBeLinked(error)) return Finished(CopyFile());
    return absl::ErrnoToStatus(error, absl::StrCat("cannot link ", name_));
  }

  int Link(const std::string& name) const {
    return hooks_.link ? hooks_.link(node_, to_, name) : LinkFile(node_, to_, name);
  }

  int PutInPlace() const {
    return ::renameat(to_, unfinished_.c_str(), to_, name_.c_str()) == 0 ? 0 : errno;
  }

  absl::StatusOr<CarryResult> Finished(absl::Status status) const {
    if (!status.ok()) return status;
    if (const int error = PutInPlace(); error != 0) {
      return absl::ErrnoToStatus(error, absl::StrCat("cannot rename into place ", name_));
    }
    return CarryResult::kCopied;
  }

  void SayMade() const {
    if (hooks_.made) hooks_.made(to_, unfinished_);
  }

  absl::Status CopyFile() const {
    Fd source(::open(ProcPath(node_).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!source) return Failed("open", name_);
    Fd copy(::openat(to_, unfinished_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                     0600));
    if (!copy) return Failed("create", unfinished_);
    SayMade();
    absl::Status status = CopyContent(source.get(), copy.get(), name_);
    if (status.ok()) status = SetAccess(source.get(), stat_, copy.get(), name_);
    if (!status.ok()) return status;
    const timespec times[] = {stat_.st_atim, stat_.st_mtim};
    return ::futimens(copy.get(), times) == 0 ? status : Failed("set the times of", name_);
  }

  absl::Status MakeSymlink() const {
    char target[PATH_MAX];
    const ssize_t length = ::readlinkat(node_, "", target, sizeof target);
    if (length < 0) return Failed("read the symlink", name_);
    const std::string text(target, static_cast<size_t>(length));
    if (::symlinkat(text.c_str(), to_, unfinished_.c_str()) != 0) {
      return Failed("create the symlink", unfinished_);
    }
    return GiveSpecial().status();
  }

  absl::Status MakeFifo() const {
    if (::mkfifoat(to_, unfinished_.c_str(), 0600) != 0) return Failed("create the FIFO", name_);
    absl::StatusOr<Fd> fifo = GiveSpecial();
    if (!fifo.ok()) return fifo.status();
    // fchmod(2) refuses O_PATH.
    if (::chmod(ProcPath(fifo->get()).c_str(), stat_.st_mode & 01777) != 0) {
      return Failed("set the mode of", name_);
    }
    return absl::OkStatus();
  }

  // The new node is not open yet: check that it was not replaced.
  absl::StatusOr<Fd> GiveSpecial() const {
    SayMade();
    Fd made(::openat(to_, unfinished_.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat stat = {};
    if (!made || ::fstat(made.get(), &stat) != 0 ||
        (stat.st_mode & S_IFMT) != (stat_.st_mode & S_IFMT) || stat.st_uid != ::geteuid() ||
        stat.st_nlink != 1) {
      return Replaced(name_);
    }
    if (::fchownat(made.get(), "", stat_.st_uid, stat_.st_gid, AT_EMPTY_PATH) != 0 &&
        ::geteuid() == 0) {
      return Failed("set the owner of", name_);
    }
    const timespec times[] = {stat_.st_atim, stat_.st_mtim};
    ::utimensat(made.get(), "", times, AT_EMPTY_PATH);  // before Linux 5.8 they stay as they are
    return made;
  }

  const int node_;
  const struct stat& stat_;
  const int to_;
  const std::string& name_;
  const CarryHooks& hooks_;
  const std::string unfinished_ = UnfinishedName(name_);
};

// Only this process's account could write to it until now.
bool IsOwnAndEmpty(int directory) {
  struct stat stat = {};
  if (::fstat(directory, &stat) != 0 || stat.st_uid != ::geteuid()) return false;
  absl::StatusOr<std::vector<std::string>> names = NamesIn(directory);
  return names.ok() && names->empty();
}

}  // namespace

absl::StatusOr<CarryResult> CarryNode(int from, int to, const std::string& name,
                                      const CarryHooks& hooks) {
  Fd node(::openat(from, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat stat = {};
  if (!node || ::fstat(node.get(), &stat) != 0) return Failed("stat", name);
  return NodeCarrier(node.get(), stat, to, name, hooks).Carry();
}

absl::StatusOr<Fd> MakeDirectoryLike(int like, int to, const std::string& name,
                                     const CarryHooks& hooks) {
  struct stat stat = {};
  if (::fstat(like, &stat) != 0) return Failed("stat", name);
  const std::string unfinished = UnfinishedName(name);
  ::unlinkat(to, unfinished.c_str(), 0);
  ::unlinkat(to, unfinished.c_str(), AT_REMOVEDIR);
  if (::mkdirat(to, unfinished.c_str(), 0700) != 0) return Failed("create the directory", name);
  if (hooks.made) hooks.made(to, unfinished);
  absl::StatusOr<Fd> made = OpenDirectory(to, unfinished);
  if (!made.ok() || !IsOwnAndEmpty(made->get())) return Replaced(name);
  absl::Status status = SetAccess(like, stat, made->get(), name);
  if (status.ok() && ::renameat(to, unfinished.c_str(), to, name.c_str()) != 0) {
    status = Failed("rename into place", name);
  }
  if (status.ok()) return made;
  ::unlinkat(to, unfinished.c_str(), AT_REMOVEDIR);
  return status;
}

bool SameAccess(int a, int b) {
  struct stat one = {}, other = {};
  if (::fstat(a, &one) != 0 || ::fstat(b, &other) != 0) return false;
  // Without root, owners and some attributes cannot be copied.
  if (::geteuid() != 0) return (one.st_mode & 0777) == (other.st_mode & 0777);
  return one.st_uid == other.st_uid && one.st_gid == other.st_gid && one.st_mode == other.st_mode &&
         AttributesOf(a) == AttributesOf(b);
}

}  // namespace gitops
