#ifndef GITOPS_AGENT_SOURCE_SOURCE_H_
#define GITOPS_AGENT_SOURCE_SOURCE_H_

#include <cstdint>
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/git/commit.h"

namespace gitops {

// Sources of revisions. A driver (git; Nix later) implements both classes; the controller knows
// only these interfaces. The name of a revision is a string without white space that always means
// the same content: for git the full commit hash.

// One upstream for one user, polled once for all services that follow it. Thread-safe; an
// implementation may serialize calls.
class Upstream {
 public:
  virtual ~Upstream() = default;

  // Fetches, in one request, the name of the newest revision of each of `refs` (git: branches). The
  // inner status is NOT_FOUND if the upstream has no such ref. Errors: UNAVAILABLE: no answer;
  // UNAUTHENTICATED or PERMISSION_DENIED: refused; DEADLINE_EXCEEDED; FAILED_PRECONDITION: the
  // local account, key or directory is not usable; CANCELLED: `stop` was requested. Changes
  // nothing.
  using Tips = std::map<std::string, absl::StatusOr<std::string>>;
  virtual absl::StatusOr<Tips> Newest(const std::set<std::string>& refs, std::stop_token stop) = 0;
  absl::StatusOr<Tips> Newest(const std::set<std::string>& refs) { return Newest(refs, {}); }

  // Those of `paths` (git: links of services) whose content in revision `to`, the newest of `ref`,
  // is not that in `from`: exact at any depth. May need the network for either. One call for all
  // services of the upstream costs hardly more than one for a single service, and what was found is
  // remembered for the last pairs of revisions. Errors are those of Newest and Source::Prepare:
  // then any path may differ. CANCELLED: `stop` was requested.
  virtual absl::StatusOr<std::set<std::string>> Touched(const std::string& ref,
                                                        const std::string& from,
                                                        const std::string& to,
                                                        const std::set<std::string>& paths,
                                                        std::stop_token stop) {
    return paths;
  }

  // What people see of `revision`, the newest of `ref`. May need the network. Errors are those of
  // Touched.
  virtual absl::StatusOr<CommitInfo> Describe(const std::string& ref, const std::string& revision,
                                              std::stop_token stop) = 0;

  // For people: no user, password or query.
  virtual std::string name() const = 0;
};

// One service's view of its upstream. Not thread-safe, unless a method says otherwise. Methods that
// may take long end soon with CANCELLED once a stop is requested, also while they wait for the
// upstream; what they had begun is left as after any other error.
class Source {
 public:
  virtual ~Source() = default;

  // Prepares `revision` (from Newest or Resolve) on this host, beside existing ones; nothing that
  // is published changes. Prepared revisions need no network any more. Errors are those of Newest;
  // also FAILED_PRECONDITION: the revision contains something that is refused (the message names
  // path and reason); NOT_FOUND: the upstream does not have it, or it lacks a path that the service
  // needs; RESOURCE_EXHAUSTED: too large, or the disk is full. After an error nothing of it is
  // left, and other revisions are unchanged. A revision that is already prepared, with everything
  // that the service needs (its configuration may need more paths now), is unchanged, unless
  // `afresh` is set: then it is written again and replaces the old one, whose files stay while they
  // are published (this corrects drift).
  virtual absl::Status Prepare(const std::string& revision, bool afresh, std::stop_token stop) = 0;
  absl::Status Prepare(const std::string& revision, bool afresh) {
    return Prepare(revision, afresh, {});
  }

  // The full name of the revision that starts with `prefix` (hex digits, at least 4): on disk
  // first, then in the upstream. NOT_FOUND; FAILED_PRECONDITION: several match; UNAVAILABLE: not on
  // disk, and the upstream does not answer.
  virtual absl::StatusOr<std::string> Resolve(absl::string_view prefix, std::stop_token stop) = 0;
  absl::StatusOr<std::string> Resolve(absl::string_view prefix) { return Resolve(prefix, {}); }

  // Whether the two have the same content for this service, so that a move between them needs no
  // publication. May need the network. Errors are those of Newest.
  virtual absl::StatusOr<bool> SameContent(const std::string& a, const std::string& b,
                                           std::stop_token stop) = 0;
  absl::StatusOr<bool> SameContent(const std::string& a, const std::string& b) {
    return SameContent(a, b, {});
  }

  // The files of this service in `revision`, and what is in some of them: for diffs.
  struct File {
    std::string path;  // in the repository; any bytes
    uint32_t mode = 0;
    std::string id;  // of its content
  };
  // Ordered by path. May need the network. Errors are those of Prepare.
  virtual absl::StatusOr<std::vector<File>> Files(const std::string& revision,
                                                  std::stop_token stop) = 0;
  // By id; without those of more than `most_each` bytes, and those that are more than `most_all`
  // together, whose fetch failed or that are not what their id says.
  virtual absl::StatusOr<std::map<std::string, std::string>> Contents(
      const std::set<std::string>& ids, int64_t most_each, int64_t most_all,
      std::stop_token stop) = 0;

  // For people: what they should know about a prepared revision although it is not refused; empty:
  // nothing. Does not need the network.
  virtual std::string Remark(const std::string& revision) { return ""; }

  // What people see of `revision`, if this host knows it; else it has no hash. Does not need the
  // network. Thread-safe.
  virtual CommitInfo Describe(const std::string& revision, std::stop_token stop) = 0;

  // The revisions that are prepared on this host, the last prepared one first. Thread-safe.
  virtual std::vector<std::string> Ready() = 0;

  // Removes prepared revisions except the `keep` newest and those in `in_use`.
  virtual absl::Status Prune(int keep, const std::set<std::string>& in_use,
                             std::stop_token stop) = 0;
  absl::Status Prune(int keep, const std::set<std::string>& in_use) {
    return Prune(keep, in_use, {});
  }
};

}  // namespace gitops

#endif  // GITOPS_AGENT_SOURCE_SOURCE_H_
