#include "agent/controller/drift_scans.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

constexpr int kScansUntilTold = 3;
constexpr size_t kMaxNamedPaths = 3;
constexpr size_t kMaxPath = 300;  // of a path in a state's info

std::string Shown(const std::string& path) {
  return path.size() <= kMaxPath ? path : absl::StrCat(ValidUtf8(path, kMaxPath), "…");
}

// "changed on this host: /etc/a, /etc/b and 4 more". Untracked files are not drift.
std::string DescribeDrift(const std::vector<DriftEntry>& entries) {
  std::vector<std::string> paths;
  for (const DriftEntry& entry : entries) {
    using Kind = DriftEntry::Kind;
    if (entry.kind == Kind::kUntracked || entry.kind == Kind::kNotCompared ||
        entry.kind == Kind::kNotCarriedOver) {
      continue;
    }
    std::string& path = paths.emplace_back(Shown(entry.path));
    if (entry.kind == Kind::kUnreadable) {
      absl::StrAppend(&path, " (unreadable: ", entry.detail, ")");
    } else if (entry.kind == Kind::kNotPublished && !entry.detail.empty()) {
      absl::StrAppend(&path, " (", entry.detail, ")");
    }
  }
  if (paths.empty()) return "";
  const size_t more = paths.size() > kMaxNamedPaths ? paths.size() - kMaxNamedPaths : 0;
  paths.resize(paths.size() - more);
  return absl::StrCat("changed on this host: ", absl::StrJoin(paths, ", "),
                      more > 0 ? absl::StrCat(" and ", more, " more") : "");
}

// Why the scan is not complete; empty: it is.
std::string WhyIncomplete(const absl::StatusOr<std::vector<DriftEntry>>& scan) {
  if (!scan.ok()) return std::string(scan.status().message());
  for (const DriftEntry& entry : *scan) {
    if (entry.kind != DriftEntry::Kind::kNotCompared) continue;
    return absl::StrCat(Shown(entry.path), ": ", entry.detail);
  }
  return "";
}

std::string WhatIsBehind(const std::vector<DriftEntry>& entries) {
  for (const DriftEntry& entry : entries) {
    if (entry.kind != DriftEntry::Kind::kNotCarriedOver) continue;
    return absl::StrCat("files that the service wrote during the publication are missing until ",
                        "they can be carried over, which is tried again: ", entry.detail);
  }
  return "";
}

}  // namespace

std::optional<DriftScans::Finding> DriftScans::Judge(
    const absl::StatusOr<std::vector<DriftEntry>>& scan) {
  if (absl::IsCancelled(scan.status())) return std::nullopt;
  const std::string why = WhyIncomplete(scan);
  incomplete_ = why.empty() ? 0 : incomplete_ + 1;
  const std::string drift = scan.ok() ? DescribeDrift(*scan) : "";
  std::string told = scan.ok() ? WhatIsBehind(*scan) : "";
  if (told.empty() && incomplete_ >= kScansUntilTold) {
    told = absl::StrCat("not everything could be compared with the revision: ", why);
  }
  if (!drift.empty()) {
    return Finding{told.empty() ? drift : absl::StrCat(drift, "; ", told), true};
  }
  if (why.empty() || !told.empty()) return Finding{told, false};
  return std::nullopt;
}

}  // namespace gitops
