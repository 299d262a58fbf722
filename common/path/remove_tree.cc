#include "common/path/remove_tree.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "common/path/beneath.h"
#include "common/path/directory_names.h"
#include "common/path/open_at.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

constexpr mode_t kOwnerAll = 0700;
constexpr int kEntriesPerLook = 256;

class Remover {
 public:
  // Removes `name` from `parent`. `path`: the tree's, for messages.
  Remover(const std::string& path, int parent, const std::string& name, const RemoveLimits& limits)
      : path_(path), parent_(parent), name_(name), limits_(limits) {}

  absl::Status Remove() {
    const int error = Unlink(parent_, name_, 0);
    if (error == 0) return absl::OkStatus();
    if (error != EISDIR) return Error(error, "unlink", "");
    absl::StatusOr<Fd> top = Open(parent_, name_, "");
    if (!top.ok()) return absl::IsNotFound(top.status()) ? absl::OkStatus() : top.status();
    top_ = top->get();
    return EmptyAndRemove(top_, parent_, name_, "",
                          [this](const std::string& below) { return RemoveBelowTop(below); });
  }

 private:
  std::string What() const { return absl::StrCat("remove ", EscapeText(path_), ": "); }

  // `where`: relative to the tree.
  absl::Status Error(int error, absl::string_view attempted, const std::string& where) const {
    const std::string shown = EscapeText(where.empty() ? name_ : Below(name_, where));
    if (error == EXDEV || error == EBUSY) {
      return absl::FailedPreconditionError(
          absl::StrCat(What(), "\"", shown, "\" is a mount point; unmount it first"));
    }
    return absl::ErrnoToStatus(error, absl::StrCat(What(), attempted, " \"", shown, "\""));
  }

  absl::Status Count() {
    if (limits_.entries != nullptr && --*limits_.entries < 0) {
      stopped_ = absl::ResourceExhaustedError(
          absl::StrCat(What(), "it has more files than may be removed now"));
    }
    if (++looks_ % kEntriesPerLook == 0 && limits_.stop.stop_requested()) {
      stopped_ = absl::CancelledError(absl::StrCat(What(), "asked to stop"));
    }
    return stopped_;
  }

  // Returns 0 or errno; 0 also if it does not exist.
  static int Unlink(int directory, const std::string& name, int flags) {
    return ::unlinkat(directory, name.c_str(), flags) == 0 || errno == ENOENT ? 0 : errno;
  }

  // NOT_FOUND also if it is no directory any more.
  absl::StatusOr<Fd> Open(int parent, const std::string& name, const std::string& where) const {
    // RESOLVE_NO_XDEV refuses every mount point, bind mounts of the same disk too.
    constexpr uint64_t kResolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    Fd directory(OpenAt(parent, name, kFlags, 0, kResolve));
    const bool other = ::geteuid() != 0;  // who needs its permissions to empty it
    if (!directory && errno == EACCES && other &&
        ::fchmodat(parent, name.c_str(), kOwnerAll, AT_SYMLINK_NOFOLLOW) == 0) {
      directory = Fd(OpenAt(parent, name, kFlags, 0, kResolve));
    }
    if (!directory && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) {
      return absl::NotFoundError(where);
    }
    if (!directory) return Error(errno, "open directory", where);
    if (other) ::fchmod(directory.get(), kOwnerAll);  // if this fails, removing will
    return directory;
  }

  // Removes the files of `directory`, calls `subdirectory` for the others, and removes it from
  // `parent`. Repeats that while something is removed, as entries may be skipped while others are
  // removed, added meanwhile, or only be removable once others have made room.
  template <typename Subdirectory>
  absl::Status EmptyAndRemove(int directory, int parent, const std::string& name,
                              const std::string& where, Subdirectory subdirectory) {
    for (;;) {
      bool any = false;
      absl::Status failed;
      absl::Status status = ForEachEntry(directory, [&](const DirectoryEntry& entry) {
        const std::string& child = entry.name;
        const int error = IsDirectory(directory, entry) ? EISDIR : Unlink(directory, child, 0);
        absl::Status removed;
        if (error == EISDIR) {
          removed = subdirectory(child);
        } else if (error != 0) {
          removed = Error(error, "unlink", Below(where, child));
        }
        any = any || removed.ok();
        failed.Update(removed);
        return Count();
      });
      if (!stopped_.ok()) return stopped_;
      if (!status.ok()) return absl::Status(status.code(), absl::StrCat(What(), status.message()));
      int error = Unlink(parent, name, AT_REMOVEDIR);
      if (error == ENOTDIR) error = Unlink(parent, name, 0);
      if (error == 0) return absl::OkStatus();
      if (!any) return failed.ok() ? Error(error, "remove directory", where) : failed;
    }
  }

  static std::string Below(const std::string& where, const std::string& name) {
    return where.empty() ? name : absl::StrCat(where, "/", name);
  }

  absl::Status RemoveBelowTop(const std::string& name) {
    absl::StatusOr<Fd> directory = Open(top_, name, name);
    if (!directory.ok()) {
      if (!absl::IsNotFound(directory.status())) return directory.status();
      const int error = Unlink(top_, name, 0);
      return error == 0 ? absl::OkStatus() : Error(error, "unlink", name);
    }
    return EmptyAndRemove(directory->get(), top_, name, name, [&](const std::string& child) {
      return MoveUp(directory->get(), child, Below(name, child));
    });
  }

  absl::Status MoveUp(int directory, const std::string& name, const std::string& where) {
    // A non-root owner may move only a directory that he may write to. If this fails, the move
    // does.
    if (::geteuid() != 0) {
      static_cast<void>(!::fchmodat(directory, name.c_str(), kOwnerAll, AT_SYMLINK_NOFOLLOW));
    }
    for (;;) {
      const std::string up = absl::StrCat(".removed-", ++moved_);
      if (::renameat2(directory, name.c_str(), top_, up.c_str(), RENAME_NOREPLACE) == 0 ||
          errno == ENOENT) {
        return absl::OkStatus();
      }
      if (errno != EEXIST) return Error(errno, "move up", where);
      if (absl::Status status = Count(); !status.ok()) return status;
    }
  }

  const std::string path_;
  const int parent_;
  const std::string name_;
  const RemoveLimits& limits_;
  absl::Status stopped_;  // why to remove nothing more
  int top_ = -1;
  int64_t looks_ = 0, moved_ = 0;
};

// Everything before the last name, and the last name.
std::pair<std::string, std::string> Split(absl::string_view path) {
  while (path.size() > 1 && absl::ConsumeSuffix(&path, "/")) {
  }
  const size_t slash = path.rfind('/');
  if (slash == absl::string_view::npos) return {".", std::string(path)};
  return {std::string(path.substr(0, slash + 1)), std::string(path.substr(slash + 1))};
}

}  // namespace

absl::Status RemoveTreeAt(int parent, const std::string& name, const RemoveLimits& limits) {
  return Remover(name, parent, name, limits).Remove();
}

absl::Status RemoveTree(const std::string& path) {
  const auto [parent_path, name] = Split(path);
  if (name.empty() || name == "." || name == ".." || path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat(
        "remove \"", EscapeText(path), "\": this is not the name of something in a directory"));
  }
  const Fd parent(::open(parent_path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!parent && errno == ENOENT) return absl::OkStatus();
  if (!parent) {
    return absl::ErrnoToStatus(errno, absl::StrCat("remove ", EscapeText(path)));
  }
  return Remover(path, parent.get(), name, RemoveLimits()).Remove();
}

}  // namespace gitops
