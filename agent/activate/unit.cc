#include "agent/activate/unit.h"

#include <csignal>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/text/plural.h"

namespace gitops {
namespace {

constexpr size_t kMaxUnitName = 255;
constexpr absl::string_view kSuffixes[] = {".service", ".socket",    ".target", ".timer",
                                           ".path",    ".mount",     ".slice",  ".scope",
                                           ".swap",    ".automount", ".device"};
constexpr absl::string_view kUnitDirectories[] = {
    "/etc/systemd/system",     "/etc/systemd/system.control", "/run/systemd/system",
    "/usr/lib/systemd/system", "/lib/systemd/system",         "/usr/local/lib/systemd/system"};

bool HasUnitSuffix(absl::string_view name) {
  return absl::c_any_of(kSuffixes, [&](absl::string_view suffix) {
    return name.size() > suffix.size() && absl::EndsWith(name, suffix);
  });
}

bool IsBeneath(absl::string_view path, absl::string_view directory) {
  return path == directory || directory == "/" ||
         absl::StartsWith(path, absl::StrCat(directory, "/"));
}

}  // namespace

UnitHealth JudgeUnit(const UnitProperties& unit, bool wants_running) {
  if (unit.load_state != "loaded") return UnitHealth::kFailed;
  if (unit.active_state == "failed") return UnitHealth::kFailed;
  if (!wants_running) {
    return unit.active_state == "inactive" ? UnitHealth::kHealthy : UnitHealth::kWaiting;
  }
  if (unit.active_state == "active") return UnitHealth::kHealthy;
  if (unit.active_state == "inactive") {
    const bool succeeded = unit.type == "oneshot" && unit.result == "success";
    return succeeded ? UnitHealth::kHealthy : UnitHealth::kFailed;
  }
  return UnitHealth::kWaiting;
}

bool IsUp(const UnitProperties& unit) {
  return unit.active_state == "active" || unit.active_state == "reloading";
}

bool Flapped(const UnitProperties& before, const UnitProperties& now) {
  return !IsUp(now) || now.restarts > before.restarts || now.invocation_id != before.invocation_id;
}

std::string DescribeUnit(const UnitProperties& unit) {
  if (unit.load_state != "loaded") return absl::StrCat("not loaded (", unit.load_state, ")");
  std::string text = absl::StrCat(unit.active_state, " (", unit.sub_state);
  if (!unit.result.empty() && unit.result != "success") {
    absl::StrAppend(&text, ", result ", unit.result);
  }
  if (unit.main_code == CLD_EXITED && unit.main_status != 0) {
    absl::StrAppend(&text, ", main process exited with status ", unit.main_status);
  } else if (unit.main_code == CLD_KILLED || unit.main_code == CLD_DUMPED) {
    absl::StrAppend(&text, ", main process ended by signal ", unit.main_status);
  }
  if (unit.restarts > 0) absl::StrAppend(&text, ", restarted ", Counted(unit.restarts, "time"));
  return text + ")";
}

absl::StatusOr<std::string> UnitName(absl::string_view name) {
  const std::string unit = HasUnitSuffix(name) ? std::string(name) : absl::StrCat(name, ".service");
  const bool characters = absl::c_all_of(name, [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains(":-_.\\@", c);
  });
  if (name.empty() || name.front() == '.' || name.front() == '-' || name.front() == '@' ||
      !characters || unit.size() > kMaxUnitName) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", name, "\" is not a systemd unit name (letters, digits and : - _ . \\ @, at most ",
        kMaxUnitName, " characters); correct `service`, or leave `action` empty"));
  }
  return unit;
}

bool IsTemplateInstance(absl::string_view unit) {
  const size_t at = unit.find('@');
  return at != absl::string_view::npos && at > 0 && at + 1 < unit.rfind('.');
}

bool HoldsUnitFiles(const std::vector<std::string>& local_paths) {
  return absl::c_any_of(local_paths, [](const std::string& path) {
    return absl::c_any_of(kUnitDirectories, [&](absl::string_view directory) {
      return IsBeneath(path, directory) || IsBeneath(directory, path);
    });
  });
}

}  // namespace gitops
