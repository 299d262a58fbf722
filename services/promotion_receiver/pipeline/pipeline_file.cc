#include "services/promotion_receiver/pipeline/pipeline_file.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/promotion_receiver/pipeline/promotion_rules.h"
#include "services/promotion_receiver/pipeline/rollout_selection.h"
#include "services/promotion_receiver/yaml/yaml_map.h"

namespace gitops {
namespace {

constexpr char kApiVersion[] = "pipelines.weave.works/v1alpha1";
constexpr char kKind[] = "Pipeline";
constexpr size_t kMostEnvironments = 100;
constexpr size_t kMostTargets = 100;
constexpr size_t kLongestEnvironment = 63;

// A required string.
std::string Need(const YamlMap& map, absl::string_view key, absl::string_view what) {
  if (!map.Has(key)) map.Fault(key, absl::StrCat("is missing: ", what));
  return map.Text(key).value_or("");
}

v1::Selection ReadHosts(const YamlMap& map) {
  v1::Selection selection;
  for (const std::string& glob : map.Strings("on")) selection.add_on(glob);
  for (const std::string& tag : map.Strings("tagged")) selection.add_tagged(tag);
  for (const std::string& tag : map.Strings("orderByTags")) selection.add_order_by_tags(tag);
  selection.set_all(map.Bool("all").value_or(false));
  if (selection.on().empty() && selection.tagged().empty() && !selection.all()) {
    map.Fault("", "it selects no hosts: give `on` or `tagged`, or `all: true` for the whole fleet");
  }
  return selection;
}

ClusterRef ReadCluster(const YamlMap& map) {
  map.Ignore({"apiVersion"});
  if (const auto kind = map.Text("kind"); kind.has_value() && *kind != "GitopsCluster") {
    map.Fault("kind", absl::StrCat("\"", *kind, "\" is not GitopsCluster"));
  }
  return {.name = Need(map, "name", "the cluster's name in [[clusters]]"),
          .namespace_ = map.Text("namespace").value_or("")};
}

Target ReadTarget(const YamlMap& map) {
  Target target;
  const bool is_cluster = map.Has("namespace") || map.Has("clusterRef");
  if (const auto hosts = map.Map("hosts")) {
    if (is_cluster) map.Fault("hosts", "a target has either hosts, or a namespace and clusterRef");
    target.hosts = ReadHosts(*hosts);
    return target;
  }
  if (!map.Has("hosts")) target.namespace_ = Need(map, "namespace", "give it, or `hosts`");
  if (const auto cluster = map.Map("clusterRef")) target.cluster = ReadCluster(*cluster);
  return target;
}

void CheckEnvironmentName(const YamlMap& map, const std::string& name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_';
  });
  if (plain && name.size() <= kLongestEnvironment &&
      absl::ascii_isalnum(static_cast<unsigned char>(name.front())) &&
      !absl::StrContains(name, "..") && name.back() != '.' && !absl::EndsWith(name, ".lock")) {
    return;
  }
  map.Fault("name", absl::StrCat("\"", name,
                                 "\" is not a name that fits a URL and a branch: letters, "
                                 "digits, '-', '_' and '.', at most ",
                                 kLongestEnvironment, " characters"));
}

// An environment before the pipeline's own settings are known.
struct GivenEnvironment {
  YamlMap map;
  Environment environment;
  GivenRules rules;
};

GivenEnvironment ReadEnvironment(const YamlMap& map) {
  GivenEnvironment given{.map = map, .environment = {}, .rules = {}};
  given.environment.name = Need(map, "name", "the environment's name");
  if (!given.environment.name.empty()) CheckEnvironmentName(map, given.environment.name);
  for (const YamlMap& target : map.Maps("targets")) {
    given.environment.targets.push_back(ReadTarget(target));
  }
  if (given.environment.targets.size() > kMostTargets) {
    map.Fault("targets", absl::StrCat("there are more than ", kMostTargets, " targets"));
  }
  if (const auto promotion = map.Map("promotion")) given.rules = ReadRules(*promotion);
  return given;
}

// A rollout moves hosts of the fleet to a commit.
void CheckRollout(const AppRef& app, const GivenEnvironment& given) {
  const PromotionRules& rules = given.environment.promotion;
  if (!rules.strategy.has_value() || !std::holds_alternative<RolloutStrategy>(*rules.strategy))
    return;
  if (app.kind == "HelmRelease") {
    given.map.Fault(
        "promotion",
        "strategy.rollout needs revisions that are commits, which those of a HelmRelease "
        "are not; use another strategy");
  }
  // Without targets, events are refused.
  if (given.environment.targets.empty()) return;
  if (const auto hosts = RolloutSelection(given.environment); !hosts.ok()) {
    given.map.Fault("targets", hosts.status().message());
  }
}

void ReadEnvironments(const YamlMap& spec, Pipeline& pipeline) {
  GivenRules common;
  if (const auto promotion = spec.Map("promotion")) common = ReadRules(*promotion);
  pipeline.key_secret = common.secret.value_or("");
  const std::vector<YamlMap> maps = spec.Maps("environments");
  if (!spec.Has("environments")) {
    spec.Fault("environments", "is missing: give at least one");
  } else if (maps.empty()) {
    spec.Fault("environments", "is empty: give at least one");
  }
  if (maps.size() > kMostEnvironments) {
    spec.Fault("environments", absl::StrCat("there are more than ", kMostEnvironments));
    return;
  }
  std::set<std::string> names;
  for (const YamlMap& map : maps) {
    GivenEnvironment given = ReadEnvironment(map);
    Environment& environment = given.environment;
    if (!environment.name.empty() && !names.insert(environment.name).second) {
      map.Fault("name", absl::StrCat("there are two environments \"", environment.name, "\""));
    }
    environment.promotion = MergeRules(given.rules, common);
    environment.key_secret = given.rules.secret.value_or(pipeline.key_secret);
    // Nothing is promoted into the first one.
    if (!pipeline.environments.empty()) CheckRollout(pipeline.app, given);
    pipeline.environments.push_back(std::move(environment));
  }
}

AppRef ReadApp(const YamlMap& spec) {
  const std::optional<YamlMap> map = spec.Map("appRef");
  if (!map.has_value()) {
    if (!spec.Has("appRef")) spec.Fault("appRef", "is missing: the application that is promoted");
    return {};
  }
  return {.api_version = map->Text("apiVersion").value_or(""),
          .kind = Need(*map, "kind", "the kind of the application"),
          .name = Need(*map, "name", "the name of the application")};
}

Pipeline ReadPipeline(const YamlMap& document, const std::string& file) {
  Pipeline pipeline;
  pipeline.file = file;
  document.Ignore({"status"});
  if (!document.Has("metadata")) document.Fault("metadata", "is missing");
  if (const auto metadata = document.Map("metadata")) {
    metadata->Ignore({"labels", "annotations", "creationTimestamp", "generation", "resourceVersion",
                      "uid", "managedFields", "finalizers", "ownerReferences", "selfLink"});
    pipeline.name = Need(*metadata, "name", "the pipeline's name");
    pipeline.namespace_ = metadata->Text("namespace").value_or("default");
    if (!pipeline.name.empty()) CheckObjectName(*metadata, "name", pipeline.name);
    CheckObjectName(*metadata, "namespace", pipeline.namespace_);
  }
  if (!document.Has("spec")) document.Fault("spec", "is missing");
  if (const auto spec = document.Map("spec")) {
    pipeline.app = ReadApp(*spec);
    pipeline.success_reasons = spec->Strings("successReasons");
    ReadEnvironments(*spec, pipeline);
  }
  return pipeline;
}

// False: a document of another kind, which is reported.
bool IsPipeline(const YamlMap& document) {
  const std::string api_version = document.Text("apiVersion").value_or("");
  const std::string kind = document.Text("kind").value_or("");
  if (api_version == kApiVersion && kind == kKind) return true;
  document.Fault(kind == kKind ? "apiVersion" : "kind",
                 absl::StrCat("it is ", api_version, " ", kind, ", not ", kApiVersion, " ", kKind));
  return false;
}

}  // namespace

absl::StatusOr<std::vector<Pipeline>> ParsePipelines(absl::string_view text,
                                                     const std::string& file) {
  absl::StatusOr<YamlFile> yaml = YamlFile::Parse(text, file);
  if (!yaml.ok()) return yaml.status();
  std::vector<Pipeline> pipelines;
  std::set<std::string> ids;
  for (const YamlMap& document : yaml->documents()) {
    if (!IsPipeline(document)) {
      document.IgnoreAll();
      continue;
    }
    pipelines.push_back(ReadPipeline(document, file));
    if (!ids.insert(pipelines.back().Id()).second) {
      document.Fault("metadata",
                     absl::StrCat("the file has two pipelines ", pipelines.back().Id()));
    }
  }
  if (absl::Status status = yaml->Finish(); !status.ok()) return status;
  return pipelines;
}

std::string PromotionBranch(const Pipeline& pipeline, const Environment& environment) {
  return absl::StrCat("promotion-", pipeline.namespace_, "-", pipeline.name, "-", environment.name);
}

}  // namespace gitops
