#ifndef GITOPS_AGENT_PUBLISH_PLACE_PUBLISHER_H_
#define GITOPS_AGENT_PUBLISH_PLACE_PUBLISHER_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
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

// What publishing by mount and by symlink have in common: the order of places, what is carried
// over, what is taken back. A subclass shows one revision at one place.
class PlacePublisher : public Publisher {
 public:
  absl::Status Publish(const std::string& revision) final;
  absl::StatusOr<std::string> Published() final;
  absl::StatusOr<std::vector<DriftEntry>> Drift(const std::string& revision,
                                                bool with_untracked) final;
  absl::StatusOr<bool> IsIntact(const std::string& revision) final;

 protected:
  // What is at a place now.
  struct Shown {
    // Relative to the directory that holds the revisions; none if something else is shown.
    std::optional<std::string> path;
    std::string otherwise;  // if none: what is there, in words
  };
  using Undo = std::function<absl::Status()>;

  // `store` outlives the publisher. `last_published`: see BindPublisherOptions.
  PlacePublisher(const ServiceSpec& spec, RevisionStore* store, std::string last_published);

  virtual absl::StatusOr<Shown> ShownAt(const Place& place) = 0;
  // Makes a place that is not nested in another ready to be exchanged.
  virtual absl::Status Prepare(const Place& place, Targets& targets) = 0;
  // Makes `inner` ready beneath `outer_source`, the directory of its outer place in `revision`.
  virtual absl::Status PrepareInner(const Place& inner, const Place& outer, int outer_source,
                                    const std::string& revision, Targets& targets) = 0;
  // Shows `revision`, open as `source`, at `place`, in one step. Returns how to take it back.
  virtual absl::StatusOr<Undo> Show(const Place& place, int source,
                                    const std::string& revision) = 0;

  const ServiceSpec& spec() const { return spec_; }
  const RevisionStore& store() const { return *store_; }
  const std::vector<Place>& places() const { return places_; }
  // The directory that holds the revisions.
  std::string Root() const;

 private:
  struct Carried {
    std::string directory;  // relative to Root()
    std::string revision;   // whose manifest says what is tracked in it
    int held = -1;          // the directory itself, where it has no path that is known
  };

  absl::StatusOr<std::vector<Fd>> OpenSources(const std::string& revision) const;
  absl::Status PrepareAll(const std::vector<Fd>& sources, const std::string& revision,
                          Targets& targets);
  absl::StatusOr<Fd> OpenCarried(int root, const Carried& carried) const;
  // Remembers the directory that is published at `place`.
  void Hold(const Place& place, Fd directory);
  absl::StatusOr<std::optional<Carried>> WhatToCarry(const Place& place,
                                                     const std::string& revision);
  absl::StatusOr<std::vector<std::unique_ptr<CarryOver>>> CarryAll(const std::string& revision);
  absl::Status ShowAll(const std::vector<Fd>& sources, const std::string& revision);

  const ServiceSpec spec_;
  RevisionStore* const store_;
  const std::vector<Place> places_;
  std::string last_published_;
  // By `local`. Where a published revision is written anew, a symlink shows the new directory at
  // once: this is how the one before it is found.
  std::map<std::string, Fd> held_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_PLACE_PUBLISHER_H_
