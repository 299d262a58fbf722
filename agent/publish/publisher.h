#ifndef GITOPS_AGENT_PUBLISH_PUBLISHER_H_
#define GITOPS_AGENT_PUBLISH_PUBLISHER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace gitops {

// One path that is not as the published revision has it.
struct DriftEntry {
  enum class Kind { kModified, kDeleted, kUntracked, kNotPublished } kind = Kind::kModified;
  std::string path;    // absolute, on the host
  std::string detail;  // what differs, in words; may be empty

  bool operator==(const DriftEntry&) const = default;
};

// Puts a ready revision of one service where the service reads it. Called by one thread at a time.
class Publisher {
 public:
  virtual ~Publisher() = default;

  // Makes `revision` (ready: see Source) what the service sees, each directory or file in one step:
  // a reader that has the old one open goes on reading the old one whole. Missing targets are
  // created. In writable directories, files that the service made itself are carried over.
  // On error what was published before is published still (what had been exchanged is exchanged
  // back). Repeating it is harmless. Errors: FAILED_PRECONDITION: a target is in the way;
  // PERMISSION_DENIED; RESOURCE_EXHAUSTED: disk full; NOT_FOUND: the revision is not ready.
  virtual absl::Status Publish(const std::string& revision) = 0;

  // The revision that is published in all of the service's places; empty if none is, or they
  // differ (after a crash between two of them, or a reboot).
  virtual absl::StatusOr<std::string> Published() = 0;

  // What differs from `revision`, which is published, ordered by path. Untracked files are only
  // looked for if `with_untracked`. Spawns nothing.
  virtual absl::StatusOr<std::vector<DriftEntry>> Drift(const std::string& revision,
                                                        bool with_untracked) = 0;

  // Whether the tracked files of `revision`, which is ready, are as they were made ready; while it
  // was published somebody may have changed them. Spawns nothing.
  virtual absl::StatusOr<bool> IsIntact(const std::string& revision) = 0;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_PUBLISHER_H_
