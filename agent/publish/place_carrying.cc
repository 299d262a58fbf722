// How PlacePublisher carries over what the service made itself: from what is shown to what is shown
// next, and, later, what the service wrote meanwhile.
#include <fcntl.h>
#include <linux/openat2.h>
#include <time.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/publish/place_publisher.h"
#include "common/crash/crash_point.h"
#include "common/log/log.h"
#include "common/path/beneath.h"
#include "common/retry/backoff.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

absl::StatusOr<Fd> OpenIn(const Fd& tree, const std::string& link) {
  return OpenBeneath(tree.get(), link, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS);
}

// Not later than the times that the kernel gives to files from now on.
int64_t NowOfFiles() {
  timespec now = {};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return absl::ToUnixNanos(absl::TimeFromTimespec(now));
}

}  // namespace

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
absl::StatusOr<Manifest> PlacePublisher::ManifestFor(const std::string& directory) const {
  absl::StatusOr<Manifest> own = store_->ReadManifest(directory);
  if (!absl::IsNotFound(own.status()) && !absl::IsDataLoss(own.status())) return own;
  absl::StatusOr<std::string> other = store_->Newest(RevisionStore::RevisionOf(directory));
  if (!other.ok()) return other.status();
  return store_->ReadManifest(*other);
}

absl::StatusOr<PlacePublisher::Next> PlacePublisher::OpenNext(const std::string& directory) const {
  absl::StatusOr<Manifest> manifest = store_->ReadManifest(directory);
  if (!manifest.ok()) return manifest.status();
  absl::StatusOr<Fd> tree = store_->OpenTree(directory);
  if (!tree.ok()) return tree.status();
  return Next{*std::move(manifest), *std::move(tree)};
}

absl::StatusOr<std::unique_ptr<CarryOver>> PlacePublisher::CarryFrom(
    const LeftBehind& source, const Place& place, const Next& next,
    const std::shared_ptr<CarryBudget>& budget, std::optional<int64_t> since_ns,
    const std::stop_token& stop) const {
  absl::StatusOr<Manifest> old = ManifestFor(source.directory);
  if (absl::IsNotFound(old.status()) || absl::IsDataLoss(old.status())) {
    // A host that ended before it was on the disk must not cost what the service made.
    LogWarning(
        "the manifest of the published revision is lost: its files that the next one does not "
        "have are kept like those of the service",
        {{"path", place.spec.local}, {"shows", source.directory}});
    old = next.manifest;
  }
  if (!old.ok()) return old.status();
  absl::StatusOr<Fd> old_tree = store_->OpenTree(source.directory);
  absl::StatusOr<Fd> from = old_tree.ok() ? OpenIn(*old_tree, source.link) : old_tree.status();
  // Not a directory: it was published by another config, as a file or symlink.
  if (absl::IsNotFound(from.status()) || absl::IsFailedPrecondition(from.status())) return nullptr;
  if (!from.ok()) return from.status();
  absl::StatusOr<Fd> to = OpenIn(next.tree, place.spec.link);
  if (!to.ok()) return to.status();
  absl::StatusOr<Fd> stage = store_->OpenStage();
  if (!stage.ok()) return stage.status();
  std::string from_path = store_->TreePath(source.directory);
  if (source.link != ".") absl::StrAppend(&from_path, "/", source.link);
  return std::make_unique<CarryOver>(
      CarryOver::Request{.from = *std::move(from),
                         .to = *std::move(to),
                         .stage = *std::move(stage),
                         .tracked_from = TrackedPaths::Of(*old, source.link),
                         .tracked_to = TrackedPaths::Of(next.manifest, place.spec.link),
                         .excluded = place.inner,
                         .revisions = Root(),
                         .local = place.spec.local,
                         .from_path = std::move(from_path),
                         .since_ns = since_ns,
                         .budget = budget,
                         .stop = stop});
}

std::shared_ptr<CarryBudget> PlacePublisher::NewBudget() const {
  return std::make_shared<CarryBudget>(
      CarryBudget{.max_files = spec_.max_untracked_files, .max_bytes = spec_.max_untracked_bytes});
}

absl::StatusOr<std::vector<PlacePublisher::Carried>> PlacePublisher::CarryAll(
    const std::string& directory, const std::stop_token& stop) {
  std::vector<Carried> all;
  if (!spec_.writable) return all;
  const absl::StatusOr<Next> next = OpenNext(directory);
  if (!next.ok()) return next.status();
  const std::shared_ptr<CarryBudget> budget = NewBudget();
  const int64_t since_ns = NowOfFiles();
  for (const Place& place : places_) {
    if (place.spec.file) continue;
    const absl::StatusOr<Shown> shown = WhatToCarry(place, directory);
    if (!shown.ok()) return shown.status();
    if (shown->directory.empty()) continue;
    const LeftBehind source = {place.spec.local, shown->directory, shown->link, since_ns};
    RevisionHold hold = store_->Hold(source.directory);
    auto carry = CarryFrom(source, place, *next, budget, std::nullopt, stop);
    if (!carry.ok()) return carry.status();
    if (*carry == nullptr) continue;
    if (absl::Status status = (*carry)->CopyAll(); !status.ok()) return status;
    all.push_back({source, std::move(hold), *std::move(carry)});
  }
  return all;
}

absl::Status PlacePublisher::ReadBehind() {
  if (behind_read_) return absl::OkStatus();
  absl::StatusOr<std::vector<LeftBehind>> noted = store_->WhatIsLeftBehind();
  if (!noted.ok()) return noted.status();
  for (LeftBehind& source : *noted) {
    RevisionHold hold = store_->Hold(source.directory);
    behind_.push_back({std::move(source), std::move(hold), nullptr});
  }
  behind_read_ = true;
  return absl::OkStatus();
}

// A full disk must not keep a rollback from being made.
void PlacePublisher::NoteBehind(const std::vector<Carried>& further) {
  std::vector<LeftBehind> all;
  for (const std::vector<Carried>* some : {&std::as_const(behind_), &further}) {
    for (const Carried& one : *some) all.push_back(one.source);
  }
  const absl::Status noted = store_->NoteLeftBehind(all);
  if (noted.ok()) return;
  LogWarning("a restart will not know in which revisions files of the service are left behind",
             {{"service", spec_.service}, {"error", std::string(noted.message())}});
}

bool PlacePublisher::IsLeftBehind(const std::string& directory) const {
  return std::any_of(behind_.begin(), behind_.end(),
                     [&](const Carried& one) { return one.source.directory == directory; });
}

absl::StatusOr<std::unique_ptr<CarryOver>> PlacePublisher::Resume(const LeftBehind& source) {
  const auto place = std::find_if(places_.begin(), places_.end(), [&](const Place& one) {
    return one.spec.local == source.local && !one.spec.file;
  });
  if (place == places_.end()) {
    return absl::DataLossError(absl::StrCat(source.local, " is not published any more"));
  }
  const absl::StatusOr<Shown> shown = ShownAt(*place);
  if (!shown.ok()) return shown.status();
  std::string directory = shown->directory;
  if (directory.empty()) {
    const absl::StatusOr<std::string> last = store_->LastPublished();
    if (!last.ok() && !absl::IsNotFound(last.status())) return last.status();
    directory = last.value_or("");
  }
  // The exchange was not made, or undone.
  if (directory.empty() || directory == source.directory) return nullptr;
  const absl::StatusOr<Next> next = OpenNext(directory);
  if (!next.ok()) return next.status();
  auto carry = CarryFrom(source, *place, *next, NewBudget(), source.since_ns, {});
  if (!carry.ok() || *carry != nullptr) return carry;
  return absl::DataLossError(absl::StrCat(source.directory, " was removed"));
}

absl::Status PlacePublisher::CarryLate(Carried& one, const std::stop_token& stop) {
  if (one.carry == nullptr) {
    auto carry = Resume(one.source);
    if (!carry.ok() || *carry == nullptr) return carry.status();
    one.carry = *std::move(carry);
  }
  return one.carry->CopyChanged(stop);
}

absl::Status PlacePublisher::CatchUp(const std::stop_token& stop) {
  absl::Status result = ReadBehind();
  if (!result.ok()) return result;
  std::vector<Carried> left;
  for (Carried& one : behind_) {
    absl::Status status = CarryLate(one, stop);
    if (absl::IsDataLoss(status)) {
      LogError("what the service wrote during the publication is lost",
               {{"service", spec_.service}, {"error", std::string(status.message())}});
    } else if (!status.ok()) {
      result.Update(status);
      left.push_back(std::move(one));
    }
  }
  const bool done = left.size() < behind_.size();
  behind_ = std::move(left);
  if (!absl::IsCancelled(result)) NoteOutcome(result);
  if (!done) return result;
  CrashPoint("after-second-pass");
  NoteBehind({});
  return result;
}

void PlacePublisher::NoteOutcome(const absl::Status& caught_up) {
  behind_error_ = caught_up;
  behind_failures_ = caught_up.ok() ? 0 : behind_failures_ + 1;
  const Backoff backoff = PollBackoff(spec_.poll.value_or(kCatchUpPause));
  next_catch_up_ =
      clock_->Now() + (caught_up.ok() ? absl::ZeroDuration() : backoff.After(behind_failures_));
}

absl::Status PlacePublisher::CatchUpWhenDue(const std::stop_token& stop) {
  return clock_->Now() < next_catch_up_ ? behind_error_ : CatchUp(stop);
}

}  // namespace gitops
