#include "common/program_config/clusters_config.h"

#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/named_file.h"
#include "common/config/toml.h"

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

void ReadKubeconfig(const TomlTable& table, const std::string& directory,
                    const KubeconfigCheck& check, ClusterSpec& cluster) {
  cluster.context = table.Text("context").value_or("");
  if (!table.Has("kubeconfig")) {
    table.Fault("kubeconfig", "is missing: give the path of a kubeconfig file");
    return;
  }
  const std::optional<std::string> text =
      ReadNamedFile(table, "kubeconfig", directory, cluster.kubeconfig);
  if (!text.has_value() || !check) return;
  const absl::Status status = check(*text, cluster.kubeconfig, cluster.context);
  if (!status.ok()) table.Fault("kubeconfig", status.message());
}

}  // namespace

absl::StatusOr<std::vector<ClusterSpec>> ParseClusters(absl::string_view text,
                                                       const std::string& file,
                                                       const KubeconfigCheck& check) {
  const absl::StatusOr<TomlTable> root = ParseToml(text, file);
  if (!root.ok()) return root.status();
  KnowTopLevelTables(*root);
  const std::string directory = ConfigDirectory(file);
  std::vector<ClusterSpec> clusters;
  std::map<std::pair<std::string, std::string>, int> lines;
  for (const TomlTable& table : root->Tables("clusters")) {
    ClusterSpec cluster;
    ReadName(table, lines, cluster);
    ReadKubeconfig(table, directory, check, cluster);
    clusters.push_back(std::move(cluster));
  }
  if (absl::Status status = root->Finish(); !status.ok()) return status;
  return clusters;
}

}  // namespace gitops
