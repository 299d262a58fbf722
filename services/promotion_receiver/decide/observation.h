#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_DECIDE_OBSERVATION_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_DECIDE_OBSERVATION_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace gitops {

// What the targets of an environment run: plain values and functions.

// One target that can be observed, as last seen.
struct TargetObservation {
  enum class Health {
    kUnknown,  // not looked at yet, out of reach, or just being reconciled
    kUnhealthy,
    kHealthy,
  };
  Health health = Health::kUnknown;
  std::string revision;  // empty: none, or not the same everywhere
  std::string version;   // `revision` as it is written
  // When kHealthy: it has been so, at `revision`, at least since then.
  absl::Time since = absl::InfinitePast();
  // When kHealthy: grows whenever its health changes, by its own account, also while nobody watches
  // it. Now, and when the watch of it began that has had no gap since, and saw it neither unhealthy
  // nor at another revision.
  int64_t mark = 0;
  int64_t first_mark = 0;
  // A person moved it to this revision (a rollback), so that it is not promoted by itself.
  bool deliberate = false;
  // In words: "HelmRelease shopping/search in cluster dev" (of each target of an environment
  // another one), and why it is not healthy.
  std::string target;
  std::string detail;
};

// The observable targets of an environment in relation to one revision.
struct SourceView {
  enum class Kind {
    kUnobservable,   // none of its targets can be observed: events decide
    kUnknown,        // whether it is healthy cannot be said now
    kOtherRevision,  // a target runs another revision, or none
    kUnhealthy,
    kHealthy,  // all of them, at the revision
  };
  Kind kind = Kind::kUnobservable;
  // When kHealthy: all have been so at least since then; and their marks, by target.
  absl::Time since = absl::InfinitePast();
  std::map<std::string, int64_t> marks, first_marks;
  // Why it is not kHealthy, in words.
  std::string detail;
};
SourceView ViewOf(const std::vector<TargetObservation>& targets, const std::string& revision);

// The revision that all observable targets run.
struct CommonRevision {
  std::string revision, version;
  absl::Time since;  // all have been healthy at it at least since then
};
// None: they are not all healthy at the same revision, one was moved to it by a person, or none can
// be observed.
std::optional<CommonRevision> CommonRevisionOf(const std::vector<TargetObservation>& targets);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_DECIDE_OBSERVATION_H_
