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
#include "agent/revision/write_again.h"
#include "common/crash/crash_point.h"
#include "common/log/log.h"
#include "common/path/beneath.h"
#include "common/rpc/state_reason.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

constexpr int kList = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

absl::StatusOr<Fd> OpenIn(const Fd& tree, const std::string& link, int flags) {
  return OpenBeneath(tree.get(), link, flags, 0, RESOLVE_NO_SYMLINKS);
}

// Whether what others made in a directory, or its mode, can be the cause.
bool MayBeOfOthers(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) || absl::IsPermissionDenied(status) ||
         absl::IsAborted(status) || absl::IsNotFound(status);
}

}  // namespace

PlacePublisher::PlacePublisher(const ServiceSpec& spec, RevisionStore* store,
                               std::string last_published)
    : spec_(spec),
      store_(store),
      places_(OrderPlaces(spec.directories)),
      last_published_(std::move(last_published)) {}

PlacePublisher::~PlacePublisher() {
  if (absl::Status behind = CatchUp({}); !behind.ok()) {
    LogError("what the service wrote during the last publication stays in the former revision",
             {{"service", spec_.service}, {"error", std::string(behind.message())}});
  }
}

absl::Status PlacePublisher::Publish(const std::string& revision, const MayExchange& may_exchange,
                                     const std::function<void()>& exchanged, std::stop_token stop) {
  absl::StatusOr<std::string> directory = store_->Newest(revision);
  if (absl::IsNotFound(directory.status())) {
    return absl::NotFoundError(absl::StrCat("revision ", revision, " of ", spec_.service,
                                            " is not prepared on this host"));
  }
  if (!directory.ok()) return directory.status();
  if (absl::Status behind = CatchUp(stop); !behind.ok()) return behind;
  const absl::StatusOr<Owner> owner = LookUpOwner(spec_.user);
  if (!owner.ok()) return owner.status();
  bool blocked = false;
  absl::Status status = PublishDirectory(*directory, may_exchange, exchanged, stop, &blocked);
  if (!blocked) return status;
  // The user, who could reach it when it was published before, keeps it from being made ready: a
  // new directory is out of reach.
  absl::StatusOr<std::string> again = WriteAgain(*store_, *directory, owner->uid, owner->gid, stop);
  if (absl::IsCancelled(again.status())) return again.status();
  if (!again.ok()) {
    return WithStateReason(
        StateReasonOf(again.status()),
        absl::AbortedError(absl::StrCat(
            status.message(), "; and it cannot be written again: ", again.status().message())));
  }
  LogWarning("a revision is written again, because its directory could not be made ready",
             {{"service", spec_.service}, {"error", std::string(status.message())}});
  return PublishDirectory(*again, may_exchange, exchanged, stop, &blocked);
}

absl::Status PlacePublisher::PublishDirectory(const std::string& directory,
                                              const MayExchange& may_exchange,
                                              const std::function<void()>& exchanged,
                                              const std::stop_token& stop, bool* blocked) {
  const RevisionHold hold = store_->Hold(directory);
  absl::StatusOr<std::vector<Fd>> sources = OpenSources(directory);
  if (!sources.ok()) return sources.status();
  Targets targets;
  absl::Status status = PrepareAll(*sources, directory, targets, blocked);
  std::vector<Carried> carried;
  if (status.ok()) {
    auto all = CarryAll(directory, stop);
    status = all.status();
    *blocked = absl::IsAborted(status);
    if (all.ok()) carried = *std::move(all);
  }
  if (status.ok()) status = store_->Publishable(directory);
  if (status.ok() && stop.stop_requested()) status = absl::CancelledError("stopped");
  if (status.ok()) status = may_exchange();
  if (status.ok()) status = ShowAll(*sources, directory);
  if (!status.ok()) {
    targets.RemoveCreated();
    return status;
  }
  exchanged();
  last_published_ = RevisionStore::RevisionOf(directory);
  NoteShown(directory);
  behind_ = std::move(carried);
  // The revision is published, whatever the result of this.
  if (absl::Status behind = CatchUp({}); !behind.ok()) {
    LogWarning("what the service wrote during the publication is carried over later",
               {{"service", spec_.service}, {"error", std::string(behind.message())}});
  }
  return absl::OkStatus();
}

absl::Status PlacePublisher::CatchUp(const std::stop_token& stop) {
  absl::Status result;
  std::erase_if(behind_, [&](const Carried& one) {
    absl::Status status = one.carry->CopyChanged(stop);
    if (absl::IsDataLoss(status)) {
      LogError("what the service wrote during the publication is lost",
               {{"service", spec_.service}, {"error", std::string(status.message())}});
      return true;
    }
    result.Update(status);
    return status.ok();
  });
  return result;
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
    shown.fault = absl::StrCat("shows ", EscapeText(path), " of ", Root());
    shown.other = absl::StrCat(Root(), "/", path);
    return shown;
  }
  shown.directory = directory;
  shown.link = link->empty() ? "." : *link;
  if (shown.link != place.spec.link) {
    shown.fault = absl::StrCat("shows ", EscapeText(shown.link), " of ",
                               RevisionStore::RevisionOf(directory));
  }
  return shown;
}

std::string PlacePublisher::Removed() const {
  return absl::StrCat("the published revision was removed from ", Root());
}

void PlacePublisher::NoteShown(const std::string& directory) {
  const bool known = shown_ == directory;
  if (known && noted_) return;
  shown_ = directory;
  shown_hold_ = store_->Hold(directory);
  const absl::Status noted = store_->NotePublished(directory);
  noted_ = noted.ok();
  if (noted_ || known) return;
  LogWarning("if the host starts again now, untracked files are those of an older revision",
             {{"service", spec_.service}, {"error", std::string(noted.message())}});
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
    const bool wrong = source.ok() || absl::IsNotFound(source.status()) ||
                       absl::IsPermissionDenied(source.status()) ||
                       absl::IsFailedPrecondition(source.status());
    if (!wrong) return source.status();
    return WithStateReason(
        StateReason::kRefusedContent,
        absl::FailedPreconditionError(absl::StrCat(
            "revision ", RevisionStore::RevisionOf(directory), " has no ",
            place.spec.file ? "file" : "directory", " \"", place.spec.link, "\" to publish at ",
            place.spec.local, source.ok() ? " (it is of another type)" : "",
            "; commit one, or correct `link` of this entry of `dirs`")));
  }
  return sources;
}

absl::Status PlacePublisher::PrepareAll(const std::vector<Fd>& sources,
                                        const std::string& directory, Targets& targets,
                                        bool* blocked) {
  for (const Place& place : places_) {
    absl::Status status = place.outer
                              ? PrepareInner(place, sources[*place.outer].get(), directory, targets)
                              : Prepare(place, targets);
    if (status.ok()) continue;
    *blocked = place.outer && MayBeOfOthers(status) && !IsOfRepository(place, directory);
    return status;
  }
  return absl::OkStatus();
}

// Whether the repository has something where `inner` goes, rather than the user of the service.
bool PlacePublisher::IsOfRepository(const Place& inner, const std::string& directory) const {
  const std::string& path = inner.path_in_revision;
  absl::StatusOr<Manifest> manifest = store_->ReadManifest(directory);
  if (!manifest.ok()) return true;
  return std::any_of(manifest->entries.begin(), manifest->entries.end(),
                     [&](const ManifestEntry& entry) {
                       return PathBelow(entry.path, path) || PathBelow(path, entry.path);
                     });
}

absl::StatusOr<std::string> PlacePublisher::PublishedBefore(const std::string& directory) const {
  absl::StatusOr<std::vector<std::string>> existing = store_->Directories();
  if (!existing.ok()) return existing.status();
  absl::StatusOr<std::string> last = store_->LastPublished();
  if (last.ok()) {
    const bool exists = std::find(existing->begin(), existing->end(), *last) != existing->end();
    return exists && *last != directory ? *last : std::string();
  }
  if (!absl::IsNotFound(last.status())) return last.status();
  // Published by an agent that did not note the directory.
  for (const std::string& one : *existing) {
    if (RevisionStore::RevisionOf(one) == last_published_ && one != directory) return one;
  }
  return std::string();
}

absl::StatusOr<PlacePublisher::Shown> PlacePublisher::WhatToCarry(const Place& place,
                                                                  const std::string& directory) {
  absl::StatusOr<Shown> shown = ShownAt(place);
  if (!shown.ok()) return shown;
  if (shown->directory == directory) return Shown();
  if (!shown->directory.empty()) return shown;
  absl::StatusOr<std::string> before = PublishedBefore(directory);
  if (!before.ok()) return before.status();
  if (before->empty() && !shown->other.empty()) {
    LogWarning("not carried over: what the service made in the directory that was mounted before",
               {{"path", place.spec.local}, {"stays_in", EscapeText(shown->other)}});
  }
  return Shown{*std::move(before), place.spec.link, ""};
}

// A directory whose own manifest is lost has the same tracked paths as another of its revision.
absl::StatusOr<Manifest> PlacePublisher::ManifestFor(const Shown& source) const {
  absl::StatusOr<Manifest> own = store_->ReadManifest(source.directory);
  if (!absl::IsNotFound(own.status()) && !absl::IsDataLoss(own.status())) return own;
  absl::StatusOr<std::string> other = store_->Newest(RevisionStore::RevisionOf(source.directory));
  if (!other.ok()) return other.status();
  return store_->ReadManifest(*other);
}

absl::StatusOr<std::vector<PlacePublisher::Carried>> PlacePublisher::CarryAll(
    const std::string& directory, const std::stop_token& stop) {
  std::vector<Carried> all;
  if (!spec_.writable) return all;
  absl::StatusOr<Manifest> manifest = store_->ReadManifest(directory);
  if (!manifest.ok()) return manifest.status();
  absl::StatusOr<Fd> tree = store_->OpenTree(directory);
  if (!tree.ok()) return tree.status();
  const auto budget = std::make_shared<CarryBudget>(
      CarryBudget{.max_files = spec_.max_untracked_files, .max_bytes = spec_.max_untracked_bytes});
  for (const Place& place : places_) {
    if (place.spec.file) continue;
    const absl::StatusOr<Shown> source = WhatToCarry(place, directory);
    if (!source.ok()) return source.status();
    if (source->directory.empty()) continue;
    RevisionHold hold = store_->Hold(source->directory);
    absl::StatusOr<Manifest> old = ManifestFor(*source);
    if (absl::IsNotFound(old.status()) || absl::IsDataLoss(old.status())) {
      // A host that ended before it was on the disk must not cost what the service made.
      LogWarning(
          "the manifest of the published revision is lost: its files that the next one does not "
          "have are kept like those of the service",
          {{"path", place.spec.local}, {"shows", source->directory}});
      old = *manifest;
    }
    if (!old.ok()) return old.status();
    absl::StatusOr<Fd> old_tree = store_->OpenTree(source->directory);
    absl::StatusOr<Fd> from =
        old_tree.ok() ? OpenIn(*old_tree, source->link, kList) : old_tree.status();
    // Not a directory: it was published by another config, as a file or symlink.
    if (absl::IsNotFound(from.status()) || absl::IsFailedPrecondition(from.status())) continue;
    if (!from.ok()) return from.status();
    absl::StatusOr<Fd> to = OpenIn(*tree, place.spec.link, kList);
    if (!to.ok()) return to.status();
    absl::StatusOr<Fd> stage = store_->OpenStage();
    if (!stage.ok()) return stage.status();
    std::string from_path = store_->TreePath(source->directory);
    if (source->link != ".") absl::StrAppend(&from_path, "/", source->link);
    auto carry = std::make_unique<CarryOver>(
        CarryOver::Request{.from = *std::move(from),
                           .to = *std::move(to),
                           .stage = *std::move(stage),
                           .tracked_from = TrackedPaths::Of(*old, source->link),
                           .tracked_to = TrackedPaths::Of(*manifest, place.spec.link),
                           .excluded = place.inner,
                           .revisions = Root(),
                           .local = place.spec.local,
                           .from_path = std::move(from_path),
                           .budget = budget,
                           .stop = stop});
    if (absl::Status status = carry->CopyAll(); !status.ok()) return status;
    all.push_back({std::move(hold), std::move(carry)});
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

}  // namespace gitops
