#include "services/planner/record/record_keys.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace gitops {

std::string EntryKey(absl::string_view id) { return absl::StrCat(kEntryPrefix, id); }

std::string HostKeys(absl::string_view id) { return absl::StrCat(kHostPrefix, id, "/"); }

std::string HostKey(absl::string_view id, int index) {
  return absl::StrFormat("%s%06d", HostKeys(id), index);
}

std::string StepKeys(absl::string_view id) { return absl::StrCat(kStepPrefix, id, "/"); }

std::string StepKeys(absl::string_view id, int index) {
  return absl::StrFormat("%s%06d/", StepKeys(id), index);
}

std::string StepKey(absl::string_view id, int index, int number) {
  return absl::StrFormat("%s%03d", StepKeys(id, index), number);
}

std::string CallKeys(absl::string_view id) { return absl::StrCat(kCallPrefix, id, "/"); }

std::string CallKey(absl::string_view id, int number) {
  return absl::StrFormat("%s%04d", CallKeys(id), number);
}

std::string PlanKey(absl::string_view token) { return absl::StrCat(kPlanPrefix, token); }

std::optional<int> NumberAfter(absl::string_view prefix, absl::string_view key) {
  if (!absl::ConsumePrefix(&key, prefix)) return std::nullopt;
  int number = 0;
  if (!absl::SimpleAtoi(key.substr(0, key.find('/')), &number) || number < 0) return std::nullopt;
  return number;
}

absl::Status Unreadable(absl::string_view key, absl::string_view why) {
  return absl::DataLossError(absl::StrCat("read ", key, " from the store: ", why));
}

absl::Status Parse(const StoredValue& stored, google::protobuf::MessageLite& message) {
  if (message.ParseFromString(stored.value)) return absl::OkStatus();
  return Unreadable(stored.key, "it is damaged");
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
