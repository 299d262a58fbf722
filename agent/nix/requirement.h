#ifndef GITOPS_AGENT_NIX_REQUIREMENT_H_
#define GITOPS_AGENT_NIX_REQUIREMENT_H_

#include <cstdint>
#include <map>
#include <set>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/nix/hydra.h"

namespace gitops {

// Which build of a job a host should run. Messages about it are escaped.

// A build that fulfils what the service requires.
struct ChosenBuild {
  int64_t build = 0;
  int64_t evaluation = 0;  // 0: it was not asked
  std::string path;        // of its output "out", in the store
  // Why the newest evaluation is not it, for people; empty: it is.
  std::string waits;
};

// require = "job": the newest successful build of the job. Errors are those of Hydra; also
// FAILED_PRECONDITION: it has no usable output "out", or Hydra itself says that it has failed.
absl::StatusOr<ChosenBuild> LatestOfJob(const Hydra& hydra, const std::string& job_uri,
                                        absl::string_view store, std::stop_token stop);

// require = "aggregate:NAME": the job's build in the newest evaluation of the newest successful
// build of the aggregate job. Errors are those of LatestOfJob; FAILED_PRECONDITION also: that build
// has not succeeded (it is no constituent of the aggregate).
absl::StatusOr<ChosenBuild> OfAggregate(const Hydra& hydra, const HydraJob& job,
                                        const std::string& aggregate, absl::string_view store,
                                        std::stop_token stop);

// require = "jobset": keeps what is known of one jobset's evaluations, so that the builds of each
// are fetched once, and again only when the build that it waits for has moved: a request for one
// build tells. Not thread-safe.
class Jobset {
 public:
  // Pages of 20 evaluations that are searched.
  static constexpr int kMaxPages = 5;

  // `of` names the jobset; its job does not matter. `hydra` is not owned.
  Jobset(const Hydra* hydra, HydraJob of, std::string store);

  // For each of `jobs`, its build in the newest evaluation that has it, that has builds, and whose
  // builds have all succeeded. An evaluation that lacks a job of the one before it does not count
  // while the jobset's last evaluation had errors: then the job may have failed to evaluate. The
  // inner status is NOT_FOUND if there is no such evaluation (yet), and says why; or that of
  // OutputOf. Errors are those of Hydra.
  using Chosen = std::map<std::string, absl::StatusOr<ChosenBuild>>;
  absl::StatusOr<Chosen> Newest(const std::set<std::string>& jobs, std::stop_token stop);

 private:
  struct Evaluation {
    std::map<std::string, HydraBuild> builds;  // by job
    int64_t blocking = 0;                      // a build that has not succeeded; 0: there is none
    std::string waits;                         // why it does not count; empty: it does
  };
  class Search;

  absl::StatusOr<const Evaluation*> Look(int64_t id, const std::stop_token& stop);
  absl::StatusOr<Evaluation> Fetch(int64_t id, const std::stop_token& stop) const;

  const Hydra* const hydra_;
  const HydraJob of_;
  const std::string store_;
  std::map<int64_t, Evaluation> known_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_NIX_REQUIREMENT_H_
