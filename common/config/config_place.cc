#include "common/config/config_place.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace gitops {
namespace {

// The maximum of reported errors: a file of another kind can have an error on each line.
constexpr size_t kMaxFaults = 100;

const std::string& NameOf(const ConfigPlace& place) {
  static const std::string none;
  return place.file == nullptr ? none : *place.file;
}

}  // namespace

std::string ConfigPlace::ToString() const { return absl::StrCat(NameOf(*this), ":", line); }

std::string ConfigPlace::SeenFrom(const ConfigPlace& reader) const {
  if (NameOf(*this) == NameOf(reader)) return absl::StrCat("line ", line);
  return ToString();
}

absl::Status ToStatus(std::vector<ConfigFault> faults) {
  if (faults.empty()) return absl::OkStatus();
  std::map<std::string, size_t> order;
  for (const ConfigFault& fault : faults) order.emplace(NameOf(fault.place), order.size());
  std::stable_sort(faults.begin(), faults.end(), [&](const auto& a, const auto& b) {
    const size_t file_a = order[NameOf(a.place)], file_b = order[NameOf(b.place)];
    return file_a != file_b ? file_a < file_b : a.place.line < b.place.line;
  });
  const size_t more = faults.size() > kMaxFaults ? faults.size() - kMaxFaults : 0;
  faults.resize(faults.size() - more);
  std::string text = absl::StrJoin(faults, "\n", [](std::string* out, const ConfigFault& fault) {
    absl::StrAppend(out, fault.place.ToString(), ": ", fault.message);
  });
  if (more > 0) absl::StrAppend(&text, "\n… and ", more, " more errors");
  return absl::InvalidArgumentError(text);
}

}  // namespace gitops
