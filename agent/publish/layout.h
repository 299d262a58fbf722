#ifndef GITOPS_AGENT_PUBLISH_LAYOUT_H_
#define GITOPS_AGENT_PUBLISH_LAYOUT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "agent/publish/publisher.h"
#include "agent/revision/compare_tree.h"
#include "common/config/fleet.h"

namespace gitops {

// One `dirs` entry and how it nests with the others of its service.
struct Place {
  DirectorySpec spec;
  std::optional<size_t> outer;     // index of the nearest place whose `local` is above this one
  std::string path_in_outer;       // of this local, relative to outer's
  std::string path_in_revision;    // the same in a revision's files: beneath outer's link
  std::vector<std::string> inner;  // path_in_outer of the places whose outer is this one

  // The path of this place's content in a revision whose files are in `tree`.
  std::string PathIn(absl::string_view tree) const;
};

// The places of a service, outer before inner; entries that are not published have none.
std::vector<Place> OrderPlaces(const std::vector<DirectorySpec>& directories);

// The paths of the repository at which a revision that is published by symlinks has a symlink to
// another place of the service instead of the files there: for each place that is nested in
// another, unless both show the same files, or another place shows what is there.
std::vector<std::string> SymlinkedPlaces(const ServiceSpec& service);

// The part of `path` below `above` ("" if equal); nothing if it is elsewhere. Every path is below
// ".".
std::optional<std::string> PathBelow(absl::string_view path, absl::string_view above);

// Differences of a revision's directory as paths on the host, ordered by path. A difference in
// several places is listed once for each; one that is in none, or covered by an inner place, is
// left out. `published`: for each place, whether the revision is published there.
std::vector<DriftEntry> DriftOnHost(const std::vector<TreeDifference>& differences,
                                    const std::vector<Place>& places,
                                    const std::vector<bool>& published);

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_LAYOUT_H_
