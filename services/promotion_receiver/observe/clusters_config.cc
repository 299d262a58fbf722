#include "services/promotion_receiver/observe/clusters_config.h"

#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/named_file.h"
#include "common/config/toml.h"
#include "services/promotion_receiver/observe/kubeconfig.h"

namespace gitops {
namespace {

void ReadName(const TomlTable& table, std::map<std::pair<std::string, std::string>, int>& lines,
              ClusterSpec& cluster) {
  if (!table.Has("name")) {
    table.Fault("name", "is missing: give the name that targets[].clusterRef uses");
    return;
  }
  cluster.name = table.Text("name").value_or("");
  cluster.namespace_ = table.Text("namespace").value_or("");
  table.SetName(cluster.name);
  const auto [first, is_new] =
      lines.emplace(std::pair(cluster.namespace_, cluster.name), table.line());
  if (!is_new) {
    table.Fault("name", absl::StrCat("is already used by the cluster in line ", first->second));
  }
}

void ReadKubeconfig(const TomlTable& table, const std::string& directory, ClusterSpec& cluster) {
  cluster.context = table.Text("context").value_or("");
  if (!table.Has("kubeconfig")) {
    table.Fault("kubeconfig", "is missing: give the path of a kubeconfig file");
    return;
  }
  const std::optional<std::string> text =
      ReadNamedFile(table, "kubeconfig", directory, cluster.kubeconfig);
  if (!text.has_value()) return;
  const absl::Status status = ParseKubeconfig(*text, cluster.kubeconfig, cluster.context).status();
  if (!status.ok()) table.Fault("kubeconfig", status.message());
}

}  // namespace

absl::StatusOr<std::vector<ClusterSpec>> ParseClusters(absl::string_view text,
                                                       const std::string& file) {
  const absl::StatusOr<TomlTable> root = ParseToml(text, file);
  if (!root.ok()) return root.status();
  KnowTopLevelTables(*root);
  const std::string directory = ConfigDirectory(file);
  std::vector<ClusterSpec> clusters;
  std::map<std::pair<std::string, std::string>, int> lines;
  for (const TomlTable& table : root->Tables("clusters")) {
    ClusterSpec cluster;
    ReadName(table, lines, cluster);
    ReadKubeconfig(table, directory, cluster);
    clusters.push_back(std::move(cluster));
  }
  if (absl::Status status = root->Finish(); !status.ok()) return status;
  return clusters;
}

}  // namespace gitops
