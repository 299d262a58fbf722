#ifndef GITOPS_AGENT_PUBLISH_PLACE_PUBLISHER_H_
#define GITOPS_AGENT_PUBLISH_PLACE_PUBLISHER_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/publish/carry_over.h"
#include "agent/publish/layout.h"
#include "agent/publish/publisher.h"
#include "agent/publish/targets.h"
#include "agent/revision/revision.h"
#include "common/config/fleet.h"
#include "common/path/fd.h"

namespace gitops {

// The common part of publishing by mount and by symlink: the order of places, carrying over
// untracked files, undo. A subclass publishes one revision at one place.
class PlacePublisher : public Publisher {
 public:
  absl::Status Publish(const std::string& revision, const MayExchange& may_exchange,
                       std::stop_token stop) final;
  absl::StatusOr<std::string> Published() final;
  absl::StatusOr<std::vector<DriftEntry>> Drift(const std::string& revision, bool with_untracked,
                                                std::stop_token stop) final;
  absl::StatusOr<bool> IsIntact(const std::string& revision, std::stop_token stop) final;

 protected:
  // The current content of a place.
  struct Shown {
    // Relative to the directory with the revisions; none if something else is there.
    std::optional<std::string> path;
    std::string otherwise;  // if none: a description of what is there
  };
  using Undo = std::function<absl::Status()>;

  // `store` must outlive the publisher. `last_published`: see BindPublisherOptions.
  PlacePublisher(const ServiceSpec& spec, RevisionStore* store, std::string last_published);

  virtual absl::StatusOr<Shown> ShownAt(const Place& place) = 0;
  // Prepares a place that is not nested in another for the exchange.
  virtual absl::Status Prepare(const Place& place, Targets& targets) = 0;
  // Prepares `inner` beneath `outer_source`, the directory of its outer place in `revision`.
  virtual absl::Status PrepareInner(const Place& inner, const Place& outer, int outer_source,
                                    const std::string& revision, Targets& targets) = 0;
  // Publishes `revision`, open as `source`, at `place`, in one step. Returns a function that undoes
  // it.
  virtual absl::StatusOr<Undo> Show(const Place& place, int source,
                                    const std::string& revision) = 0;

  const ServiceSpec& spec() const { return spec_; }
  const RevisionStore& store() const { return *store_; }
  const std::vector<Place>& places() const { return places_; }
  // The directory with the revisions.
  std::string Root() const;

 private:
  struct CarrySource {
    std::string directory;  // relative to Root()
    std::string revision;   // its manifest lists the tracked files
    int held = -1;          // the open directory, if its path is not known
  };

  absl::StatusOr<std::vector<Fd>> OpenSources(const std::string& revision) const;
  absl::Status PrepareAll(const std::vector<Fd>& sources, const std::string& revision,
                          Targets& targets);
  absl::StatusOr<Fd> OpenCarrySource(int root, const CarrySource& source) const;
  // Keeps the directory that is published at `place` open.
  void Hold(const Place& place, Fd directory);
  absl::StatusOr<std::optional<CarrySource>> WhatToCarry(const Place& place,
                                                         const std::string& revision);
  absl::StatusOr<std::vector<std::unique_ptr<CarryOver>>> CarryAll(const std::string& revision);
  absl::Status ShowAll(const std::vector<Fd>& sources, const std::string& revision);

  const ServiceSpec spec_;
  RevisionStore* const store_;
  const std::vector<Place> places_;
  std::string last_published_;
  // By `local`. When a published revision is rewritten, a symlink points to the new directory at
  // once; the previous directory is found here.
  std::map<std::string, Fd> held_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_PLACE_PUBLISHER_H_
