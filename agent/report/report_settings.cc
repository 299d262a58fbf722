#include "agent/report/report_settings.h"

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/config/ports.h"
#include "common/rpc/address.h"
#include "common/rpc/channel.h"

namespace gitops {
namespace {

absl::Status ForSetting(const Settings& settings, absl::string_view name,
                        const absl::Status& status) {
  const std::string& origin = settings.Origin(name);
  const std::string flag = absl::StrCat("--", name);
  return absl::Status(
      status.code(), absl::StrCat(flag, origin == flag ? "" : absl::StrCat(" (", origin, ")"), ": ",
                                  status.message()));
}

absl::Status CheckAdvertised(const std::string& advertise) {
  const absl::StatusOr<Address> address = ParseAddress(advertise, kAgentPort);
  if (!address.ok()) return address.status();
  if (!address->is_unix() && address->port == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("bad address \"", advertise, "\": it needs a port"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckReportSettings(const Settings& settings) {
  if (const std::string& advertise = settings.Get("advertise"); !advertise.empty()) {
    const absl::Status status = CheckAdvertised(advertise);
    if (!status.ok()) return ForSetting(settings, "advertise", status);
  }
  const std::string& planner = settings.Get("planner");
  if (planner.empty()) return absl::OkStatus();
  const auto dialled = Dial({.address = planner,
                             .default_port = kPlannerPort,
                             .insecure = settings.GetBool("insecure"),
                             .tls_dir = settings.Get("tls-dir"),
                             .server = ServerIdentity{.role = Role::kPlanner, .name = ""}});
  return dialled.ok() ? absl::OkStatus() : ForSetting(settings, "planner", dialled.status());
}

std::string AdvertisedAddress(const Settings& settings, absl::string_view served) {
  if (const std::string& advertise = settings.Get("advertise"); !advertise.empty()) {
    const absl::StatusOr<Address> address = ParseAddress(advertise, kAgentPort);
    return address.ok() ? address->ToString() : advertise;
  }
  const absl::StatusOr<Address> actual = ParseAddress(served);
  if (!actual.ok()) return std::string(served);
  for (const std::string& each : settings.GetList("listen")) {
    const absl::StatusOr<Address> listen = ParseAddress(each);
    if (!listen.ok() || listen->is_unix()) continue;
    return listen->is_wildcard() ? absl::StrCat(":", actual->port) : std::string(served);
  }
  return std::string(served);
}

}  // namespace gitops
