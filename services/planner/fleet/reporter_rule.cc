#include "services/planner/fleet/reporter_rule.h"

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

bool IsProven(const Principal& principal) {
  return principal.authentication == Principal::Authentication::kTls;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReportableNames(const Principal& caller,
                                                         const std::vector<std::string>& names) {
  if (!IsProven(caller)) return names;
  if (caller.kind == Principal::Kind::kAgent) {
    for (const std::string& name : names) {
      if (absl::EqualsIgnoreCase(name, caller.name)) return std::vector<std::string>{name};
    }
  }
  return absl::PermissionDeniedError(
      absl::StrCat(PrincipalText(caller), " may not report for the host ",
                   names.empty() ? "" : names[0], ": its certificate does not name it"));
}

bool MayTakeOver(const Principal& older, const Principal& newer, bool same_run) {
  if (IsProven(older) || IsProven(newer)) {
    return IsProven(newer) && (!IsProven(older) || PrincipalKey(older) == PrincipalKey(newer));
  }
  return same_run || (PrincipalKey(older) == PrincipalKey(newer) && older.address == newer.address);
}

}  // namespace gitops
