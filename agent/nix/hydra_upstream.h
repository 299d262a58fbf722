#ifndef GITOPS_AGENT_NIX_HYDRA_UPSTREAM_H_
#define GITOPS_AGENT_NIX_HYDRA_UPSTREAM_H_

#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/nix/hydra.h"
#include "agent/nix/requirement.h"
#include "agent/source/source.h"
#include "common/config/fleet.h"
#include "common/sync/mutex.h"

namespace gitops {

// What a service follows on its build server, as an upstream and a branch.
struct FollowedJob {
  HydraJob job;
  std::string require = "job";  // see NixSpec

  // "PROJECT:JOBSET:JOB", as Hydra writes it, and ":REQUIRE" unless that is "job".
  std::string ref() const;
  static std::optional<FollowedJob> FromRef(const std::string& base, const std::string& ref);
};

// The job that `spec` names. INVALID_ARGUMENT: see ParseJobUri.
absl::StatusOr<FollowedJob> FollowedJobOf(const NixSpec& spec);

// A build server, polled for all services that follow it with one login. Revisions are those of
// RevisionOf. Thread-safe; polls wait for each other. One that cannot be reached, or refuses, fails
// the whole poll, so that all services back off together. A job that has no build any more keeps
// its last revision for as long as this lives; only one that never had any is NOT_FOUND.
class HydraUpstream final : public Upstream {
 public:
  // `base` as in HydraJob; `store` as of NixHost.
  HydraUpstream(Hydra hydra, std::string base, std::string store);

  // `refs` are those of FollowedJob.
  absl::StatusOr<Tips> Newest(const std::set<std::string>& refs, std::stop_token stop) override
      ABSL_LOCKS_EXCLUDED(polling_, mutex_);
  absl::StatusOr<CommitInfo> Describe(const std::string& ref, const std::string& revision,
                                      std::stop_token stop) override;
  std::string name() const override;

  // The path of `revision`, if it is the newest that a poll found for a ref; else empty.
  std::string PathOf(const std::string& revision) const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using Found = std::map<std::string, absl::StatusOr<ChosenBuild>>;  // by ref

  absl::StatusOr<ChosenBuild> Choose(const FollowedJob& followed, const std::stop_token& stop);
  absl::Status AddJobset(const std::vector<FollowedJob>& followed, const std::stop_token& stop,
                         Found& found) ABSL_EXCLUSIVE_LOCKS_REQUIRED(polling_);
  absl::StatusOr<std::string> Note(const std::string& ref, absl::StatusOr<ChosenBuild> chosen)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Hydra hydra_;
  const std::string base_, store_;
  Mutex polling_;  // held while the server is asked; locked before mutex_
  std::map<std::string, Jobset> jobsets_ ABSL_GUARDED_BY(polling_);  // by "PROJECT:JOBSET"
  mutable Mutex mutex_;
  std::map<std::string, ChosenBuild> newest_ ABSL_GUARDED_BY(mutex_);  // by ref
};

}  // namespace gitops

#endif  // GITOPS_AGENT_NIX_HYDRA_UPSTREAM_H_
