#include "agent/report/report_settings.h"

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/config/ports.h"
#include "common/rpc/address.h"

namespace gitops {

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
