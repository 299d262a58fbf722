#include "common/path/make_node.h"

#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/rpc/state_reason.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

constexpr mode_t kDirectoryMode = 0755;
constexpr mode_t kFileMode = 0644;
constexpr int kTries = 100;

std::string Quoted(absl::string_view name) { return absl::StrCat("\"", EscapeText(name), "\""); }

// While it exists, this thread creates files as another account. A file-system uid other than 0
// takes the capabilities over files away, too. The supplementary groups stay: the account owns the
// directory, so the rights of groups are not looked at.
class FileSystemIds {
 public:
  FileSystemIds(uid_t uid, gid_t gid) : gid_before_(::setfsgid(gid)), uid_before_(::setfsuid(uid)) {
    // Neither call reports an error: an id that a user namespace does not map is not taken.
    constexpr auto kAsk = static_cast<uid_t>(-1);
    taken_ =
        static_cast<uid_t>(::setfsuid(kAsk)) == uid && static_cast<gid_t>(::setfsgid(kAsk)) == gid;
  }
  ~FileSystemIds() {
    ::setfsuid(static_cast<uid_t>(uid_before_));
    ::setfsgid(static_cast<gid_t>(gid_before_));
  }
  FileSystemIds(const FileSystemIds&) = delete;
  FileSystemIds& operator=(const FileSystemIds&) = delete;

  bool taken() const { return taken_; }

 private:
  const int gid_before_;
  const int uid_before_;
  bool taken_ = false;
};

// Returns 0 or errno.
int Make(int directory, const std::string& name, NodeKind kind) {
  if (kind == NodeKind::kDirectory) {
    return ::mkdirat(directory, name.c_str(), kDirectoryMode) == 0 ? 0 : errno;
  }
  constexpr int kNew = O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC;
  return Fd(::openat(directory, name.c_str(), kNew, kFileMode)) ? 0 : errno;
}

absl::Status MakeError(int error, const std::string& name, NodeKind kind,
                       const struct stat& directory) {
  std::string message = absl::StrCat(
      "cannot create the ", kind == NodeKind::kFile ? "file " : "directory ", Quoted(name));
  if (error == EACCES || error == EPERM) {
    absl::StrAppend(&message, " as uid ", directory.st_uid,
                    ", the owner of the directory it lies in; create it, or change that "
                    "directory's permissions");
  }
  return FileStatus(error, message);
}

// The node `name`, made if it is missing. Another process may remove and make it meanwhile.
absl::StatusOr<Fd> OpenOrMake(int directory, const std::string& name, NodeKind kind) {
  for (int tries = 0; tries < kTries; ++tries) {
    Fd node(::openat(directory, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (node) return node;
    if (errno != ENOENT) return FileStatus(errno, absl::StrCat("open ", Quoted(name)));
    if (absl::StatusOr<bool> made = MakeNode(directory, name, kind); !made.ok()) {
      return made.status();
    }
  }
  return absl::AbortedError(absl::StrCat(Quoted(name), " is removed again and again"));
}

absl::Status CheckKind(int node, absl::string_view name, NodeKind kind) {
  struct stat status = {};
  if (::fstat(node, &status) != 0) {
    return FileStatus(errno, absl::StrCat("stat ", Quoted(name)));
  }
  const bool file = kind == NodeKind::kFile;
  if (file ? S_ISREG(status.st_mode) : S_ISDIR(status.st_mode)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(Quoted(name), " is ", S_ISLNK(status.st_mode) ? "a symlink" : "in the way",
                   ", where a ", file ? "file" : "directory", " is needed"));
}

}  // namespace

absl::StatusOr<bool> MakeNode(int directory, const std::string& name, NodeKind kind) {
  struct stat status = {};
  if (::fstat(directory, &status) != 0) {
    return FileStatus(errno, absl::StrCat("stat the directory of ", Quoted(name)));
  }
  int error = 0;
  if (::geteuid() != 0) {
    error = Make(directory, name, kind);
  } else {
    const FileSystemIds ids(status.st_uid, status.st_gid);
    error = ids.taken() ? Make(directory, name, kind) : EPERM;
  }
  if (error != 0 && error != EEXIST) return MakeError(error, name, kind, status);
  return error == 0;
}

absl::StatusOr<Fd> MakeBeneath(int root, absl::string_view path, NodeKind kind) {
  Fd here(::openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!here) return FileStatus(errno, "open the directory above");
  size_t done = 0;
  for (const absl::string_view name : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (name == "." || name == "..") {
      return absl::InvalidArgumentError(absl::StrCat(Quoted(path), " is not a plain path"));
    }
    done = static_cast<size_t>(name.data() - path.data()) + name.size();
    const NodeKind wanted = done < path.size() ? NodeKind::kDirectory : kind;
    absl::StatusOr<Fd> next = OpenOrMake(here.get(), std::string(name), wanted);
    absl::Status status = next.ok() ? CheckKind(next->get(), name, wanted) : next.status();
    if (!status.ok()) {
      return WithStateReason(
          StateReasonOf(status),
          absl::Status(status.code(), absl::StrCat(Quoted(path), ": ", status.message())));
    }
    here = *std::move(next);
  }
  return here;
}

}  // namespace gitops
