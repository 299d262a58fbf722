#include "ctl/output/text_renderer.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "ctl/output/escape.h"
#include "ctl/output/service_text.h"
#include "ctl/output/watch_table.h"

namespace gitops::ctl {
namespace {

std::string KindText(v1::Difference::Kind kind) {
  if (!v1::Difference::Kind_IsValid(kind)) return absl::StrCat("kind ", static_cast<int>(kind));
  const std::string name(absl::StripPrefix(v1::Difference::Kind_Name(kind), "KIND_"));
  return absl::StrReplaceAll(absl::AsciiStrToLower(name), {{"_", " "}});
}

bool HasLines(const std::string& text) { return absl::StrContains(text, '\n'); }

class TextRenderer : public Renderer {
 public:
  TextRenderer(const RenderOptions& options, std::ostream& out)
      : wide_(options.form == OutputForm::kWide),
        color_(options.color),
        out_(out),
        watch_(options, out) {}

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
    for (const v1::Difference& d : response.differences()) {
      rows.push_back({KindText(d.kind()), EscapeLine(d.path()),
                      HasLines(d.detail()) ? "" : EscapeLine(d.detail())});
    }
    Table table;
    for (const Row& row : rows) table.Fit(row);
    std::string text;
    for (size_t i = 0; i < rows.size(); ++i) {
      text += table.Line(rows[i]);
      const std::string& detail = response.differences(i).detail();
      if (HasLines(detail)) {
        text += EscapeText(detail);
        if (detail.back() != '\n') text += '\n';
      }
    }
    return Print(text);
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
    watch_.Update(update);
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
  WatchTable watch_;
};

}  // namespace

std::unique_ptr<Renderer> MakeTextRenderer(const RenderOptions& options, std::ostream& out) {
  return std::make_unique<TextRenderer>(options, out);
}

}  // namespace gitops::ctl
