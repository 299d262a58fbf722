#include "agent/publish/place_publisher.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/revision/compare_tree.h"
#include "common/crash/crash_point.h"
#include "common/log/log.h"
#include "common/path/beneath.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

constexpr int kList = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

// As absence counts what is known not to be there.
bool IsAbsent(const absl::Status& status) { return absl::IsNotFound(status); }

void SortByPath(std::vector<DriftEntry>& drift) {
  std::stable_sort(drift.begin(), drift.end(),
                   [](const DriftEntry& a, const DriftEntry& b) { return a.path < b.path; });
}

absl::StatusOr<Fd> OpenIn(const Fd& tree, const std::string& link, int flags) {
  return OpenBeneath(tree.get(), link, flags, 0, RESOLVE_NO_SYMLINKS);
}

}  // namespace

PlacePublisher::PlacePublisher(const ServiceSpec& spec, RevisionStore* store,
                               std::string last_published)
    : spec_(spec),
      store_(store),
      places_(OrderPlaces(spec.directories)),
      last_published_(std::move(last_published)) {}

absl::Status PlacePublisher::Publish(const std::string& revision, const MayExchange& may_exchange,
                                     std::stop_token stop) {
  absl::StatusOr<std::string> directory = store_->Newest(revision);
  if (IsAbsent(directory.status())) {
    return absl::NotFoundError(absl::StrCat("revision ", revision, " of ", spec_.service,
                                            " is not prepared on this host"));
  }
  if (!directory.ok()) return directory.status();
  const RevisionHold hold = store_->Hold(*directory);
  if (absl::Status known = LookUpOwner(spec_.user).status(); !known.ok()) return known;
  absl::StatusOr<std::vector<Fd>> sources = OpenSources(*directory);
  if (!sources.ok()) return sources.status();

  Targets targets;
  absl::Status status = PrepareAll(*sources, *directory, targets);
  std::vector<std::unique_ptr<CarryOver>> carried;
  if (status.ok()) {
    auto all = CarryAll(*directory, stop);
    status = all.status();
    if (all.ok()) carried = *std::move(all);
  }
  if (status.ok()) status = store_->Publishable(*directory);
  if (status.ok() && stop.stop_requested()) status = absl::CancelledError("stopped");
  if (status.ok()) status = may_exchange();
  if (status.ok()) status = ShowAll(*sources, *directory);
  if (!status.ok()) {
    targets.RemoveCreated();
    return status;
  }
  last_published_ = revision;
  NoteShown(*directory);
  if (absl::Status noted = store_->NotePublished(*directory); !noted.ok()) {
    LogWarning("after a reboot, untracked files may be carried over from an older revision",
               {{"service", spec_.service}, {"error", std::string(noted.message())}});
  }
  for (const auto& carry : carried) {
    // The revision is published, whatever the result of this.
    if (absl::Status changed = carry->CopyChanged(); !changed.ok()) {
      LogWarning("cannot carry over what the service wrote during the publication",
                 {{"service", spec_.service}, {"error", std::string(changed.message())}});
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Fd> PlacePublisher::OpenPart(const std::string& directory,
                                            const Place& place) const {
  absl::StatusOr<Fd> tree = store_->OpenTree(directory);
  if (!tree.ok()) return tree;
  return OpenIn(*tree, place.spec.link, O_PATH | O_NOFOLLOW);
}

PlacePublisher::Shown PlacePublisher::ShownBelowRoot(const Place& place,
                                                     absl::string_view path) const {
  Shown shown;
  const std::string directory(path.substr(0, path.find('/')));
  const std::string tree = RevisionStore::TreeIn(directory);
  const std::optional<std::string> link = PathBelow(path, tree);
  if (!link) {
    shown.fault = absl::StrCat("shows ", path, " of ", Root());
    return shown;
  }
  shown.directory = directory;
  shown.link = link->empty() ? "." : *link;
  if (shown.link != place.spec.link) {
    shown.fault = absl::StrCat("shows ", shown.link, " of ", RevisionStore::RevisionOf(directory));
  }
  return shown;
}

std::string PlacePublisher::Removed() const {
  return absl::StrCat("the published revision was removed from ", Root());
}

void PlacePublisher::NoteShown(const std::string& directory) {
  if (shown_ == directory) return;
  shown_ = directory;
  shown_hold_ = store_->Hold(directory);
}

absl::StatusOr<std::vector<Fd>> PlacePublisher::OpenSources(const std::string& directory) const {
  std::vector<Fd> sources;
  for (const Place& place : places_) {
    absl::StatusOr<Fd> source = OpenPart(directory, place);
    struct stat stat = {};
    if (source.ok() && ::fstat(source->get(), &stat) == 0 &&
        (place.spec.file ? S_ISREG(stat.st_mode) : S_ISDIR(stat.st_mode))) {
      sources.push_back(*std::move(source));
      continue;
    }
    const bool wrong = source.ok() || IsAbsent(source.status()) ||
                       absl::IsPermissionDenied(source.status()) ||
                       absl::IsFailedPrecondition(source.status());
    if (!wrong) return source.status();
    return absl::FailedPreconditionError(absl::StrCat(
        "revision ", RevisionStore::RevisionOf(directory), " has no ",
        place.spec.file ? "file" : "directory", " \"", place.spec.link, "\" to publish at ",
        place.spec.local, source.ok() ? " (it is of another type)" : "",
        "; commit one, or correct `link` of this entry of `dirs`"));
  }
  return sources;
}

absl::Status PlacePublisher::PrepareAll(const std::vector<Fd>& sources,
                                        const std::string& directory, Targets& targets) {
  for (const Place& place : places_) {
    absl::Status status = place.outer
                              ? PrepareInner(place, places_[*place.outer],
                                             sources[*place.outer].get(), directory, targets)
                              : Prepare(place, targets);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> PlacePublisher::PublishedBefore(const std::string& directory) const {
  absl::StatusOr<std::vector<std::string>> existing = store_->Directories();
  if (!existing.ok()) return existing.status();
  absl::StatusOr<std::string> last = store_->LastPublished();
  if (last.ok()) {
    const bool exists = std::find(existing->begin(), existing->end(), *last) != existing->end();
    return exists && *last != directory ? *last : std::string();
  }
  if (!IsAbsent(last.status())) return last.status();
  // Published by an agent that did not note the directory.
  for (const std::string& one : *existing) {
    if (RevisionStore::RevisionOf(one) == last_published_ && one != directory) return one;
  }
  return std::string();
}

absl::StatusOr<std::optional<PlacePublisher::CarrySource>> PlacePublisher::WhatToCarry(
    const Place& place, const std::string& directory) {
  absl::StatusOr<Shown> shown = ShownAt(place);
  if (!shown.ok()) return shown.status();
  if (shown->directory == directory) return std::nullopt;
  if (!shown->directory.empty()) return CarrySource{shown->directory, shown->link};
  absl::StatusOr<std::string> before = PublishedBefore(directory);
  if (!before.ok()) return before.status();
  if (before->empty()) return std::nullopt;
  return CarrySource{*before, place.spec.link};
}

// A directory whose own manifest is lost has the same tracked paths as another of its revision.
absl::StatusOr<Manifest> PlacePublisher::ManifestFor(const CarrySource& source) const {
  absl::StatusOr<Manifest> own = store_->ReadManifest(source.directory);
  if (!IsAbsent(own.status()) && !absl::IsDataLoss(own.status())) return own;
  absl::StatusOr<std::string> other = store_->Newest(RevisionStore::RevisionOf(source.directory));
  if (!other.ok()) return other.status();
  return store_->ReadManifest(*other);
}

absl::StatusOr<std::vector<std::unique_ptr<CarryOver>>> PlacePublisher::CarryAll(
    const std::string& directory, const std::stop_token& stop) {
  std::vector<std::unique_ptr<CarryOver>> all;
  if (!spec_.writable) return all;
  absl::StatusOr<Manifest> manifest = store_->ReadManifest(directory);
  if (!manifest.ok()) return manifest.status();
  absl::StatusOr<Fd> tree = store_->OpenTree(directory);
  if (!tree.ok()) return tree.status();
  const auto budget = std::make_shared<CarryBudget>(
      CarryBudget{.max_files = spec_.max_untracked_files, .max_bytes = spec_.max_untracked_bytes});
  for (const Place& place : places_) {
    if (place.spec.file) continue;
    absl::StatusOr<std::optional<CarrySource>> what = WhatToCarry(place, directory);
    if (!what.ok()) return what.status();
    if (!*what) continue;
    const CarrySource& source = **what;
    absl::StatusOr<Manifest> old = ManifestFor(source);
    if (IsAbsent(old.status()) || absl::IsDataLoss(old.status())) {
      LogWarning(
          "untracked files are not carried over: the published revision is not known any more",
          {{"path", place.spec.local}, {"shows", source.directory}});
      continue;
    }
    if (!old.ok()) return old.status();
    absl::StatusOr<Fd> old_tree = store_->OpenTree(source.directory);
    absl::StatusOr<Fd> from =
        old_tree.ok() ? OpenIn(*old_tree, source.link, kList) : old_tree.status();
    // Not a directory: it was published by another config, as a file or symlink.
    if (IsAbsent(from.status()) || absl::IsFailedPrecondition(from.status())) continue;
    if (!from.ok()) return from.status();
    absl::StatusOr<Fd> to = OpenIn(*tree, place.spec.link, kList);
    if (!to.ok()) return to.status();
    absl::StatusOr<Fd> stage = store_->OpenStage();
    if (!stage.ok()) return stage.status();
    all.push_back(std::make_unique<CarryOver>(
        CarryOver::Request{.from = *std::move(from),
                           .to = *std::move(to),
                           .stage = *std::move(stage),
                           .tracked_from = TrackedPaths::Of(*old, place.spec.link),
                           .tracked_to = TrackedPaths::Of(*manifest, place.spec.link),
                           .excluded = place.inner,
                           .revisions = Root(),
                           .local = place.spec.local,
                           .budget = budget,
                           .stop = stop}));
    if (absl::Status status = all.back()->CopyAll(); !status.ok()) return status;
  }
  return all;
}

absl::Status PlacePublisher::ShowAll(const std::vector<Fd>& sources, const std::string& directory) {
  CrashPoint("before-exchange");
  std::vector<Undo> done;
  for (size_t i = 0; i < places_.size(); ++i) {
    if (i > 0) CrashPoint("between-exchanges");
    absl::StatusOr<Undo> undo = Show(places_[i], sources[i].get(), directory);
    if (undo.ok()) {
      done.push_back(*std::move(undo));
      continue;
    }
    for (auto back = done.rbegin(); back != done.rend(); ++back) {
      if (absl::Status status = (*back)(); !status.ok()) {
        LogError("a failed publication cannot be undone completely",
                 {{"service", spec_.service}, {"error", std::string(status.message())}});
      }
    }
    return undo.status();
  }
  CrashPoint("after-exchange");
  return absl::OkStatus();
}

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
  if (IsAbsent(ready)) return "";
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

absl::StatusOr<std::vector<DriftEntry>> PlacePublisher::Drift(const std::string& revision,
                                                              bool with_untracked,
                                                              std::stop_token stop) {
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
    if (!newest.ok() && !IsAbsent(newest.status())) return newest.status();
    if (newest.ok()) directory = *newest;
  }
  const RevisionHold hold = store_->Hold(directory);
  std::vector<bool> published;
  std::vector<DriftEntry> drift;
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
  if (IsAbsent(manifest.status()) || absl::IsDataLoss(manifest.status())) {
    // What is left of it cannot be told from what is not.
    for (size_t i = 0; i < places_.size(); ++i) {
      if (!published[i]) continue;
      drift.push_back({DriftEntry::Kind::kNotPublished, places_[i].spec.local, Removed()});
    }
    SortByPath(drift);
    return drift;
  }
  if (!manifest.ok()) return manifest.status();
  absl::StatusOr<std::vector<TreeDifference>> differences = CompareTree(
      store_->TreePath(directory), *manifest, {.with_untracked = with_untracked, .stop = stop});
  if (!differences.ok()) return differences.status();
  for (DriftEntry& entry : DriftOnHost(*differences, places_, published)) {
    drift.push_back(std::move(entry));
  }
  SortByPath(drift);
  return drift;
}

}  // namespace gitops
