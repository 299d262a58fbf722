#ifndef GITOPS_COMMON_PROGRAM_CONFIG_CLUSTERS_CONFIG_H_
#define GITOPS_COMMON_PROGRAM_CONFIG_CLUSTERS_CONFIG_H_

#include <functional>
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

// Checks the text of a kubeconfig file for one of its contexts (empty: the current one).
using KubeconfigCheck = std::function<absl::Status(absl::string_view text, const std::string& file,
                                                   const std::string& context)>;

// The [[clusters]] of a config file, in order. `file` is for messages and the base of relative
// paths. Other tables are skipped. Kubeconfigs are read, and checked if there is a `check`.
// INVALID_ARGUMENT: all errors, one per line, in the format of ParseFleetConfig.
absl::StatusOr<std::vector<ClusterSpec>> ParseClusters(absl::string_view text,
                                                       const std::string& file,
                                                       const KubeconfigCheck& check);

}  // namespace gitops

#endif  // GITOPS_COMMON_PROGRAM_CONFIG_CLUSTERS_CONFIG_H_
