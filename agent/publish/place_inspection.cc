// How PlacePublisher tells what is published, and what differs from it.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/publish/place_publisher.h"
#include "agent/revision/compare_tree.h"
#include "common/path/beneath.h"
#include "common/path/read_file.h"
#include "common/text/escape.h"

namespace gitops {

absl::StatusOr<std::string> PlacePublisher::Published() {
  std::string directory;
  for (const Place& place : places_) {
    absl::StatusOr<Shown> shown = ShownAt(place);
    if (!shown.ok()) return shown.status();
    if (!shown->fault.empty()) return "";
    if (directory.empty()) directory = shown->directory;
    if (shown->directory != directory) return "";
  }
  if (!directory.empty()) NoteShown(directory);
  // Without places it is visible nowhere: only the stored revision is known.
  const std::string revision =
      places_.empty() ? last_published_ : RevisionStore::RevisionOf(directory);
  const absl::Status ready = store_->Newest(revision).status();
  if (absl::IsNotFound(ready)) return "";
  if (!ready.ok()) return ready;
  return revision;
}

absl::StatusOr<bool> PlacePublisher::IsIntact(const std::string& revision, std::stop_token stop) {
  absl::StatusOr<std::string> directory = store_->Newest(revision);
  if (!directory.ok()) return directory.status();
  const RevisionHold hold = store_->Hold(*directory);
  absl::StatusOr<Manifest> manifest = store_->ReadManifest(*directory);
  if (!manifest.ok()) return manifest.status();
  absl::StatusOr<std::vector<TreeDifference>> differences =
      CompareTree(store_->TreePath(*directory), *manifest, {.stop = stop});
  if (!differences.ok()) return differences.status();
  for (const TreeDifference& difference : *differences) {
    if (difference.kind != TreeDifference::Kind::kNotCompared) return false;
  }
  if (differences->empty()) return true;
  const TreeDifference& first = differences->front();
  return absl::UnavailableError(absl::StrCat("cannot compare \"", EscapeText(first.path),
                                             "\" of revision ", revision, ": ", first.detail));
}

absl::StatusOr<std::string> PlacePublisher::Content(const std::string& revision,
                                                    const std::string& path, int64_t most) {
  const absl::Status hidden = absl::PermissionDeniedError("not everybody on this host can read it");
  const auto place = std::find_if(places_.begin(), places_.end(), [&](const Place& one) {
    return PathBelow(path, one.spec.link).has_value();
  });
  if (place == places_.end()) return absl::NotFoundError("it is published nowhere");
  absl::StatusOr<std::string> directory = ShownDirectory(revision);
  if (!directory.ok()) return directory.status();
  absl::StatusOr<Fd> tree = store_->OpenTree(*directory);
  if (!tree.ok()) return tree.status();
  for (size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1)) {
    const auto above =
        OpenBeneath(tree->get(), path.substr(0, end), O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS);
    struct stat stat = {};
    if (!above.ok()) return above.status();
    if (::fstat(above->get(), &stat) != 0 || (stat.st_mode & S_IXOTH) == 0) return hidden;
  }
  // Non-blocking, for a FIFO in its place.
  const auto file = OpenBeneath(tree->get(), path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0,
                                RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
  if (!file.ok()) return file.status();
  struct stat stat = {};
  if (::fstat(file->get(), &stat) != 0 || !S_ISREG(stat.st_mode)) {
    return absl::FailedPreconditionError("it is no regular file");
  }
  if ((stat.st_mode & S_IROTH) == 0) return hidden;
  return ReadToEnd(file->get(), EscapeText(path), static_cast<size_t>(most));
}

absl::StatusOr<std::string> PlacePublisher::ShownDirectory(const std::string& revision) {
  for (const Place& place : places_) {
    const absl::StatusOr<Shown> shown = ShownAt(place);
    if (shown.ok() && RevisionStore::RevisionOf(shown->directory) == revision) {
      return shown->directory;
    }
  }
  return store_->Newest(revision);
}

absl::StatusOr<std::vector<DriftEntry>> PlacePublisher::Drift(const std::string& revision,
                                                              bool with_untracked,
                                                              std::stop_token stop) {
  std::vector<DriftEntry> drift;
  if (absl::Status behind = CatchUpWhenDue(stop); !behind.ok()) {
    if (absl::IsCancelled(behind)) return behind;
    drift.push_back({DriftEntry::Kind::kNotCarriedOver, places_.front().spec.local,
                     EscapeText(behind.message())});
  }
  std::vector<Shown> all;
  std::string directory;  // the one that is shown, if it is of this revision
  for (const Place& place : places_) {
    absl::StatusOr<Shown> shown = ShownAt(place);
    if (!shown.ok()) return shown.status();
    if (directory.empty() && RevisionStore::RevisionOf(shown->directory) == revision) {
      directory = shown->directory;
    }
    all.push_back(*std::move(shown));
  }
  if (directory.empty()) {
    absl::StatusOr<std::string> newest = store_->Newest(revision);
    if (!newest.ok() && !absl::IsNotFound(newest.status())) return newest.status();
    if (newest.ok()) directory = *newest;
  }
  const RevisionHold hold = store_->Hold(directory);
  std::vector<bool> published;
  for (size_t i = 0; i < places_.size(); ++i) {
    std::string fault = std::move(all[i].fault);
    if (fault.empty() && all[i].directory != directory) {
      const std::string other = RevisionStore::RevisionOf(all[i].directory);
      fault = absl::StrCat("shows ", places_[i].PathIn(other),
                           other == revision ? ", as it was written at another time" : "");
    }
    published.push_back(fault.empty());
    if (!fault.empty()) {
      drift.push_back({DriftEntry::Kind::kNotPublished, places_[i].spec.local, std::move(fault)});
    }
  }
  absl::StatusOr<Manifest> manifest = store_->ReadManifest(directory);
  if (absl::IsNotFound(manifest.status()) || absl::IsDataLoss(manifest.status())) {
    // What is left of it cannot be told from what is not.
    for (size_t i = 0; i < places_.size(); ++i) {
      if (!published[i]) continue;
      drift.push_back({DriftEntry::Kind::kNotPublished, places_[i].spec.local, Removed()});
    }
  } else {
    if (!manifest.ok()) return manifest.status();
    absl::StatusOr<std::vector<TreeDifference>> differences = CompareTree(
        store_->TreePath(directory), *manifest, {.with_untracked = with_untracked, .stop = stop});
    if (!differences.ok()) return differences.status();
    for (DriftEntry& entry : DriftOnHost(*differences, places_, published)) {
      drift.push_back(std::move(entry));
    }
  }
  std::stable_sort(drift.begin(), drift.end(),
                   [](const DriftEntry& a, const DriftEntry& b) { return a.path < b.path; });
  return drift;
}

}  // namespace gitops
