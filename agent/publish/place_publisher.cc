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
#include "common/crash/crash_point.h"
#include "common/log/log.h"
#include "common/path/beneath.h"

namespace gitops {
namespace {

constexpr int kList = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

absl::StatusOr<Fd> OpenRoot(const std::string& path) {
  Fd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  return fd;
}

absl::StatusOr<Fd> OpenSource(int root, const Place& place, const std::string& revision) {
  const std::string path = place.PathIn(revision);
  const absl::string_view kind = place.spec.file ? "file" : "directory";
  absl::StatusOr<Fd> source = OpenBeneath(root, path, O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS);
  struct stat stat = {};
  if (source.ok() && ::fstat(source->get(), &stat) == 0 &&
      (place.spec.file ? S_ISREG(stat.st_mode) : S_ISDIR(stat.st_mode))) {
    return source;
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "revision ", revision, " has no ", kind, " \"", place.spec.link, "\" to publish at ",
      place.spec.local, source.ok() ? " (it is of another type)" : "",
      "; commit one, or correct `link` of this entry of `dirs`"));
}

}  // namespace

PlacePublisher::PlacePublisher(const ServiceSpec& spec, RevisionStore* store,
                               std::string last_published)
    : spec_(spec),
      store_(store),
      places_(OrderPlaces(spec.directories)),
      last_published_(std::move(last_published)) {}

std::string PlacePublisher::Root() const {
  const std::string path = store_->Path("x");
  return path.substr(0, path.rfind('/'));
}

absl::Status PlacePublisher::Publish(const std::string& revision, const MayExchange& may_exchange,
                                     std::stop_token stop) {
  if (!store_->Has(revision)) {
    return absl::NotFoundError(absl::StrCat("revision ", revision, " of ", spec_.service,
                                            " is not prepared on this host"));
  }
  if (absl::Status known = LookUpOwner(spec_.user).status(); !known.ok()) return known;
  absl::StatusOr<std::vector<Fd>> sources = OpenSources(revision);
  if (!sources.ok()) return sources.status();

  Targets targets;
  absl::Status status = PrepareAll(*sources, revision, targets);
  std::vector<std::unique_ptr<CarryOver>> carried;
  if (status.ok()) {
    auto all = CarryAll(revision);
    status = all.status();
    if (all.ok()) carried = *std::move(all);
  }
  if (status.ok() && stop.stop_requested()) status = absl::CancelledError("stopped");
  if (status.ok()) status = may_exchange();
  if (status.ok()) status = ShowAll(*sources, revision);
  if (!status.ok()) {
    targets.RemoveCreated();
    return status;
  }
  last_published_ = revision;
  for (size_t i = 0; i < places_.size(); ++i) Hold(places_[i], std::move((*sources)[i]));
  for (const auto& carry : carried) {
    // The revision is published, whatever the result of this.
    if (absl::Status changed = carry->CopyChanged(); !changed.ok()) {
      LogWarning("cannot carry over what the service wrote during the publication",
                 {{"service", spec_.service}, {"error", std::string(changed.message())}});
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Fd>> PlacePublisher::OpenSources(const std::string& revision) const {
  absl::StatusOr<Fd> root = OpenRoot(Root());
  if (!root.ok()) return root.status();
  std::vector<Fd> sources;
  for (const Place& place : places_) {
    absl::StatusOr<Fd> source = OpenSource(root->get(), place, revision);
    if (!source.ok()) return source.status();
    sources.push_back(*std::move(source));
  }
  return sources;
}

absl::Status PlacePublisher::PrepareAll(const std::vector<Fd>& sources, const std::string& revision,
                                        Targets& targets) {
  for (const Place& place : places_) {
    absl::Status status = place.outer ? PrepareInner(place, places_[*place.outer],
                                                     sources[*place.outer].get(), revision, targets)
                                      : Prepare(place, targets);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<Fd> PlacePublisher::OpenCarrySource(int root, const CarrySource& source) const {
  if (source.held < 0) {
    return OpenBeneath(root, source.directory, kList, 0, RESOLVE_NO_SYMLINKS);
  }
  Fd again(::openat(source.held, ".", kList | O_CLOEXEC));
  if (!again) return absl::ErrnoToStatus(errno, "cannot open the directory that was published");
  return again;
}

void PlacePublisher::Hold(const Place& place, Fd directory) {
  if (!place.spec.file) held_[place.spec.local] = std::move(directory);
}

absl::StatusOr<std::optional<PlacePublisher::CarrySource>> PlacePublisher::WhatToCarry(
    const Place& place, const std::string& revision) {
  absl::StatusOr<Shown> shown = ShownAt(place);
  if (!shown.ok()) return shown.status();
  if (!shown->path) {
    if (last_published_.empty() || last_published_ == revision || !store_->Has(last_published_)) {
      return std::nullopt;
    }
    return CarrySource{place.PathIn(last_published_), last_published_};
  }
  if (*shown->path == place.PathIn(revision)) {
    const auto held = held_.find(place.spec.local);
    struct stat before = {}, now = {};
    const bool written_anew = held != held_.end() && ::fstat(held->second.get(), &before) == 0 &&
                              ::lstat(absl::StrCat(Root(), "/", *shown->path).c_str(), &now) == 0 &&
                              (before.st_dev != now.st_dev || before.st_ino != now.st_ino);
    if (!written_anew) return std::nullopt;
    return CarrySource{"", revision, held->second.get()};
  }
  const std::string directory = shown->path->substr(0, shown->path->find('/'));
  if (store_->Has(directory)) return CarrySource{*shown->path, directory};
  // A directory that was moved aside for a rewritten revision has the revision's name at the end.
  for (const std::string& known : store_->List()) {
    if (absl::EndsWith(directory, absl::StrCat("-", known)))
      return CarrySource{*shown->path, known};
  }
  LogWarning("untracked files are not carried over: the published revision is not known any more",
             {{"path", place.spec.local}, {"shows", *shown->path}});
  return std::nullopt;
}

absl::StatusOr<std::vector<std::unique_ptr<CarryOver>>> PlacePublisher::CarryAll(
    const std::string& revision) {
  std::vector<std::unique_ptr<CarryOver>> all;
  if (!spec_.writable) return all;
  absl::StatusOr<Manifest> manifest = store_->ReadManifest(revision);
  if (!manifest.ok()) return manifest.status();
  absl::StatusOr<Fd> root = OpenRoot(Root());
  if (!root.ok()) return root.status();
  for (const Place& place : places_) {
    if (place.spec.file) continue;
    absl::StatusOr<std::optional<CarrySource>> what = WhatToCarry(place, revision);
    if (!what.ok()) return what.status();
    if (!*what) continue;
    const CarrySource& source = **what;
    absl::StatusOr<Manifest> old = store_->ReadManifest(source.revision);
    if (!old.ok()) return old.status();
    absl::StatusOr<Fd> from = OpenCarrySource(root->get(), source);
    // Not a directory: it was published by another config, as a file or symlink.
    if (absl::IsNotFound(from.status()) || absl::IsFailedPrecondition(from.status())) continue;
    if (!from.ok()) return from.status();
    absl::StatusOr<Fd> to =
        OpenBeneath(root->get(), place.PathIn(revision), kList, 0, RESOLVE_NO_SYMLINKS);
    if (!to.ok()) return to.status();
    all.push_back(CarryOver::New({.from = *std::move(from),
                                  .to = *std::move(to),
                                  .tracked_from = TrackedPaths::Of(*old, place.spec.link),
                                  .tracked_to = TrackedPaths::Of(*manifest, place.spec.link),
                                  .excluded = place.inner,
                                  .revisions = Root(),
                                  .local = place.spec.local}));
    if (absl::Status status = all.back()->CopyAll(); !status.ok()) return status;
  }
  return all;
}

absl::Status PlacePublisher::ShowAll(const std::vector<Fd>& sources, const std::string& revision) {
  CrashPoint("before-exchange");
  std::vector<Undo> done;
  for (size_t i = 0; i < places_.size(); ++i) {
    if (i > 0) CrashPoint("between-exchanges");
    absl::StatusOr<Undo> undo = Show(places_[i], sources[i].get(), revision);
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
  // Not visible anywhere: only the stored revision is known.
  std::string published = places_.empty() ? last_published_ : "";
  for (const Place& place : places_) {
    absl::StatusOr<Shown> shown = ShownAt(place);
    if (!shown.ok()) return shown.status();
    if (!shown->path) return "";
    if (published.empty()) published = shown->path->substr(0, shown->path->find('/'));
    if (*shown->path != place.PathIn(published)) return "";
  }
  return store_->Has(published) ? published : "";
}

absl::StatusOr<bool> PlacePublisher::IsIntact(const std::string& revision, std::stop_token) {
  absl::StatusOr<Manifest> manifest = store_->ReadManifest(revision);
  if (!manifest.ok()) return manifest.status();
  absl::StatusOr<std::vector<TreeDifference>> differences =
      CompareTree(store_->Path(revision), *manifest, /*with_untracked=*/false);
  if (!differences.ok()) return differences.status();
  return differences->empty();
}

absl::StatusOr<std::vector<DriftEntry>> PlacePublisher::Drift(const std::string& revision,
                                                              bool with_untracked,
                                                              std::stop_token) {
  std::vector<bool> published;
  std::vector<DriftEntry> drift;
  for (const Place& place : places_) {
    absl::StatusOr<Shown> shown = ShownAt(place);
    if (!shown.ok()) return shown.status();
    published.push_back(shown->path == place.PathIn(revision));
    if (published.back()) {
      // Before a result of this causes the revision to be written again.
      Fd directory(::open(absl::StrCat(Root(), "/", *shown->path).c_str(),
                          O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (directory && !held_.contains(place.spec.local)) Hold(place, std::move(directory));
      continue;
    }
    drift.push_back({DriftEntry::Kind::kNotPublished, place.spec.local,
                     shown->path ? absl::StrCat("shows ", *shown->path) : shown->otherwise});
  }
  absl::StatusOr<Manifest> manifest = store_->ReadManifest(revision);
  if (!manifest.ok()) return manifest.status();
  absl::StatusOr<std::vector<TreeDifference>> differences =
      CompareTree(store_->Path(revision), *manifest, with_untracked);
  if (!differences.ok()) return differences.status();
  for (DriftEntry& entry : DriftOnHost(*differences, places_, published)) {
    drift.push_back(std::move(entry));
  }
  std::stable_sort(drift.begin(), drift.end(),
                   [](const DriftEntry& a, const DriftEntry& b) { return a.path < b.path; });
  return drift;
}

}  // namespace gitops
