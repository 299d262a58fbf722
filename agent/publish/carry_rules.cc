#include "agent/publish/carry_rules.h"

#include <unistd.h>

#include <climits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/publish/copy_node.h"
#include "agent/publish/layout.h"

namespace gitops {
namespace {

void AddParents(std::string path, std::set<std::string>& directories) {
  for (size_t slash = path.rfind('/'); slash != std::string::npos; slash = path.rfind('/')) {
    path.resize(slash);
    if (!directories.insert(path).second) return;
  }
}

}  // namespace

TrackedPaths TrackedPaths::Of(const Manifest& manifest, absl::string_view link) {
  TrackedPaths tracked;
  for (const ManifestEntry& entry : manifest.entries) {
    const auto path = PathBelow(entry.path, link);
    if (!path || path->empty()) continue;
    tracked.files.insert(*path);
    AddParents(*path, tracked.directories);
  }
  return tracked;
}

CarryRules::CarryRules(TrackedPaths from, TrackedPaths to, const std::vector<std::string>& excluded,
                       std::string revisions)
    : from_(std::move(from)),
      to_(std::move(to)),
      excluded_(excluded.begin(), excluded.end()),
      revisions_(std::move(revisions)) {
  for (const std::string& path : excluded) AddParents(path, above_excluded_);
}

bool CarryRules::IsLeftOut(const std::string& path, absl::string_view name) const {
  return from_.files.contains(path) || excluded_.contains(path) ||
         absl::StartsWith(name, kUnfinishedPrefix);
}

bool CarryRules::IsMadeToHoldOthers(const std::string& path) const {
  return path.empty() || from_.directories.contains(path) || above_excluded_.contains(path);
}

bool CarryRules::IsRepositorys(const std::string& path, bool directory) const {
  return to_.files.contains(path) || (!directory && to_.directories.contains(path));
}

bool CarryRules::IsNotOfService(const std::string& path) const {
  return to_.files.contains(path) || excluded_.contains(path);
}

bool CarryRules::HoldsOthersNext(const std::string& path) const {
  return path.empty() || to_.directories.contains(path) || above_excluded_.contains(path);
}

bool CarryRules::LeadsToRevisions(int directory, const std::string& name) const {
  char target[PATH_MAX];
  const ssize_t length = ::readlinkat(directory, name.c_str(), target, sizeof target);
  return length > 0 && !revisions_.empty() &&
         absl::StartsWith(absl::string_view(target, static_cast<size_t>(length)),
                          absl::StrCat(revisions_, "/"));
}

}  // namespace gitops
