#include "services/planner/record/record_keys.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace gitops {

std::string HostName(absl::string_view id, int index) {
  return absl::StrFormat("%s/%06d", id, index);
}

std::string StepNames(absl::string_view id, int index) {
  return absl::StrCat(HostName(id, index), "/");
}

std::string StepName(absl::string_view id, int index, int number) {
  return absl::StrFormat("%s/%03d", HostName(id, index), number);
}

std::string CallName(absl::string_view id, int number) {
  return absl::StrFormat("%s/%04d", id, number);
}

std::optional<int> NumberAfter(absl::string_view prefix, absl::string_view key) {
  if (!absl::ConsumePrefix(&key, prefix)) return std::nullopt;
  int number = 0;
  if (!absl::SimpleAtoi(key.substr(0, key.find('/')), &number) || number < 0) return std::nullopt;
  return number;
}

absl::Status CheckId(absl::string_view id) {
  if (!id.empty() && !absl::StrContains(id, '/')) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("store the deployment \"", id, "\": its id is empty or has a '/'"));
}

absl::Status CheckIndex(absl::string_view id, int index) {
  if (index >= 0 && index < kMostHosts) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("store host ", index, " of the deployment ", id,
                                                 ": hosts are numbered from 0 to ",
                                                 kMostHosts - 1));
}

}  // namespace gitops
