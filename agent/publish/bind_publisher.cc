#include "agent/publish/bind_publisher.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/publish/place_publisher.h"
#include "common/mount/mount_table.h"
#include "common/mount/owned_mounts.h"

namespace gitops {
namespace {

class BindPublisher final : public PlacePublisher {
 public:
  explicit BindPublisher(BindPublisherOptions options)
      : PlacePublisher(options.spec, options.store, std::move(options.last_published)),
        exchanger_(MountExchanger::New({.owned_directory = Root(),
                                        .way = options.way,
                                        .before_step = std::move(options.before_step)})) {}

 private:
  absl::StatusOr<Shown> ShownAt(const Place& place) override {
    absl::StatusOr<PathView> view = ViewPath(place.spec.local);
    if (absl::IsNotFound(view.status())) return Shown{std::nullopt, "does not exist"};
    if (!view.ok()) return view.status();
    if (!view->mount_root) return Shown{std::nullopt, "nothing is mounted here"};
    absl::StatusOr<MountTable> table = MountTable::Read();
    if (!table.ok()) return table.status();
    absl::StatusOr<OwnedMounts> owned = OwnedMounts::Below(Root(), *table);
    if (!owned.ok()) return owned.status();
    const MountEntry* mount = table->Find(view->mount_id);
    if (mount == nullptr) return Shown{std::nullopt, "the mounts here are changing"};
    std::optional<std::string> path = owned->PathOf(*mount);
    if (path) return Shown{std::move(path), ""};
    return Shown{std::nullopt, absl::StrCat("something else is mounted here: ", mount->root,
                                            " of a file system of type ", mount->type)};
  }

  absl::Status Prepare(const Place& place, Targets& targets) override {
    return targets.Create(place.spec.local, place.spec.file);
  }

  absl::Status PrepareInner(const Place& inner, const Place& outer, int outer_source,
                            const std::string& revision, Targets& targets) override {
    return targets.CreateBeneath(outer_source, inner.path_in_outer, inner.spec.file);
  }

  absl::StatusOr<Undo> Show(const Place& place, int source, const std::string& revision) override {
    absl::StatusOr<MountExchanger::Former> former =
        exchanger_->Exchange(source, place.spec.local, !spec().writable);
    if (!former.ok()) return former.status();
    auto kept = std::make_shared<MountExchanger::Former>(*std::move(former));
    return Undo([this, kept] { return exchanger_->Restore(std::move(*kept)); });
  }

  const std::unique_ptr<MountExchanger> exchanger_;
};

}  // namespace

std::unique_ptr<Publisher> NewBindPublisher(BindPublisherOptions options) {
  return std::make_unique<BindPublisher>(std::move(options));
}

}  // namespace gitops
