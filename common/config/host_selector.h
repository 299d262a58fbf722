#ifndef GITOPS_COMMON_CONFIG_HOST_SELECTOR_H_
#define GITOPS_COMMON_CONFIG_HOST_SELECTOR_H_

#include <cstddef>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/text/glob.h"

namespace gitops {

// The maximum of names that the braces of one value may stand for, and of all [[hosts]].
inline constexpr size_t kMaxNames = 200'000;
// The same for all `machines` of services, and for those of checks and secrets.
inline constexpr size_t kMaxMachines = 1'000'000;

// The hosts of an entry for many: those that have all of some tags, and a name of a list of names
// and globs. Names are case-insensitive, tags are not. Default: no host.
class HostSelector {
 public:
  // Takes the number of names and globs that it makes from `left`. INVALID_ARGUMENT: it is no host
  // name and no glob, or makes too many; the message has it.
  absl::Status AddMachine(absl::string_view pattern, size_t& left);
  void AddTag(std::string tag) { tags_.push_back(std::move(tag)); }

  bool empty() const { return tags_.empty() && names_.empty() && globs_.empty(); }

 private:
  friend class HostSelectorIndex;
  bool HasItsTags(absl::Span<const std::string> tags) const;
  struct NameGlob {
    std::string begin;  // plain text, in lower case
    Glob glob;
  };

  std::vector<std::string> tags_;
  std::unordered_set<std::string> names_;  // in lower case
  std::vector<NameGlob> globs_;
};

// Which of many selectors select a host. A lookup takes time in proportion to the host's tags, its
// name, and the selectors and globs that share a tag or the plain beginning of a glob with it,
// however many others there are.
class HostSelectorIndex {
 public:
  // `selector` is not copied. `number` is what Find() returns for it.
  void Add(const HostSelector& selector, int number);
  // In increasing order.
  std::vector<int> Find(absl::string_view name, absl::Span<const std::string> tags) const;

 private:
  struct Entry {
    int number;
    const HostSelector* selector;
    const Glob* glob = nullptr;  // the one of `selector` that is looked up; null: no glob
  };
  using Entries = std::vector<Entry>;

  std::unordered_map<std::string, Entries> by_name_, by_begin_, by_tag_;
  size_t longest_begin_ = 0;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_HOST_SELECTOR_H_
