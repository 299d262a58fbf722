#ifndef GITOPS_AGENT_SOURCE_SOURCE_H_
#define GITOPS_AGENT_SOURCE_SOURCE_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// Where revisions come from. A driver (git; Nix later) implements both classes; the controller
// knows neither. A revision is named by a string without white space that never means another
// content: for git the full commit hash.

// One upstream as one user: what is polled once for all services that follow it. Methods may be
// called from any thread; an implementation may serialize them.
class Upstream {
 public:
  virtual ~Upstream() = default;

  // Asks, in one exchange, for the newest revision of each of `refs` (git: branches). The inner
  // status is NOT_FOUND where the upstream has no such ref. Errors: UNAVAILABLE: no answer;
  // UNAUTHENTICATED or PERMISSION_DENIED: it refused us; DEADLINE_EXCEEDED; FAILED_PRECONDITION:
  // the local account, key or directory is not usable. Changes nothing.
  virtual absl::StatusOr<std::map<std::string, absl::StatusOr<std::string>>> Newest(
      const std::set<std::string>& refs) = 0;

  // For people: no user, password or query.
  virtual std::string name() const = 0;
};

// One service's view of its upstream. Methods are called by one thread at a time.
class Source {
 public:
  virtual ~Source() = default;

  // Makes `revision` (which Newest or Resolve answered) ready on this host, beside those that are
  // there; nothing that is published changes. Ready revisions need no network any more. Errors as
  // Newest; also FAILED_PRECONDITION: the revision holds something that is refused (the message
  // names path and reason); NOT_FOUND: the upstream does not have it, or it lacks a path that the
  // service needs; RESOURCE_EXHAUSTED: too large, or the disk is full. After an error nothing of
  // it is left, and earlier revisions are untouched. A revision that is ready already, with all
  // that the service needs (its configuration may ask for more paths now), is left as it is, unless
  // `afresh`: then it is written anew and takes the place of the old, whose files stay for as long
  // as they are published (this corrects drift).
  virtual absl::Status Prepare(const std::string& revision, bool afresh) = 0;

  // The full name of the revision that begins with `prefix` (hex digits, at least 4): of those on
  // disk first, then of what the upstream has. NOT_FOUND; FAILED_PRECONDITION: several;
  // UNAVAILABLE: not on disk and the upstream cannot be asked.
  virtual absl::StatusOr<std::string> Resolve(absl::string_view prefix) = 0;

  // Whether the two have the same content for this service, so that going from one to the other
  // needs no publication. May need the network. Errors as Newest.
  virtual absl::StatusOr<bool> SameContent(const std::string& a, const std::string& b) = 0;

  // Revisions that are ready on this host, newest first by when they were made ready. Any thread.
  virtual std::vector<std::string> Ready() = 0;

  // Until Resume(), Prepare and SameContent end with CANCELLED instead of waiting for the upstream,
  // one under way too: somebody wants something else of the service. Any thread.
  virtual void Interrupt() = 0;
  virtual void Resume() = 0;

  // Removes ready revisions beyond the `keep` newest, except those in `in_use`.
  virtual absl::Status Prune(int keep, const std::set<std::string>& in_use) = 0;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_SOURCE_SOURCE_H_
