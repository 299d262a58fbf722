#include "services/planner/record/deployment_index.h"

#include <iterator>

namespace gitops {

void DeploymentIndex::Put(const std::string& id, const Entry& entry) {
  const auto found = entries_.find(id);
  if (found != entries_.end() && found->second.revision > entry.revision) return;
  Remove(id);
  entries_[id] = entry;
  if (entry.ended) {
    ends_.emplace(entry.end, id);
  } else {
    unfinished_.insert(id);
  }
}

void DeploymentIndex::Remove(const std::string& id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  ends_.erase({found->second.end, id});
  unfinished_.erase(id);
  entries_.erase(found);
}

std::string DeploymentIndex::StepBack(const std::string& before, int count) const {
  auto at = before.empty() ? entries_.end() : entries_.lower_bound(before);
  for (; count > 0 && at != entries_.begin(); --count) --at;
  return at == entries_.begin() ? "" : std::prev(at)->first;
}

std::map<std::string, int64_t> DeploymentIndex::Removable(size_t count,
                                                          absl::Time ended_before) const {
  std::map<std::string, int64_t> removable;
  auto oldest = entries_.begin();
  for (size_t left = entries_.size(); left > count; --left, ++oldest) {
    if (oldest->second.ended) removable[oldest->first] = oldest->second.revision;
  }
  for (const auto& [end, id] : ends_) {
    if (end >= ended_before) break;
    removable[id] = entries_.at(id).revision;
  }
  return removable;
}

}  // namespace gitops
