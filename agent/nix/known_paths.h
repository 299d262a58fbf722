#ifndef GITOPS_AGENT_NIX_KNOWN_PATHS_H_
#define GITOPS_AGENT_NIX_KNOWN_PATHS_H_

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace gitops {

// The revisions of one service that this host has, by the roots that keep them and by the
// generations of its profile. Reads what is there each time. Thread-safe.
class KnownPaths {
 public:
  // `roots`: the directory of the roots, which need not exist. `profile` is a path.
  KnownPaths(std::string roots, std::string profile, std::string store)
      : roots_(std::move(roots)), profile_(std::move(profile)), store_(std::move(store)) {}

  const std::string& profile() const { return profile_; }
  const std::string& store() const { return store_; }
  std::string RootOf(const std::string& revision) const { return roots_ + "/" + revision; }

  struct Known {
    std::string revision, path;
  };
  // The last prepared one first; those of generations after them, newest first. Paths that are not
  // in the store any more are left out. Errors by errno.
  absl::StatusOr<std::vector<Known>> List() const;

  // The path of `revision`; empty: this host does not have it.
  absl::StatusOr<std::string> PathOf(const std::string& revision) const;

  // The revision that the profile shows; empty: it shows no path of the store.
  absl::StatusOr<std::string> Shown() const;

  // Removes the roots except the `keep` last ones and those of `in_use`.
  absl::Status RemoveOldRoots(int keep, const std::set<std::string>& in_use) const;

 private:
  struct Root;
  absl::StatusOr<std::vector<Root>> Roots() const;

  const std::string roots_, profile_, store_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_NIX_KNOWN_PATHS_H_
