#ifndef GITOPS_SERVICES_PLANNER_RECORD_DEPLOYMENT_INDEX_H_
#define GITOPS_SERVICES_PLANNER_RECORD_DEPLOYMENT_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace gitops {

// An index of all stored deployments in memory, so that no call reads them all. It may lag behind
// the store, so callers read the records that it names. Not thread-safe.
class DeploymentIndex {
 public:
  struct Entry {
    int64_t revision = 0;  // of the store
    bool ended = false;
    absl::Time end;
  };

  // Ignores an entry that is older than the existing one.
  void Put(const std::string& id, const Entry& entry);
  void Remove(const std::string& id);

  bool Contains(const std::string& id) const { return entries_.contains(id); }
  // The greatest id with at least `count` ids between itself and `before` (empty: the end). Empty:
  // there are not that many.
  std::string StepBack(const std::string& before, int count) const;
  const std::set<std::string>& unfinished() const { return unfinished_; }
  // The ids and revisions of ended deployments that are not among the `count` newest, or ended
  // before that time.
  std::map<std::string, int64_t> Removable(size_t count, absl::Time ended_before) const;

 private:
  std::map<std::string, Entry> entries_;
  std::set<std::string> unfinished_;
  std::set<std::pair<absl::Time, std::string>> ends_;  // of the ended ones
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RECORD_DEPLOYMENT_INDEX_H_
