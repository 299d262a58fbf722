#include "agent/publish/carry_limits.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/text/escape.h"
#include "common/text/plural.h"

namespace gitops {
namespace {

constexpr int kMaxLevels = 128;
constexpr size_t kMaxPath = 4095;      // bytes
constexpr size_t kMaxShownPath = 300;  // bytes
constexpr int kEntriesPerLook = 256;

}  // namespace

std::string ShownPath(const std::string& path) {
  return EscapeText(
      path.size() <= kMaxShownPath ? path : absl::StrCat(path.substr(0, kMaxShownPath), "..."));
}

CarryLimits::CarryLimits(std::shared_ptr<CarryBudget> budget, std::string local,
                         std::stop_token stop)
    : budget_(std::move(budget)), local_(std::move(local)), stop_(std::move(stop)) {}

absl::Status CarryLimits::Look() {
  if (++looks_ % kEntriesPerLook == 0 && stop_.stop_requested()) {
    return absl::CancelledError("asked to stop");
  }
  return absl::OkStatus();
}

absl::Status CarryLimits::Count(const std::string& directory) {
  Note(directory);
  if (++budget_->files <= budget_->max_files) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("they are more than ", budget_->max_files, " (max_untracked_files)"));
}

void CarryLimits::Note(const std::string& directory) {
  if (++here_ <= budget_->most) return;
  budget_->most = here_;
  if (std::exchange(named_, true)) return;
  budget_->fullest = directory.empty() ? local_ : absl::StrCat(local_, "/", directory);
}

absl::Status CarryLimits::CheckPath(const std::string& path, int level) {
  if (path.size() <= kMaxPath && level <= kMaxLevels) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("\"", ShownPath(path), "\" is ",
                   level > kMaxLevels ? absl::StrCat("more than ", kMaxLevels, " levels deep")
                                      : absl::StrCat("a path of more than ", kMaxPath, " bytes")));
}

std::string CarryLimits::Fullest() const {
  return absl::StrCat("the fullest directory is \"", ShownPath(budget_->fullest), "\", with ",
                      Counted(budget_->most, "entry", "entries"),
                      " of the service. Remove files there, or raise the limit");
}

}  // namespace gitops
