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
      : options_(options), out_(out), watch_(options, SpecsOf(ServiceColumns()), out) {}

  absl::Status Machines(const std::vector<v1::Machine>& machines) override {
    static const auto& columns = *new Columns<v1::Machine>{
        {{"MACHINE"},
         [](const v1::Machine& m, const TableStyle&) -> Cell { return EscapeLine(m.machine()); }},
        {{"ACTUAL"},
         [](const v1::Machine& m, const TableStyle&) -> Cell { return EscapeLine(m.actual()); }},
        {{"FAULT", Shown::kWide}, [](const v1::Machine& m, const TableStyle&) -> Cell {
           return EscapeLine(m.config_fault());
         }}};
    return List(columns, machines);
  }

  absl::Status Services(const std::vector<v1::Service>& services) override {
    return List(ServiceColumns(), services);
  }

  absl::Status Service(const v1::Service& service) override {
    return Print(ServiceDetails(service, StyleOf(options_)));
  }

  absl::Status History(const std::vector<v1::Change>& changes) override {
    return List(ChangeColumns(), changes);
  }

  absl::Status Outcome(const v1::Service&, absl::string_view sentence) override {
    return Print(absl::StrCat(sentence, "\n"));
  }

  absl::Status Differences(const v1::DiffServiceResponse& response) override {
    return Print(DifferencesText(response, options_.color));
  }

  absl::Status Degraded(const std::vector<v1::Service>& services) override {
    TableStyle style = StyleOf(options_);
    style.headers = false;
    style.columns = {"SERVICE", "STATE", "INFO"};
    return List(ServiceColumns(), services, style);
  }

  absl::Status Update(const v1::WatchServicesResponse& update) override {
    std::optional<LiveTable::Change> change;
    if (update.has_service()) {
      change = {.key = update.service().service(),
                .cells = LiveCells(ServiceColumns(), update.service()),
                .degraded = IsDegraded(update.service()),
                .removed = update.removed(),
                .place = LiveTable::Place::kInItsGroup};
    }
    return watch_.Update(change, update.initial_done());
  }

  void RestartWatch() override { watch_.Restart(); }

  absl::Status Version(absl::string_view version) override {
    return Print(absl::StrCat("gitopsctl ", version, "\n"));
  }

 private:
  absl::Status Print(const std::string& text) {
    out_ << text << std::flush;
    return absl::OkStatus();
  }

  template <typename Element>
  absl::Status List(const Columns<Element>& columns, const std::vector<Element>& elements) {
    return List(columns, elements, StyleOf(options_));
  }

  template <typename Element>
  absl::Status List(const Columns<Element>& columns, const std::vector<Element>& elements,
                    const TableStyle& style) {
    const absl::StatusOr<std::string> text = ListText(columns, elements, style);
    return text.ok() ? Print(*text) : text.status();
  }

  const RenderOptions options_;
  std::ostream& out_;
  LiveTable watch_;
};

}  // namespace

std::unique_ptr<Renderer> MakeTextRenderer(const RenderOptions& options, std::ostream& out) {
  return std::make_unique<TextRenderer>(options, out);
}

}  // namespace gitops::ctl
