#include "ctl/output/name_renderer.h"

#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

class NameRenderer : public Renderer {
 public:
  explicit NameRenderer(std::ostream& out) : out_(out) {}

  absl::Status Machines(const std::vector<v1::Machine>& machines) override {
    for (const v1::Machine& machine : machines) Print(machine.machine());
    return absl::OkStatus();
  }
  absl::Status Services(const std::vector<v1::Service>& services) override {
    for (const v1::Service& service : services) Print(service.service());
    return absl::OkStatus();
  }
  absl::Status Degraded(const std::vector<v1::Service>& services) override {
    return Services(services);
  }
  absl::Status Service(const v1::Service& service) override {
    Print(service.service());
    return absl::OkStatus();
  }
  // The revisions, once each time that one was published.
  absl::Status History(const std::vector<v1::Change>& changes) override {
    for (const v1::Change& change : changes) {
      if (change.to_hash() != change.from_hash()) Print(change.to_hash());
    }
    return absl::OkStatus();
  }
  absl::Status Outcome(const v1::Service& service, absl::string_view) override {
    return Service(service);
  }
  absl::Status Differences(const v1::DiffServiceResponse& response) override {
    for (const v1::Difference& difference : response.differences()) Print(difference.path());
    return absl::OkStatus();
  }
  absl::Status Update(const v1::WatchServicesResponse& update) override {
    if (update.has_service()) Print(update.service().service());
    return absl::OkStatus();
  }
  absl::Status Version(absl::string_view version) override {
    Print(version);
    return absl::OkStatus();
  }

 private:
  void Print(absl::string_view name) { out_ << EscapeLine(name) << "\n" << std::flush; }

  std::ostream& out_;
};

}  // namespace

std::unique_ptr<Renderer> MakeNameRenderer(std::ostream& out) {
  return std::make_unique<NameRenderer>(out);
}

}  // namespace gitops::ctl
