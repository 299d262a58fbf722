#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_PIPELINE_PIPELINE_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_PIPELINE_PIPELINE_H_

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "gitops/v1/deployment.pb.h"

namespace gitops {

// A pipeline as its YAML file says (pipelines.weave.works/v1alpha1, kind Pipeline, with our own
// fields). Plain values.

struct AppRef {
  std::string api_version;  // "helm.toolkit.fluxcd.io/v2beta1"; compared without its version
  std::string kind;
  std::string name;
};

struct ClusterRef {
  std::string name;
  std::string namespace_;  // empty: the pipeline's
};

// Where the application runs in an environment: a namespace of a cluster, or hosts of our fleet.
struct Target {
  std::string namespace_;
  std::optional<ClusterRef> cluster;   // none: the cluster in which the receiver runs
  std::optional<v1::Selection> hosts;  // then the others are not set
};

struct PullRequestStrategy {
  enum class Provider { kGithub, kGitlab, kBitbucketServer, kAzureDevops, kGitea };
  Provider provider = Provider::kGithub;
  std::string url;          // of the repository, as git clones it
  std::string base_branch;  // "main" by default
};

struct NotificationStrategy {
  std::vector<std::string> sinks;  // empty: all
};

struct RolloutStrategy {
  std::vector<std::string> actions;
  v1::Rollout rollout;
};

using Strategy = std::variant<PullRequestStrategy, NotificationStrategy, RolloutStrategy>;

// Promotions may begin on these days between `from` and `to`. A window that ends after midnight
// (to <= from) belongs to its first day.
struct Window {
  std::vector<int> days;    // 0: Sunday … 6: Saturday; empty: every day
  absl::Duration from, to;  // since midnight
  absl::TimeZone zone = absl::UTCTimeZone();
  std::string zone_name = "UTC";
};

// How promotions into an environment are done.
struct PromotionRules {
  bool manual = false;
  std::optional<Strategy> strategy;  // none: promotions into it only wait and are recorded
  std::string secret;                // of the pull request's credentials; empty: none
  absl::Duration soak;
  std::vector<Window> windows;  // empty: always
};

struct Environment {
  std::string name;
  std::vector<Target> targets;
  // The environment's own settings, else the pipeline's.
  PromotionRules promotion;
  // The secret whose hmac-key signs events of this environment (its own strategy.secretRef, else
  // the pipeline's) and whose approval-key signs approvals; empty: none.
  std::string key_secret;
};

struct Pipeline {
  std::string namespace_;
  std::string name;
  std::string file;
  AppRef app;
  std::vector<Environment> environments;
  // The pipeline's own secretRef; empty: none.
  std::string key_secret;
  // Replaces the default reasons of events that report a success; empty: the default.
  std::vector<std::string> success_reasons;

  std::string Id() const { return namespace_ + "/" + name; }
  // Null: there is none.
  const Environment* Find(const std::string& environment) const;
  // The one after `environment`; null: it is the last one, or does not exist.
  const Environment* After(const std::string& environment) const;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_PIPELINE_PIPELINE_H_
