#ifndef GITOPS_AGENT_PUBLISH_PUBLISHER_H_
#define GITOPS_AGENT_PUBLISH_PUBLISHER_H_

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace gitops {

// One path that differs from the published revision, or could not be compared with it. Texts are
// UTF-8, without control characters (see EscapeText).
struct DriftEntry {
  enum class Kind {
    kModified,
    kDeleted,
    kUntracked,  // not drift
    kNotPublished,
    kUnreadable,   // its own mode, or a lease that somebody holds, hides a tracked file
    kNotCompared,  // no difference: an error of this host, which says nothing about the path
    // No difference: files that the service wrote during the publication are missing, until an
    // error that keeps them from being carried over is gone.
    kNotCarriedOver,
    kAdded,  // of two revisions: only the other one has it
  };
  Kind kind = Kind::kModified;
  std::string path;    // absolute, on the host
  std::string detail;  // a description of the difference; may be empty
  // Above 0: this stands for so many untracked files that are not listed.
  int64_t unlisted = 0;
  // A file's path in the repository, as it is there; empty: it is none.
  std::string tracked = {};
  // Lines of a text, by its diff.
  int64_t added_lines = 0, removed_lines = 0;

  bool operator==(const DriftEntry&) const = default;
};

// Publishes prepared revisions of one service. Not thread-safe. Methods with a stop token end soon
// with CANCELLED once a stop is requested.
class Publisher {
 public:
  virtual ~Publisher() = default;

  // Publishes `revision` (prepared: see Source), each directory or file in one step: a reader that
  // has the old one open keeps reading the complete old one. Missing targets are created. In
  // writable directories, untracked files are carried over. After an error the previous revision is
  // still published (completed exchanges are undone). May be repeated. What the service wrote
  // during the exchange is carried over afterwards: if that fails, or this process ends first,
  // Drift and the next Publish try it again, and a further revision gets it as well. Errors:
  // FAILED_PRECONDITION:
  // a target is in the way; PERMISSION_DENIED; RESOURCE_EXHAUSTED: disk full, or more untracked
  // files than may be carried over; ABORTED: somebody changes the prepared revision, or filled it
  // with files, so it must be prepared afresh; NOT_FOUND: the revision is not prepared.
  //
  // `may_exchange` is called once, after everything that can take long or fail was prepared, and
  // directly before the first exchange. An error of it ends the publication with that error, and
  // nothing was changed. After it, `stop` has no effect on the exchanges, which take milliseconds.
  // `exchanged` is called once they are all done; what follows may take longer.
  using MayExchange = std::function<absl::Status()>;
  virtual absl::Status Publish(const std::string& revision, const MayExchange& may_exchange,
                               const std::function<void()>& exchanged, std::stop_token stop) = 0;
  absl::Status Publish(const std::string& revision, const MayExchange& may_exchange,
                       std::stop_token stop) {
    return Publish(
        revision, may_exchange, [] {}, std::move(stop));
  }
  absl::Status Publish(const std::string& revision) {
    return Publish(revision, [] { return absl::OkStatus(); }, {});
  }

  // The revision that is published in all places of the service; empty if there is none, or if they
  // differ (after a crash between two exchanges, or a reboot).
  virtual absl::StatusOr<std::string> Published() = 0;

  // The differences from `revision`, which is published, ordered by path. Includes untracked files
  // only if `with_untracked` is set. What Publish could not carry over is tried again first, ever
  // more rarely. Spawns no processes.
  virtual absl::StatusOr<std::vector<DriftEntry>> Drift(const std::string& revision,
                                                        bool with_untracked,
                                                        std::stop_token stop) = 0;
  absl::StatusOr<std::vector<DriftEntry>> Drift(const std::string& revision, bool with_untracked) {
    return Drift(revision, with_untracked, {});
  }

  // What is published of the tracked file `path` (of the repository) of `revision`, at most `most`
  // bytes. PERMISSION_DENIED: not everybody on this host can read it; RESOURCE_EXHAUSTED: it is
  // larger; FAILED_PRECONDITION: it is no regular file; NOT_FOUND. Thread-safe.
  virtual absl::StatusOr<std::string> Content(const std::string& revision, const std::string& path,
                                              int64_t most) = 0;

  // Whether the tracked files of `revision`, which is prepared, are unchanged; they may have been
  // changed while it was published. Spawns no processes.
  virtual absl::StatusOr<bool> IsIntact(const std::string& revision, std::stop_token stop) = 0;
  absl::StatusOr<bool> IsIntact(const std::string& revision) { return IsIntact(revision, {}); }
};

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_PUBLISHER_H_
