#include "agent/publish/place_publisher.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
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

// Whether what others made in a directory, or its mode, can be the cause.
bool MayBeOfOthers(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) || absl::IsPermissionDenied(status) ||
         absl::IsAborted(status) || absl::IsNotFound(status);
}

}  // namespace

PlacePublisher::PlacePublisher(const ServiceSpec& spec, RevisionStore* store,
                               std::string last_published, Clock* clock)
    : spec_(spec),
      store_(store),
      clock_(clock),
      places_(OrderPlaces(spec.directories)),
      last_published_(std::move(last_published)) {}

absl::Status PlacePublisher::Publish(const std::string& revision, const MayExchange& may_exchange,
                                     const std::function<void()>& exchanged, std::stop_token stop) {
  absl::StatusOr<std::string> directory = store_->Newest(revision);
  if (absl::IsNotFound(directory.status())) {
    return absl::NotFoundError(absl::StrCat("revision ", revision, " of ", spec_.service,
                                            " is not prepared on this host"));
  }
  if (!directory.ok()) return directory.status();
  // What still cannot be carried over then goes to the next revision.
  const absl::Status behind = CatchUp(stop);
  if (absl::IsCancelled(behind) || !behind_read_) return behind;
  const absl::StatusOr<Owner> owner = LookUpOwner(spec_.user);
  if (!owner.ok()) return owner.status();
  // In what is left behind, files of the service are that the published revision does not have.
  bool blocked = IsLeftBehind(*directory);
  absl::Status status = absl::AbortedError("files of the service are left behind in it");
  if (!blocked) {
    status = PublishDirectory(*directory, may_exchange, exchanged, stop, &blocked);
    if (!blocked) return status;
  }
  // Or the user, who could reach it when it was published before, keeps it from being made ready: a
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
  if (status.ok()) NoteBehind(carried);
  if (status.ok() && stop.stop_requested()) status = absl::CancelledError("stopped");
  if (status.ok()) status = may_exchange();
  if (status.ok()) status = ShowAll(*sources, directory);
  if (!status.ok()) {
    targets.RemoveCreated();
    if (!carried.empty()) NoteBehind({});
    return status;
  }
  exchanged();
  last_published_ = RevisionStore::RevisionOf(directory);
  NoteShown(directory);
  for (Carried& former : behind_) former.carry = nullptr;  // it goes to this directory from now on
  std::move(carried.begin(), carried.end(), std::back_inserter(behind_));
  // The revision is published, whatever the result of this.
  if (absl::Status behind = CatchUp({}); !behind.ok()) {
    LogWarning("what the service wrote during a publication is carried over later",
               {{"service", spec_.service}, {"error", std::string(behind.message())}});
  }
  return absl::OkStatus();
}

absl::StatusOr<Fd> PlacePublisher::OpenPart(const std::string& directory,
                                            const Place& place) const {
  absl::StatusOr<Fd> tree = store_->OpenTree(directory);
  if (!tree.ok()) return tree;
  return OpenBeneath(tree->get(), place.spec.link, O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS);
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
