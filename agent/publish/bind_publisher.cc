#include "agent/publish/bind_publisher.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/publish/place_publisher.h"
#include "common/mount/mount_table.h"
#include "common/mount/owned_mounts.h"

namespace gitops {
namespace {

class BindPublisher final : public PlacePublisher {
 public:
  explicit BindPublisher(BindPublisherOptions options)
      : PlacePublisher(options.spec, options.store, std::move(options.last_published),
                       options.clock),
        exchanger_({.owned_directory = Root(),
                    .way = options.way,
                    .before_step = std::move(options.before_step)}) {}

 private:
  absl::StatusOr<Shown> ShownAt(const Place& place) override {
    const Fd target(::open(place.spec.local.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!target && (errno == ENOENT || errno == ENOTDIR)) return Fault("does not exist");
    if (!target) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", place.spec.local));
    }
    absl::StatusOr<PathView> view = ViewFd(target.get());
    if (!view.ok()) return view.status();
    if (!view->mount_root) return Fault("nothing is mounted here");
    absl::StatusOr<std::string> directory = DirectoryWith(place, *view);
    if (!directory.ok()) return directory.status();
    if (directory->empty()) return Look(place, *view);
    return Judge(place, target, *directory);
  }

  static Shown Fault(std::string fault) { return Shown{"", "", std::move(fault)}; }

  // The directory whose part for `place` is the file `view`; empty: none. The mount table, whose
  // length grows with the number of services, need not be read for this.
  absl::StatusOr<std::string> DirectoryWith(const Place& place, const PathView& view) const {
    std::vector<std::string> candidates;
    if (!shown_hint().empty()) candidates.push_back(shown_hint());
    for (bool all = false;; all = true) {
      for (const std::string& directory : candidates) {
        absl::StatusOr<Fd> part = OpenPart(directory, place);
        if (IsElsewhere(part.status())) continue;
        if (!part.ok()) return part.status();
        absl::StatusOr<PathView> there = ViewFd(part->get());
        if (!there.ok()) return there.status();
        if (there->SameFile(view)) return directory;
      }
      if (all) return std::string();
      absl::StatusOr<std::vector<std::string>> directories = store().Directories();
      if (absl::IsNotFound(directories.status())) return std::string();
      if (!directories.ok()) return directories.status();
      candidates = *std::move(directories);
    }
  }

  // The revision, or this part of it, is not there, or it is a symlink.
  static bool IsElsewhere(const absl::Status& status) {
    return absl::IsNotFound(status) || absl::IsFailedPrecondition(status) ||
           absl::IsPermissionDenied(status);
  }

  absl::StatusOr<Shown> Judge(const Place& place, const Fd& target,
                              const std::string& directory) const {
    absl::StatusOr<bool> read_only = IsReadOnly(target);
    if (!read_only.ok()) return read_only.status();
    Shown result{directory, place.spec.link, ""};
    if (*read_only == !spec().writable) return result;
    if (!*read_only) {
      result.fault = "is mounted writable, although `writable = false` is set";
      return result;
    }
    absl::StatusOr<Fd> tree = store().OpenTree(directory);
    if (!tree.ok()) return tree.status();
    absl::StatusOr<bool> stored_read_only = IsReadOnly(*tree);
    if (!stored_read_only.ok()) return stored_read_only.status();
    if (!*stored_read_only) result.fault = "is mounted read-only, although `writable` is set";
    return result;
  }

  static absl::StatusOr<bool> IsReadOnly(const Fd& mount) {
    struct statfs status = {};
    if (::fstatfs(mount.get(), &status) != 0) {
      return absl::ErrnoToStatus(errno, "cannot look at the flags of a mount");
    }
    return (status.f_flags & ST_RDONLY) != 0;
  }

  // For what is not as it should be.
  absl::StatusOr<Shown> Look(const Place& place, const PathView& view) const {
    absl::StatusOr<MountTable> table = MountTable::Read();
    if (!table.ok()) return table.status();
    const MountEntry* mount = table->Find(view.mount_id);
    if (mount == nullptr) {
      return absl::UnavailableError(
          absl::StrCat("the mounts at ", place.spec.local, " are changing"));
    }
    if (mount->IsRemoved()) return Fault(Removed());
    absl::StatusOr<OwnedMounts> owned = OwnedMounts::Below(Root(), *table);
    if (!owned.ok() && !absl::IsNotFound(owned.status())) return owned.status();
    const std::optional<std::string> path = owned.ok() ? owned->PathOf(*mount) : std::nullopt;
    if (path) return ShownBelowRoot(place, *path);
    const std::string other = absl::StrCat(mount->root, " of a file system of type ", mount->type);
    return Shown{"", "", absl::StrCat("something else is mounted here: ", other), other};
  }

  absl::Status Prepare(const Place& place, Targets& targets) override {
    return targets.Create(place.spec.local, place.spec.file);
  }

  absl::Status PrepareInner(const Place& inner, int outer_source, const std::string& directory,
                            Targets& targets) override {
    return targets.CreateBeneath(outer_source, inner.path_in_outer, inner.spec.file);
  }

  absl::StatusOr<Undo> Show(const Place& place, int source, const std::string& directory) override {
    absl::StatusOr<MountExchanger::Former> former =
        exchanger_.Exchange(source, place.spec.local, !spec().writable);
    if (!former.ok()) return former.status();
    auto kept = std::make_shared<MountExchanger::Former>(*std::move(former));
    return Undo([this, kept] { return exchanger_.Restore(std::move(*kept)); });
  }

  MountExchanger exchanger_;
};

}  // namespace

std::unique_ptr<Publisher> NewBindPublisher(BindPublisherOptions options) {
  return std::make_unique<BindPublisher>(std::move(options));
}

}  // namespace gitops
