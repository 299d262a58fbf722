#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_CLUSTERS_CONFIG_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_CLUSTERS_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// One [[clusters]]: how to reach the cluster that targets[].clusterRef names.
struct ClusterSpec {
  std::string name;
  std::string namespace_;  // of the clusterRef; empty: any
  std::string kubeconfig;  // absolute
  std::string context;     // empty: its current-context
  bool operator==(const ClusterSpec&) const = default;
};

// The [[clusters]] of a config file, in order. `file` is for messages and the base of relative
// paths. Other tables are skipped. Kubeconfigs are read and checked. INVALID_ARGUMENT: all errors,
// one per line, in the format of ParseFleetConfig.
absl::StatusOr<std::vector<ClusterSpec>> ParseClusters(absl::string_view text,
                                                       const std::string& file);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_CLUSTERS_CONFIG_H_
