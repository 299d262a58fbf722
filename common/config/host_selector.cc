#include "common/config/host_selector.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/config/fleet_check.h"
#include "common/text/braces.h"

namespace gitops {
namespace {

constexpr char kGlobCharacters[] = "*?[\\";

}  // namespace

absl::Status HostSelector::AddMachine(absl::string_view pattern, size_t& left) {
  if (pattern.size() > kMaxGlobBytes) {
    return absl::InvalidArgumentError(absl::StrCat("an element is longer than ", kMaxGlobBytes));
  }
  const auto expanded = ExpandBraces(absl::AsciiStrToLower(pattern), std::min(left, kMaxNames));
  if (!expanded.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", pattern, "\" ", expanded.status().message()));
  }
  left -= expanded->size();
  for (const std::string& one : *expanded) {
    const size_t plain = one.find_first_of(kGlobCharacters);
    if (plain == std::string::npos) {
      if (absl::Status name = CheckHostName(one); !name.ok()) return name;
      names_.insert(one);
      continue;
    }
    absl::StatusOr<Glob> glob = Glob::Parse(one);
    if (!glob.ok()) return glob.status();
    globs_.push_back({one.substr(0, plain), *std::move(glob)});
  }
  return absl::OkStatus();
}

bool HostSelector::HasItsTags(absl::Span<const std::string> tags) const {
  return std::all_of(tags_.begin(), tags_.end(), [&](const std::string& tag) {
    return std::find(tags.begin(), tags.end(), tag) != tags.end();
  });
}

void HostSelectorIndex::Add(const HostSelector& selector, int number) {
  if (selector.names_.empty() && selector.globs_.empty()) {
    if (!selector.empty()) by_tag_[selector.tags_.front()].push_back({number, &selector});
    return;
  }
  for (const std::string& name : selector.names_) by_name_[name].push_back({number, &selector});
  for (const HostSelector::NameGlob& glob : selector.globs_) {
    by_begin_[glob.begin].push_back({number, &selector, &glob.glob});
    longest_begin_ = std::max(longest_begin_, glob.begin.size());
  }
}

std::vector<int> HostSelectorIndex::Find(absl::string_view name,
                                         absl::Span<const std::string> tags) const {
  std::vector<int> found;
  const std::string lower = absl::AsciiStrToLower(name);
  const auto look = [&](const std::unordered_map<std::string, Entries>& index,
                        const std::string& key) {
    const auto at = index.find(key);
    if (at == index.end()) return;
    for (const Entry& entry : at->second) {
      if (entry.glob != nullptr && !entry.glob->Matches(lower)) continue;
      if (entry.selector->HasItsTags(tags)) found.push_back(entry.number);
    }
  };
  if (!by_tag_.empty()) {
    for (const std::string& tag : tags) look(by_tag_, tag);
  }
  if (!by_name_.empty()) look(by_name_, lower);
  const size_t longest = by_begin_.empty() ? 0 : std::min(longest_begin_, lower.size()) + 1;
  for (size_t size = 0; size < longest; ++size) look(by_begin_, lower.substr(0, size));
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace gitops
