#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/log/log.h"
#include "common/program_config/setting_rules.h"
#include "common/server/http_lifecycle.h"
#include "common/server/lifecycle.h"
#include "common/tls/material.h"

namespace gitops {
namespace {

// The log first, so that later lines have the configured format.
absl::Status CheckAfterLog(const Settings& settings, absl::Status (*check)(const Settings&)) {
  absl::Status status = ConfigureLog(settings.Get("log-format"), settings.Get("log-level"));
  return status.ok() ? check(settings) : status;
}

// The dates are no fault of the settings: see TlsFiles::Open.
absl::Status CheckTlsFiles(const Settings& settings) {
  const std::string& directory = settings.Get("tls-dir");
  if (directory.empty()) return absl::OkStatus();
  const absl::Status loaded = LoadMaterial(directory, absl::Now()).status();
  if (loaded.ok() || absl::IsFailedPrecondition(loaded)) return absl::OkStatus();
  return SettingFault(settings, "tls-dir", absl::InvalidArgumentError(loaded.message()));
}

}  // namespace

absl::Status CheckServerSettings(const Settings& settings) {
  absl::Status status = CheckAfterLog(settings, CheckServerRules);
  return status.ok() ? CheckTlsFiles(settings) : status;
}

absl::Status CheckHttpServerSettings(const Settings& settings) {
  return CheckAfterLog(settings, CheckHttpServerRules);
}

int ExitStatus(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return 0;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kFailedPrecondition:
      return 2;
    default:
      return 1;
  }
}

int ReportFailure(absl::string_view program, const absl::Status& status) {
  const std::string line = absl::StrCat(program, ": ", status.message(), "\n");
  std::fwrite(line.data(), 1, line.size(), stderr);
  return ExitStatus(status);
}

}  // namespace gitops
