#include "ctl/output/text_renderer.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "ctl/output/difference_text.h"
#include "ctl/output/escape.h"
#include "ctl/output/live_table.h"
#include "ctl/output/service_text.h"

namespace gitops::ctl {
namespace {

class TextRenderer : public Renderer {
 public:
  TextRenderer(const RenderOptions& options, std::ostream& out)
      : wide_(options.form == OutputForm::kWide),
        color_(options.color),
        out_(out),
        watch_(options, ServiceHeader(wide_), kServiceStateColumn, out) {}

  absl::Status Machines(const std::vector<v1::Machine>& machines) override {
    std::vector<Row> rows = {{"#", "MACHINE", "ACTUAL"}};
    for (const v1::Machine& machine : machines) {
      rows.push_back({absl::StrCat(rows.size() - 1), EscapeLine(machine.machine()),
                      EscapeLine(machine.actual())});
    }
    return Print(FormatTable(rows));
  }

  absl::Status Services(const std::vector<v1::Service>& services) override {
    std::vector<Row> rows = {ServiceHeader(wide_)};
    for (const v1::Service& service : services) {
      rows.push_back(ServiceRow(rows.size() - 1, service, wide_, color_));
    }
    return Print(FormatTable(rows));
  }

  absl::Status Service(const v1::Service& service) override {
    return Print(ServiceDetails(service, color_));
  }

  absl::Status Outcome(const v1::Service&, absl::string_view sentence) override {
    return Print(absl::StrCat(sentence, "\n"));
  }

  absl::Status Differences(const v1::DiffServiceResponse& response) override {
    std::vector<Row> rows;
    for (const v1::Difference& difference : response.differences()) {
      rows.push_back(DifferenceRow({}, difference));
    }
    return Print(FormatTable(rows));
  }

  absl::Status Degraded(const std::vector<v1::Service>& services) override {
    std::vector<Row> rows;
    for (const v1::Service& service : services) {
      rows.push_back({EscapeLine(service.service()), StateText(service.state(), color_),
                      EscapeLine(service.state_info())});
    }
    return Print(FormatTable(rows));
  }

  absl::Status Update(const v1::WatchServicesResponse& update) override {
    std::optional<LiveTable::Change> change;
    if (update.has_service()) {
      change = {update.service().service(), ServiceRow(0, update.service(), wide_, color_),
                update.removed(), LiveTable::Place::kInItsGroup};
    }
    watch_.Update(change, update.initial_done());
    return absl::OkStatus();
  }

  absl::Status Version(absl::string_view version) override {
    return Print(absl::StrCat("gitopsctl ", version, "\n"));
  }

 private:
  absl::Status Print(const std::string& text) {
    out_ << text << std::flush;
    return absl::OkStatus();
  }

  const bool wide_;
  const bool color_;
  std::ostream& out_;
  LiveTable watch_;
};

}  // namespace

std::unique_ptr<Renderer> MakeTextRenderer(const RenderOptions& options, std::ostream& out) {
  return std::make_unique<TextRenderer>(options, out);
}

}  // namespace gitops::ctl
