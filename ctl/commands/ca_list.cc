#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "ctl/commands/ca_commands.h"
#include "ctl/output/columns.h"
#include "ctl/output/document.h"
#include "ctl/output/escape.h"
#include "ctl/output/time_text.h"

namespace gitops::ctl {
namespace {

constexpr size_t kShortSerial = 8;  // enough for `ca revoke`

const char* StateOf(const IssuedCertificate& certificate, absl::Time now) {
  if (certificate.revoked.has_value()) return "REVOKED";
  return certificate.IsValidAt(now) ? "VALID" : "EXPIRED";
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

// ROLE and NAME.
std::pair<std::string, std::string> PartsOf(const std::string& holder) {
  const size_t slash = holder.find('/');
  if (slash == std::string::npos) return {"", holder};
  return {holder.substr(0, slash), holder.substr(slash + 1)};
}

Json TreeOf(const IssuedCertificate& certificate) {
  const auto [role, name] = PartsOf(certificate.holder);
  return {{"serial", certificate.serial},
          {"role", role},
          {"name", name},
          {"dnsNames", certificate.dns_names},
          {"addresses", certificate.addresses},
          {"notBefore", TimeText(certificate.not_before)},
          {"notAfter", TimeText(certificate.not_after)},
          {"issuer", certificate.issuer},
          {"state", StateOf(certificate, absl::Now())},
          {"revoked",
           certificate.revoked.has_value() ? Json(TimeText(*certificate.revoked)) : Json(nullptr)},
          {"reason", certificate.reason}};
}

Cell ExpiryCell(const IssuedCertificate& certificate, const TableStyle& style) {
  const absl::Duration left = certificate.not_after - style.now;
  return {left > absl::ZeroDuration() ? AgeText(left) : "-", absl::ToDoubleSeconds(left)};
}

const Columns<IssuedCertificate>& CertificateColumns() {
  using C = IssuedCertificate;
  using S = TableStyle;
  static const auto& columns = *new Columns<IssuedCertificate>{
      {{"SERIAL", Shown::kTable},
       [](const C& c, const S&) -> Cell { return c.serial.substr(0, kShortSerial); }},
      {{"FULL SERIAL", Shown::kWide}, [](const C& c, const S&) -> Cell { return c.serial; }},
      {{"ROLE"}, [](const C& c, const S&) -> Cell { return EscapeLine(PartsOf(c.holder).first); }},
      {{"NAME"}, [](const C& c, const S&) -> Cell { return EscapeLine(PartsOf(c.holder).second); }},
      {{"EXPIRES IN"}, ExpiryCell},
      {{"STATE"}, [](const C& c, const S& style) -> Cell { return StateOf(c, style.now); }},
      {{"NOT AFTER", Shown::kWide},
       [](const C& c, const S&) -> Cell { return TimeText(c.not_after); }},
      {{"ISSUER", Shown::kWide}, [](const C& c, const S&) -> Cell { return EscapeLine(c.issuer); }},
      {{"NAMES", Shown::kWide},
       [](const C& c, const S&) -> Cell {
         std::vector<std::string> names = c.dns_names;
         names.insert(names.end(), c.addresses.begin(), c.addresses.end());
         return EscapeLine(absl::StrJoin(names, ","));
       }},
      {{"REASON"}, [](const C& c, const S&) -> Cell { return EscapeLine(c.reason); }},
  };
  return columns;
}

}  // namespace

absl::StatusOr<std::string> CertificatesText(const std::vector<IssuedCertificate>& certificates,
                                             const RenderOptions& options) {
  if (options.form == OutputForm::kTable || options.form == OutputForm::kWide) {
    return ListText(CertificateColumns(), certificates, StyleOf(options));
  }
  std::string serials;
  Json list = Json::array();
  for (const IssuedCertificate& certificate : certificates) {
    absl::StrAppend(&serials, certificate.serial, "\n");
    list.push_back(TreeOf(certificate));
  }
  if (options.form == OutputForm::kName) return serials;
  const Json tree = {{"certificates", list}};
  return options.form == OutputForm::kYaml ? YamlText(tree) : JsonText(tree);
}

std::string CertificateText(const IssuedCertificate& certificate, const RenderOptions& options,
                            const std::string& sentence) {
  switch (options.form) {
    case OutputForm::kJson:
      return JsonText(TreeOf(certificate));
    case OutputForm::kYaml:
      return YamlText(TreeOf(certificate));
    case OutputForm::kName:
      return absl::StrCat(certificate.serial, "\n");
    default:
      return absl::StrCat(EscapeLine(sentence), "\n");
  }
}

}  // namespace gitops::ctl
