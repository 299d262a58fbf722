#include <nlohmann/json.hpp>

#include "ctl/output/document.h"
#include "ctl/output/fleet_renderer.h"

namespace gitops::ctl {
namespace {

using google::protobuf::Message;

class TreeFleetRenderer : public FleetRenderer {
 public:
  TreeFleetRenderer(OutputForm form, std::ostream& out)
      : yaml_(form == OutputForm::kYaml), out_(out) {}

  absl::Status Hosts(const std::vector<v1::Host>& hosts) override { return List("hosts", hosts); }
  absl::Status Host(const v1::Host& host) override { return One(host); }
  // The host with its services as a further member.
  absl::Status HostDescription(const v1::Host& host,
                               const std::vector<v1::Service>& services) override {
    absl::StatusOr<Json> tree = ToJson(host);
    if (!tree.ok()) return tree.status();
    if (absl::Status s = Add("services", services, *tree); !s.ok()) return s;
    Print(*tree);
    return absl::OkStatus();
  }
  absl::Status Services(const std::vector<v1::Service>& services) override {
    return List("services", services);
  }

  absl::Status HostUpdate(const v1::WatchFleetResponse& update) override {
    return update.has_host() ? Removable(update.host(), update.removed()) : absl::OkStatus();
  }
  absl::Status ServiceUpdate(const v1::WatchFleetResponse& update) override {
    return update.has_service() ? Removable(update.service(), update.removed()) : absl::OkStatus();
  }

  absl::Status Unwell(const std::vector<v1::Host>& hosts,
                      const std::vector<v1::Service>& services) override {
    Json tree = Json::object();
    if (absl::Status s = Add("services", services, tree); !s.ok()) return s;
    if (absl::Status s = Add("hosts", hosts, tree); !s.ok()) return s;
    Print(tree);
    return absl::OkStatus();
  }

  absl::Status Outcomes(const std::vector<v1::HostOutcome>& outcomes) override {
    return List("outcomes", outcomes);
  }
  absl::Status Differences(const std::vector<v1::HostOutcome>& outcomes) override {
    return List("outcomes", outcomes);
  }
  absl::Status Plan(const v1::Plan& plan) override { return One(plan); }
  absl::Status PlanWithDifferences(const v1::Plan& plan,
                                   const std::vector<PlannedDifference>& differences) override {
    absl::StatusOr<Json> tree = ToJson(plan);
    if (!tree.ok()) return tree.status();
    Json list = Json::array();
    for (const PlannedDifference& difference : differences) {
      absl::StatusOr<Json> move = ToJson(difference.move);
      if (!move.ok()) return move.status();
      if (absl::Status s = Add("outcomes", difference.outcomes, *move); !s.ok()) return s;
      list.push_back(*std::move(move));
    }
    (*tree)["differences"] = std::move(list);
    Print(*tree);
    return absl::OkStatus();
  }
  absl::Status Deployments(const std::vector<v1::Deployment>& deployments) override {
    return List("deployments", deployments);
  }
  absl::Status DeploymentInList(const v1::Deployment& deployment, bool removed) override {
    return Removable(deployment, removed);
  }
  absl::Status DeploymentListBegun() override { return absl::OkStatus(); }
  absl::Status Deployment(const v1::Deployment& deployment) override { return One(deployment); }
  absl::Status DeploymentNow(const v1::Deployment& deployment) override { return One(deployment); }
  absl::Status DeploymentEnd(const v1::Deployment& deployment) override { return One(deployment); }
  absl::Status DeploymentUpdate(const v1::WatchDeploymentResponse& update) override {
    return Line(update);
  }
  absl::Status Hooks(const std::vector<v1::Hook>& hooks) override { return List("hooks", hooks); }
  absl::Status HookTest(const v1::TestHooksResponse& response) override { return One(response); }
  absl::Status Locks(const std::vector<v1::HostLock>& locks) override {
    return List("locks", locks);
  }
  absl::Status BrokenLock(const v1::HostLock& lock) override { return One(lock); }

 private:
  void Print(const Json& tree) { out_ << (yaml_ ? YamlText(tree) : JsonText(tree)) << std::flush; }
  void PrintLine(const Json& tree) {
    out_ << (yaml_ ? "---\n" + YamlText(tree) : JsonLine(tree)) << std::flush;
  }

  absl::Status One(const Message& message) {
    const absl::StatusOr<Json> tree = ToJson(message);
    if (tree.ok()) Print(*tree);
    return tree.status();
  }

  absl::Status Line(const Message& message) {
    const absl::StatusOr<Json> tree = ToJson(message);
    if (tree.ok()) PrintLine(*tree);
    return tree.status();
  }

  absl::Status Removable(const Message& message, bool removed) {
    absl::StatusOr<Json> tree = ToJson(message);
    if (!tree.ok()) return tree.status();
    (*tree)["removed"] = removed;
    PrintLine(*tree);
    return absl::OkStatus();
  }

  template <typename Element>
  static absl::Status Add(const char* name, const std::vector<Element>& messages, Json& tree) {
    Json list = Json::array();
    for (const Element& message : messages) {
      absl::StatusOr<Json> element = ToJson(message);
      if (!element.ok()) return element.status();
      list.push_back(*std::move(element));
    }
    tree[name] = std::move(list);
    return absl::OkStatus();
  }

  template <typename Element>
  absl::Status List(const char* name, const std::vector<Element>& messages) {
    Json tree = Json::object();
    if (absl::Status s = Add(name, messages, tree); !s.ok()) return s;
    Print(tree);
    return absl::OkStatus();
  }

  const bool yaml_;
  std::ostream& out_;
};

}  // namespace

std::unique_ptr<FleetRenderer> MakeTreeFleetRenderer(OutputForm form, std::ostream& out) {
  return std::make_unique<TreeFleetRenderer>(form, out);
}

}  // namespace gitops::ctl
