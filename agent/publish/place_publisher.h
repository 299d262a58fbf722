#ifndef GITOPS_AGENT_PUBLISH_PLACE_PUBLISHER_H_
#define GITOPS_AGENT_PUBLISH_PLACE_PUBLISHER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/publish/carry_over.h"
#include "agent/publish/layout.h"
#include "agent/publish/publisher.h"
#include "agent/publish/targets.h"
#include "agent/revision/revision.h"
#include "common/clock/clock.h"
#include "common/config/fleet.h"
#include "common/path/fd.h"

namespace gitops {

// The common part of publishing by mount and by symlink: the order of places, carrying over
// untracked files, undo. A subclass publishes one revision at one place.
class PlacePublisher : public Publisher {
 public:
  using Publisher::Publish;
  absl::Status Publish(const std::string& revision, const MayExchange& may_exchange,
                       const std::function<void()>& exchanged, std::stop_token stop) final;
  absl::StatusOr<std::string> Published() final;
  absl::StatusOr<std::vector<DriftEntry>> Drift(const std::string& revision, bool with_untracked,
                                                std::stop_token stop) final;
  absl::StatusOr<bool> IsIntact(const std::string& revision, std::stop_token stop) final;
  absl::StatusOr<std::string> Content(const std::string& revision, const std::string& path,
                                      int64_t most) final;

 protected:
  // The current content of a place.
  struct Shown {
    // Of the store, if a part of a revision of this service is there; else empty.
    std::string directory;
    std::string link;   // that part, relative to the directory's tree; "." is all of it
    std::string fault;  // why the place is not right; empty: it is
    // If something else is there that may hold files of the service: where they are; for the log.
    std::string other = {};
  };
  using Undo = std::function<absl::Status()>;

  // `store` and `clock` must outlive the publisher. `last_published`: see BindPublisherOptions.
  PlacePublisher(const ServiceSpec& spec, RevisionStore* store, std::string last_published,
                 Clock* clock);

  virtual absl::StatusOr<Shown> ShownAt(const Place& place) = 0;
  // Prepares a place that is not nested in another for the exchange.
  virtual absl::Status Prepare(const Place& place, Targets& targets) = 0;
  // Prepares `inner` beneath `outer_source`, its outer place in the revision with this directory.
  virtual absl::Status PrepareInner(const Place& inner, int outer_source,
                                    const std::string& directory, Targets& targets) = 0;
  // Publishes the part that is open as `source`, of the revision with this directory, at `place`,
  // in one step. Returns a function that undoes it.
  virtual absl::StatusOr<Undo> Show(const Place& place, int source,
                                    const std::string& directory) = 0;

  // What is right at `place`, if `directory` is shown there: its part of the tree, O_PATH.
  absl::StatusOr<Fd> OpenPart(const std::string& directory, const Place& place) const;
  // Describes something below the store's root that is not what the place should show. `path` is
  // relative to it.
  Shown ShownBelowRoot(const Place& place, absl::string_view path) const;
  std::string Removed() const;

  const ServiceSpec& spec() const { return spec_; }
  const RevisionStore& store() const { return *store_; }
  // The directory that was seen at all places last; empty: not known. A hint.
  const std::string& shown_hint() const { return shown_; }
  const std::vector<Place>& places() const { return places_; }
  const std::string& Root() const { return store_->root(); }

 private:
  struct Carried {
    LeftBehind source;
    RevisionHold hold;
    std::unique_ptr<CarryOver> carry;  // null: by times, to what is shown then
  };
  // Where files are carried over to.
  struct Next {
    Manifest manifest;
    Fd tree;
  };

  // `blocked`: the user of the service keeps this directory from being made ready, for other places
  // in it or for untracked files; nothing was changed.
  absl::Status PublishDirectory(const std::string& directory, const MayExchange& may_exchange,
                                const std::function<void()>& exchanged, const std::stop_token& stop,
                                bool* blocked);
  absl::StatusOr<std::vector<Fd>> OpenSources(const std::string& directory) const;
  absl::Status PrepareAll(const std::vector<Fd>& sources, const std::string& directory,
                          Targets& targets, bool* blocked);
  bool IsOfRepository(const Place& inner, const std::string& directory) const;
  // The directory that was published before `directory`, if it still exists; empty: none.
  absl::StatusOr<std::string> PublishedBefore(const std::string& directory) const;
  // What is or was published at the place before; no directory: nothing, or this one.
  absl::StatusOr<Shown> WhatToCarry(const Place& place, const std::string& directory);
  // The directory of `revision` that is shown somewhere, else its newest one.
  absl::StatusOr<std::string> ShownDirectory(const std::string& revision);
  absl::StatusOr<Manifest> ManifestFor(const std::string& directory) const;

  // place_carrying.cc
  absl::StatusOr<Next> OpenNext(const std::string& directory) const;
  // `since_ns`: see CarryOver::Request. Null: there is no directory to carry over from.
  absl::StatusOr<std::unique_ptr<CarryOver>> CarryFrom(const LeftBehind& source, const Place& place,
                                                       const Next& next,
                                                       const std::shared_ptr<CarryBudget>& budget,
                                                       std::optional<int64_t> since_ns,
                                                       const std::stop_token& stop) const;
  std::shared_ptr<CarryBudget> NewBudget() const;
  absl::StatusOr<std::vector<Carried>> CarryAll(const std::string& directory,
                                                const std::stop_token& stop);
  // What the service writes from the first look at its files until no place shows them any more may
  // not be in the next revision. So before the exchange the store notes where that is, and keeps
  // it, until it is carried over (caught up) to what is published then: at once, or, after errors
  // and the end of this process, later. Meanwhile other revisions may be published.
  absl::Status ReadBehind();
  void NoteBehind(const std::vector<Carried>& further);
  bool IsLeftBehind(const std::string& directory) const;
  // Null: nothing is missing. DATA_LOSS: it can never be carried over.
  absl::StatusOr<std::unique_ptr<CarryOver>> Resume(const LeftBehind& source);
  absl::Status CarryLate(Carried& one, const std::stop_token& stop);
  absl::Status CatchUp(const std::stop_token& stop);
  // The same with pauses after errors; in one, the last error.
  absl::Status CatchUpWhenDue(const std::stop_token& stop);
  void NoteOutcome(const absl::Status& caught_up);

  absl::Status ShowAll(const std::vector<Fd>& sources, const std::string& directory);
  // Keeps what is shown from being pruned, and notes it in the store: after a reboot untracked
  // files are those in it. An agent that was killed, or a full disk, may have kept the publication
  // from noting it, so this is repeated whenever it is seen to be shown.
  void NoteShown(const std::string& directory);

  // For services with the default period.
  static constexpr absl::Duration kCatchUpPause = absl::Minutes(1);

  const ServiceSpec spec_;
  RevisionStore* const store_;
  Clock* const clock_;
  const std::vector<Place> places_;
  std::string last_published_;  // a revision
  std::string shown_;           // a directory
  bool noted_ = false;          // in the store that shown_ is published
  RevisionHold shown_hold_;
  std::vector<Carried> behind_;  // what CatchUp has to do
  bool behind_read_ = false;     // what former processes left of it
  absl::Status behind_error_;
  int behind_failures_ = 0;  // in a row
  absl::Time next_catch_up_ = absl::InfinitePast();
};

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_PLACE_PUBLISHER_H_
