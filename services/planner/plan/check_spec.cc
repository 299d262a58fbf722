#include "services/planner/plan/check_spec.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/plan/action.h"
#include "common/plan/vocabulary.h"
#include "common/rpc/error.h"
#include "common/rpc/request_checks.h"
#include "services/planner/plan/fleet_selection.h"
#include "services/planner/wave/waves.h"

namespace gitops {
namespace {

constexpr size_t kLongestService = 255;
// google.protobuf.Duration's own limit, 10,000 years.
constexpr int64_t kMostSeconds = 315'576'000'000;

// OK if one of the actions has `trait`, which `field` requires.
absl::Status CheckTaken(const v1::DeploymentSpec& spec, absl::string_view field,
                        const std::string& value, bool ActionTraits::*trait) {
  std::vector<absl::string_view> known;
  for (const ActionTraits& traits : AllActionTraits()) {
    if (traits.*trait) known.push_back(traits.name);
  }
  const auto& actions = spec.actions();
  if (std::any_of(actions.begin(), actions.end(),
                  [&](const std::string& action) { return TraitsOf(action).*trait; })) {
    return absl::OkStatus();
  }
  return InvalidField(field, absl::StrCat(field, " \"", absl::CHexEscape(value),
                                          "\" is given, but none of the actions takes one (",
                                          absl::StrJoin(known, ", "), " would)"));
}

absl::Status CheckActionList(const v1::DeploymentSpec& spec) {
  if (spec.actions().empty()) {
    return InvalidField(
        "actions", "no action is given; say what is to be done on the hosts, for example sync");
  }
  return CheckActions({spec.actions().begin(), spec.actions().end()}, "actions");
}

absl::Status CheckService(const v1::DeploymentSpec& spec) {
  if (spec.service().empty()) return absl::OkStatus();
  const absl::Status taken =
      CheckTaken(spec, "service", spec.service(), &ActionTraits::takes_service);
  if (!taken.ok()) return taken;
  return CheckNamedService(spec.service());
}

absl::Status CheckRevision(const v1::DeploymentSpec& spec) {
  if (spec.revision().empty()) return absl::OkStatus();
  const absl::Status taken =
      CheckTaken(spec, "revision", spec.revision(), &ActionTraits::takes_revision);
  if (!taken.ok()) return taken;
  return CheckHash(spec.revision(), "revision");
}

absl::Status CheckRollout(const v1::Rollout& rollout) {
  const absl::StatusOr<RolloutPolicy> policy = RolloutPolicyOf(rollout);
  if (!policy.ok()) return policy.status();
  if (policy->batch.has_value() && policy->batch->value == 0) {
    return InvalidField("rollout.batch",
                        absl::StrCat("rollout.batch: \"", rollout.batch(),
                                     "\" is a wave without hosts; give at least 1"));
  }
  return absl::OkStatus();
}

absl::Status CheckDurations(const v1::DeploymentSpec& spec) {
  const struct {
    const char* field;
    const google::protobuf::Duration& duration;
  } all[] = {{"rollout.pause_between", spec.rollout().pause_between()},
             {"rollout.catch_up_timeout", spec.rollout().catch_up_timeout()},
             {"health_timeout", spec.health_timeout()},
             {"reboot_timeout", spec.reboot_timeout()}};
  for (const auto& [field, duration] : all) {
    if (absl::Status status = CheckDuration(field, duration); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckFields(const v1::DeploymentSpec& spec, bool changes) {
  for (auto check : {CheckActionList, CheckService, CheckRevision, CheckDurations}) {
    if (absl::Status status = check(spec); !status.ok()) return status;
  }
  if (absl::Status status = CheckRollout(spec.rollout()); !status.ok()) return status;
  return CheckFleetSelection(spec.selection(), changes);
}

}  // namespace

absl::Status CheckSpec(const v1::DeploymentSpec& spec, bool changes) {
  absl::Status status = CheckFields(spec, changes);
  google::rpc::BadRequest bad = BadRequestOf(status);
  if (bad.field_violations().empty()) return status;
  // Requests have the spec in a field of this name.
  for (auto& violation : *bad.mutable_field_violations()) {
    violation.set_field(absl::StrCat("spec.", violation.field()));
  }
  SetDetail(bad, status);
  return status;
}

absl::Status CheckNamedService(const std::string& name) {
  if (name.empty()) return InvalidField("service", "no service is named");
  const bool printable =
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return c > ' ' && c != 0x7F; });
  if (printable && name.size() <= kLongestService) return absl::OkStatus();
  return InvalidField("service",
                      absl::StrCat("\"", absl::CHexEscape(name.substr(0, kLongestService)),
                                   "\" cannot be a service: names have at most ", kLongestService,
                                   " bytes, and neither blanks nor control characters"));
}

absl::Status CheckDuration(absl::string_view field, const google::protobuf::Duration& duration) {
  if (duration.seconds() >= 0 && duration.seconds() <= kMostSeconds && duration.nanos() >= 0 &&
      duration.nanos() < 1'000'000'000) {
    return absl::OkStatus();
  }
  return InvalidField(field,
                      absl::StrCat(field, ": ", duration.seconds(), " s and ", duration.nanos(),
                                   " ns are no duration that can be waited for"));
}

}  // namespace gitops
