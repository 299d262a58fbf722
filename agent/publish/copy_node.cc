#include "agent/publish/copy_node.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/publish/untracked.h"
#include "common/path/directory_names.h"
#include "common/path/open_at.h"
#include "common/rpc/state_reason.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

constexpr char kMade[] = "made";        // what is being made in the stage
constexpr int64_t kCopyStep = 8 << 20;  // bytes between two looks at disk, budget and stop
constexpr int kReservedShare = 20;      // a twentieth of the disk stays free

absl::Status Failed(absl::string_view what, const std::string& name, int error = errno) {
  return FileStatus(error, absl::StrCat(what, " \"", EscapeText(name), "\""));
}

std::string ProcPath(int fd) { return absl::StrCat("/proc/self/fd/", fd); }

std::set<std::string> AttributesOf(int fd) {
  std::string names(XATTR_LIST_MAX, '\0');
  const ssize_t length = ::flistxattr(fd, names.data(), names.size());
  if (length <= 0) return {};
  names.resize(static_cast<size_t>(length));
  return absl::StrSplit(names, '\0', absl::SkipEmpty());
}

// One that this process may not read counts as empty.
absl::string_view ReadAttribute(int fd, const std::string& name, std::vector<char>& buffer) {
  buffer.resize(XATTR_SIZE_MAX);
  const ssize_t length = ::fgetxattr(fd, name.c_str(), buffer.data(), buffer.size());
  return {buffer.data(), length < 0 ? 0 : static_cast<size_t>(length)};
}

bool SameAttributes(int a, int b) {
  const std::set<std::string> names = AttributesOf(a);
  if (names != AttributesOf(b)) return false;
  std::vector<char> one, other;
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    return ReadAttribute(a, name, one) == ReadAttribute(b, name, other);
  });
}

bool CannotBeLinked(int error) {
  return error == EXDEV || error == EPERM || error == EACCES || error == EOPNOTSUPP ||
         error == ENOSYS;
}

bool SameNode(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int RemoveAny(int directory, const char* name) {
  if (::unlinkat(directory, name, 0) == 0 || errno == ENOENT) return 0;
  return ::unlinkat(directory, name, AT_REMOVEDIR);
}

}  // namespace

// A node of the old revision, held open, so that it stays the same one.
struct NodeCarrier::Node {
  const std::string& name;
  Fd fd;  // O_PATH
  struct stat stat = {};

  // In the stage, for further names of the same file.
  std::string CopyName() const { return absl::StrCat("copy-", stat.st_ino); }
};

NodeCarrier::NodeCarrier(Fd stage, CarryBudget* budget, std::stop_token stop, CarryHooks hooks)
    : stage_(std::move(stage)), budget_(budget), stop_(std::move(stop)), hooks_(std::move(hooks)) {}

NodeCarrier::~NodeCarrier() { EmptyStage().IgnoreError(); }

absl::Status NodeCarrier::EmptyStage() {
  return ForEachEntry(stage_.get(), [this](const DirectoryEntry& entry) {
    if (RemoveAny(stage_.get(), entry.name.c_str()) == 0) return absl::OkStatus();
    return Failed("empty the stage: remove", entry.name);
  });
}

absl::StatusOr<CarryResult> NodeCarrier::Carry(int from, int to, const std::string& name,
                                               bool replace) {
  constexpr uint64_t kResolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV;
  Node node = {name, Fd(OpenAt(from, name, O_PATH | O_NOFOLLOW, 0, kResolve))};
  if (!node.fd && errno == EXDEV) return absl::UnimplementedError("a mount point");
  if (!node.fd || ::fstat(node.fd.get(), &node.stat) != 0) return Failed("open", name);
  if (S_ISREG(node.stat.st_mode)) return CarryRegular(node, to, replace);
  if (!S_ISLNK(node.stat.st_mode) && !S_ISFIFO(node.stat.st_mode)) {
    return absl::UnimplementedError("a socket or device; restart the process that created it");
  }
  absl::Status made = MakeSpecial(node);
  if (made.ok()) made = Place(to, name, replace);
  if (!made.ok()) return made;
  return CarryResult::kCopied;
}

absl::StatusOr<CarryResult> NodeCarrier::CarryRegular(const Node& node, int to, bool replace) {
  int error = Link(node.fd.get(), to, node.name);
  if (error == EEXIST) {
    struct stat there = {};
    if (::fstatat(to, node.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
        SameNode(there, node.stat)) {
      return CarryResult::kLinked;
    }
    if (!replace) return absl::AlreadyExistsError("its name is in use");
    RemoveAny(stage_.get(), kMade);
    error = Link(node.fd.get(), stage_.get(), kMade);
    if (error == 0) {
      if (absl::Status status = Place(to, node.name, replace); !status.ok()) return status;
    }
  }
  if (error == 0) return CarryResult::kLinked;
  if (error == EMLINK) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "\"", EscapeText(node.name), "\" has as many names (hard links) as a file can have"));
  }
  if (!CannotBeLinked(error)) return Failed("link", node.name, error);
  absl::Status status = Copy(node);
  if (status.ok()) status = Place(to, node.name, replace);
  if (!status.ok()) return status;
  return CarryResult::kCopied;
}

int NodeCarrier::Link(int file, int directory, const std::string& name) const {
  if (hooks_.link) return hooks_.link(file, directory, name);
  if (::linkat(AT_FDCWD, ProcPath(file).c_str(), directory, name.c_str(), AT_SYMLINK_FOLLOW) == 0 ||
      ::linkat(file, "", directory, name.c_str(), AT_EMPTY_PATH) == 0) {
    return 0;
  }
  return errno;
}

// Makes kMade a copy of the file. One that has several names is kept, for the others.
absl::Status NodeCarrier::Copy(const Node& node) {
  RemoveAny(stage_.get(), kMade);
  const bool shared = node.stat.st_nlink > 1;
  const std::string kept = node.CopyName();
  if (shared && ::linkat(stage_.get(), kept.c_str(), stage_.get(), kMade, 0) == 0) {
    return absl::OkStatus();
  }
  const Fd source(::open(ProcPath(node.fd.get()).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!source) return Failed("open", node.name);
  const Fd copy(::openat(stage_.get(), kMade, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!copy) return Failed("create a copy of", node.name);
  absl::Status status = CopyContent(node, source.get(), copy.get());
  if (status.ok()) status = SetAccess(node, source.get(), copy.get());
  if (!status.ok()) return status;
  const timespec times[] = {node.stat.st_atim, node.stat.st_mtim};
  ::futimens(copy.get(), times);
  if (!shared || ::linkat(stage_.get(), kMade, stage_.get(), kept.c_str(), 0) == 0) return status;
  return Failed("keep the copy of", node.name);
}

absl::Status NodeCarrier::CopyContent(const Node& node, int source, int copy) {
  if (::ioctl(copy, FICLONE, source) == 0) return absl::OkStatus();
  const int64_t allocated = std::min<int64_t>(node.stat.st_blocks * 512, node.stat.st_size);
  absl::Status status = CheckRoom(allocated, copy, node.name);
  if (status.ok()) status = Charge(allocated, node.name);
  if (!status.ok()) return status;
  budget_->bytes -= allocated;  // what is copied counts, below
  off_t end = 0;
  for (;;) {
    const off_t data = ::lseek(source, end, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;
    end = data < 0 ? -1 : ::lseek(source, data, SEEK_HOLE);
    if (end < 0 && errno == ENXIO) break;  // it was cut off meanwhile
    if (end < 0) return Failed("find the data of", node.name);
    if (absl::Status status = CopyRange(node, source, copy, data, end); !status.ok()) return status;
  }
  struct stat now = {};
  if (::fstat(source, &now) != 0 || ::ftruncate(copy, now.st_size) != 0) {
    return Failed("set the size of the copy of", node.name);
  }
  return absl::OkStatus();
}

absl::Status NodeCarrier::CopyRange(const Node& node, int source, int copy, off_t at, off_t end) {
  std::vector<char> buffer(64 << 10);
  for (int64_t charged = 0; at < end;) {
    if (charged <= 0) {
      charged = std::min<int64_t>(kCopyStep, end - at);
      absl::Status status = CheckRoom(charged, copy, node.name);
      if (status.ok()) status = Charge(charged, node.name);
      if (!status.ok()) return status;
    }
    const auto wanted = std::min<int64_t>(static_cast<int64_t>(buffer.size()), charged);
    const ssize_t length = ::pread(source, buffer.data(), static_cast<size_t>(wanted), at);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return Failed("read", node.name);
    if (length == 0) return absl::OkStatus();
    for (ssize_t done = 0; done < length;) {
      const ssize_t written =
          ::pwrite(copy, buffer.data() + done, static_cast<size_t>(length - done), at + done);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return Failed("write a copy of", node.name);
      done += written;
    }
    at += length;
    charged -= length;
  }
  return absl::OkStatus();
}

// Takes bytes off the budget before they are written.
absl::Status NodeCarrier::Charge(int64_t bytes, const std::string& name) {
  if (stop_.stop_requested()) return absl::CancelledError("asked to stop");
  if (bytes <= budget_->max_bytes - budget_->bytes) {
    budget_->bytes += bytes;
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("\"", EscapeText(name), "\" cannot be linked, and with it more than ",
                   budget_->max_bytes, " bytes must be copied (max_untracked_bytes)"));
}

absl::Status NodeCarrier::CheckRoom(int64_t bytes, int file, const std::string& name) const {
  struct statvfs disk = {};
  if (::fstatvfs(file, &disk) != 0) return Failed("find the free space for", name);
  const uint64_t available = disk.f_bavail * disk.f_frsize;
  const uint64_t reserved = disk.f_blocks * disk.f_frsize / kReservedShare;
  if (available >= reserved + static_cast<uint64_t>(bytes)) return absl::OkStatus();
  return WithStateReason(StateReason::kDisk,
                         absl::ResourceExhaustedError(absl::StrCat(
                             "\"", EscapeText(name),
                             "\" cannot be linked, and to copy it would leave less than 5 % of ",
                             "the disk free (", available, " bytes are)")));
}

// Owner before mode, as chown clears set-id bits. Without the right to change owners, the node
// keeps this process's owner, and gets no set-id bits, which would be those of another account.
// Attributes that cannot be set are left out.
absl::Status NodeCarrier::SetAccess(const Node& node, int from, int made) {
  mode_t mode = node.stat.st_mode & 07777;
  if (::fchown(made, node.stat.st_uid, node.stat.st_gid) != 0) {
    if (::geteuid() == 0) return Failed("set the owner of", node.name);
    mode &= 01777;
  }
  if (::fchmod(made, mode) != 0) return Failed("set the mode of", node.name);
  std::vector<char> buffer;
  for (const std::string& attribute : AttributesOf(from)) {
    const absl::string_view value = ReadAttribute(from, attribute, buffer);
    const auto size = static_cast<int64_t>(value.size());
    if (absl::Status status = Charge(size, node.name); !status.ok()) return status;
    ::fsetxattr(made, attribute.c_str(), value.data(), value.size(), 0);
  }
  return absl::OkStatus();
}

absl::Status NodeCarrier::MakeSpecial(const Node& node) const {
  const bool symlink = S_ISLNK(node.stat.st_mode);
  RemoveAny(stage_.get(), kMade);
  if (symlink) {
    char target[PATH_MAX];
    const ssize_t length = ::readlinkat(node.fd.get(), "", target, sizeof target);
    if (length < 0) return Failed("read the symlink", node.name);
    const std::string text(target, static_cast<size_t>(length));
    if (::symlinkat(text.c_str(), stage_.get(), kMade) != 0) return Failed("copy", node.name);
  } else if (::mkfifoat(stage_.get(), kMade, 0600) != 0) {
    return Failed("copy the FIFO", node.name);
  }
  if (::fchownat(stage_.get(), kMade, node.stat.st_uid, node.stat.st_gid, AT_SYMLINK_NOFOLLOW) !=
          0 &&
      ::geteuid() == 0) {
    return Failed("set the owner of", node.name);
  }
  if (!symlink && ::fchmodat(stage_.get(), kMade, node.stat.st_mode & 01777, 0) != 0) {
    return Failed("set the mode of", node.name);
  }
  const timespec times[] = {node.stat.st_atim, node.stat.st_mtim};
  ::utimensat(stage_.get(), kMade, times, AT_SYMLINK_NOFOLLOW);
  return absl::OkStatus();
}

absl::Status NodeCarrier::Place(int to, const std::string& name, bool replace) const {
  if (hooks_.placing) hooks_.placing(to, name);
  if (::renameat2(stage_.get(), kMade, to, name.c_str(), RENAME_NOREPLACE) == 0) {
    return absl::OkStatus();
  }
  if (errno == EEXIST && replace && ::renameat(stage_.get(), kMade, to, name.c_str()) == 0) {
    return absl::OkStatus();
  }
  if (errno == EEXIST || errno == EISDIR || errno == ENOTEMPTY) {
    return absl::AlreadyExistsError("its name is in use");
  }
  return Failed("rename into place", name);
}

absl::StatusOr<Fd> NodeCarrier::MakeDirectoryLike(int like, int to, const std::string& name) {
  Node node = {name, Fd()};
  if (::fstat(like, &node.stat) != 0) return Failed("stat", name);
  RemoveAny(stage_.get(), kMade);
  if (::mkdirat(stage_.get(), kMade, 0700) != 0) return Failed("create the directory", name);
  Fd made(::openat(stage_.get(), kMade, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!made) return Failed("open the directory", name);
  absl::Status status = SetAccess(node, like, made.get());
  // Without root, a directory can be moved only while its owner may write to it.
  struct stat set = {};
  const bool shut = ::geteuid() != 0 && ::fstat(made.get(), &set) == 0;
  if (shut) ::fchmod(made.get(), 0700);
  if (status.ok()) status = Place(to, name, /*replace=*/false);
  if (!status.ok()) return status;
  if (shut) ::fchmod(made.get(), set.st_mode & 07777);
  return made;
}

bool SameAccess(int a, int b) {
  struct stat one = {}, other = {};
  if (::fstat(a, &one) != 0 || ::fstat(b, &other) != 0) return false;
  // Without root, owners and some attributes cannot be copied.
  if (::geteuid() != 0) return (one.st_mode & 0777) == (other.st_mode & 0777);
  return one.st_uid == other.st_uid && one.st_gid == other.st_gid && one.st_mode == other.st_mode &&
         SameAttributes(a, b);
}

}  // namespace gitops
