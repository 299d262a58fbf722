#include "ctl/output/tree_renderer.h"

#include <nlohmann/json.hpp>

#include "ctl/output/document.h"

namespace gitops::ctl {
namespace {

class TreeRenderer : public Renderer {
 public:
  TreeRenderer(OutputForm form, std::ostream& out) : yaml_(form == OutputForm::kYaml), out_(out) {}

  absl::Status Machines(const std::vector<v1::Machine>& machines) override {
    return List("machines", machines);
  }
  absl::Status Services(const std::vector<v1::Service>& services) override {
    return List("services", services);
  }
  absl::Status Degraded(const std::vector<v1::Service>& services) override {
    return List("services", services);
  }
  absl::Status Service(const v1::Service& service) override { return One(service); }
  absl::Status History(const std::vector<v1::Change>& changes) override {
    return List("changes", changes);
  }
  absl::Status Outcome(const v1::Service& service, absl::string_view) override {
    return One(service);
  }
  absl::Status Differences(const v1::DiffServiceResponse& response) override {
    return One(response);
  }

  // A line (in YAML a document) for each service, as `get service` prints it, with `removed`.
  absl::Status Update(const v1::WatchServicesResponse& update) override {
    if (!update.has_service()) return absl::OkStatus();
    absl::StatusOr<Json> tree = ToJson(update.service());
    if (!tree.ok()) return tree.status();
    (*tree)["removed"] = update.removed();
    out_ << (yaml_ ? "---\n" + YamlText(*tree) : JsonLine(*tree)) << std::flush;
    return absl::OkStatus();
  }

  absl::Status Version(absl::string_view version) override {
    Print(Json{{"version", std::string(version)}});
    return absl::OkStatus();
  }

 private:
  void Print(const Json& tree) { out_ << (yaml_ ? YamlText(tree) : JsonText(tree)) << std::flush; }

  absl::Status One(const google::protobuf::Message& message) {
    const absl::StatusOr<Json> tree = ToJson(message);
    if (tree.ok()) Print(*tree);
    return tree.status();
  }

  template <typename Message>
  absl::Status List(const char* name, const std::vector<Message>& messages) {
    Json list = Json::array();
    for (const Message& message : messages) {
      absl::StatusOr<Json> tree = ToJson(message);
      if (!tree.ok()) return tree.status();
      list.push_back(*std::move(tree));
    }
    Print(Json{{name, std::move(list)}});
    return absl::OkStatus();
  }

  const bool yaml_;
  std::ostream& out_;
};

}  // namespace

std::unique_ptr<Renderer> MakeTreeRenderer(OutputForm form, std::ostream& out) {
  return std::make_unique<TreeRenderer>(form, out);
}

}  // namespace gitops::ctl
