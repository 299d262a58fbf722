#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/rpc/address.h"
#include "common/server/lifecycle.h"

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

absl::Status CheckTls(const Settings& settings) {
  if (settings.Get("tls-dir").empty()) return absl::OkStatus();
  return absl::UnimplementedError(
      absl::StrCat(Named(settings, "tls-dir"), " ", settings.Get("tls-dir"),
                   ": TLS is not implemented yet; until it is, listen on a loopback address or a "
                   "unix socket, or allow plain text with --insecure"));
}

absl::Status CheckListen(const Settings& settings) {
  for (const char* name : {"listen", "metrics-listen"}) {
    const absl::StatusOr<Address> address = ParseAddress(settings.Get(name));
    if (!address.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(Named(settings, name), ": ", address.status().message()));
    }
    const bool exposed = absl::string_view(name) == "listen" && !address->is_local();
    if (exposed && !settings.GetBool("insecure")) {
      return absl::FailedPreconditionError(
          absl::StrCat(Named(settings, name), " ", settings.Get(name),
                       ": refusing to serve other machines in plain text; listen on a loopback "
                       "address or a unix socket, or allow it with --insecure"));
    }
  }
  return absl::OkStatus();
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
  return CheckListen(settings);
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
