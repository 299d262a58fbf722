#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/log/log.h"
#include "common/rpc/address.h"
#include "common/server/http_lifecycle.h"
#include "common/server/lifecycle.h"
#include "common/tls/material.h"

namespace gitops {
namespace {

// `NAME (from WHERE)`, or only the flag if the flag was given.
std::string Named(const Settings& settings, absl::string_view name) {
  const std::string flag = absl::StrCat("--", name);
  const std::string& origin = settings.Origin(name);
  return origin == flag ? flag : absl::StrCat(flag, " (from ", origin, ")");
}

absl::Status CheckStore(const Settings& settings) {
  const std::string& store = settings.Get("store");
  if (store.empty()) return absl::OkStatus();
  if (absl::StartsWith(store, "etcd://")) {
    return absl::UnimplementedError(
        absl::StrCat(Named(settings, "store"),
                     ": storing state in etcd is not implemented yet; without it, state is stored "
                     "in SQLite under --state-dir"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(Named(settings, "store"),
                   ": expected etcd://HOST:PORT[,HOST:PORT...]/PREFIX; without it, state is stored "
                   "in SQLite under --state-dir"));
}

// The dates are no fault of the settings: see TlsFiles::Open.
absl::Status CheckTls(const Settings& settings) {
  const std::string& directory = settings.Get("tls-dir");
  if (directory.empty()) return absl::OkStatus();
  if (settings.GetBool("insecure")) {
    return absl::InvalidArgumentError(absl::StrCat(Named(settings, "tls-dir"), " and ",
                                                   Named(settings, "insecure"),
                                                   " contradict each other; leave one out"));
  }
  const absl::Status loaded = LoadMaterial(directory, absl::Now()).status();
  if (loaded.ok() || absl::IsFailedPrecondition(loaded)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(Named(settings, "tls-dir"), ": ", loaded.message()));
}

// `plain`: clients on other machines would be served in plain text.
absl::Status CheckListen(const Settings& settings, absl::string_view name,
                         const std::string& listen, bool plain) {
  const absl::StatusOr<Address> address = ParseAddress(listen);
  if (!address.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(Named(settings, name), ": ", address.status().message()));
  }
  if (!plain || address->is_local()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(Named(settings, name), " ", listen,
                   ": refusing to serve other machines in plain text; give --tls-dir, listen on a "
                   "loopback address or a unix socket, or allow it with --insecure"));
}

}  // namespace

absl::Status CheckServerSettings(const Settings& settings) {
  // The log first, so that later lines have the configured format.
  if (absl::Status status = ConfigureLog(settings.Get("log-format"), settings.Get("log-level"));
      !status.ok()) {
    return status;
  }
  if (absl::Status status = CheckStore(settings); !status.ok()) return status;
  if (absl::Status status = CheckTls(settings); !status.ok()) return status;
  std::vector<std::string> listen = settings.GetList("listen");
  if (listen.empty()) listen.emplace_back();  // which is no address
  for (const std::string& each : listen) {
    absl::Status status =
        CheckListen(settings, "listen", each,
                    /*plain=*/settings.Get("tls-dir").empty() && !settings.GetBool("insecure"));
    if (!status.ok()) return status;
  }
  return CheckListen(settings, "metrics-listen", settings.Get("metrics-listen"), /*plain=*/false);
}

absl::Status CheckHttpServerSettings(const Settings& settings) {
  if (absl::Status status = ConfigureLog(settings.Get("log-format"), settings.Get("log-level"));
      !status.ok()) {
    return status;
  }
  const bool plain = settings.Get("tls-dir").empty() && !settings.GetBool("insecure");
  const std::vector<std::string> listen = settings.GetList("listen");
  if (listen.empty()) return absl::InvalidArgumentError("--listen: there is no address");
  for (const std::string& each : listen) {
    if (absl::Status status = CheckListen(settings, "listen", each, plain); !status.ok()) {
      return status;
    }
  }
  const std::string& metrics = settings.Get("metrics-listen");
  return metrics.empty() ? absl::OkStatus()
                         : CheckListen(settings, "metrics-listen", metrics, /*plain=*/false);
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
