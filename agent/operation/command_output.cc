#include "agent/operation/command_output.h"

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "agent/operation/redact.h"
#include "agent/operation/secret_file.h"
#include "common/log/secret.h"
#include "common/process/process.h"
#include "common/text/escape.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

// More than the shown part, since removing secrets makes it shorter.
constexpr size_t kMostKept = 64 << 10;

absl::StatusOr<Redactor> SecretsOf(const std::vector<HostSpec>& hosts) {
  Redactor redactor;
  for (const HostSpec& host : hosts) {
    for (const auto& [name, secret] : host.secrets) {
      const absl::StatusOr<Secret> content = ReadSecretFile(secret.destination);
      if (absl::IsNotFound(content.status())) continue;
      if (!content.ok()) return content.status();
      redactor.Add(content->Reveal());
    }
  }
  return redactor;
}

}  // namespace

std::function<absl::Status(absl::string_view)> CommandOutput::Keeper() {
  return [this](absl::string_view piece) {
    absl::StrAppend(&kept_, piece);
    // Cut occasionally, not with every piece.
    if (kept_.size() > 2 * kMostKept) {
      kept_.erase(0, kept_.size() - kMostKept);
      cut_ = true;
    }
    return absl::OkStatus();
  };
}

std::string CommandOutput::End(absl::string_view error_output, const std::vector<HostSpec>& hosts,
                               size_t most) const {
  if (kept_.empty() && error_output.empty()) return "";
  const absl::StatusOr<Redactor> redactor = SecretsOf(hosts);
  if (!redactor.ok()) {
    return absl::StrCat("the output is not shown, since secrets could not be removed from it: ",
                        redactor.status().message());
  }
  const bool error_cut = error_output.size() >= kKeptErrorOutput;
  std::string end =
      absl::StrCat(cut_ ? redactor->ApplyToEnd(kept_) : redactor->Apply(kept_),
                   error_cut ? redactor->ApplyToEnd(error_output) : redactor->Apply(error_output));
  end = EscapeText(end, kLines);
  if (end.size() > most) end.erase(0, end.size() - most);
  while (!end.empty() && Utf8SequenceLength(end) == 0) end.erase(0, 1);  // the rest of a character
  return end;
}

}  // namespace gitops
