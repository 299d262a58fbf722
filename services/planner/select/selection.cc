#include "services/planner/select/selection.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

// The worst globs take tens of microseconds per host.
constexpr size_t kHostsBetweenLooks = 16;

absl::Status CheckTags(const std::vector<std::string>& tags, absl::string_view flag,
                       absl::string_view field) {
  for (size_t i = 0; i < tags.size(); ++i) {
    if (!tags[i].empty()) continue;
    return InvalidField(absl::StrCat(field, "[", i, "]"),
                        absl::StrCat(flag, ": a tag is empty; separate tags with single commas"));
  }
  return absl::OkStatus();
}

absl::Status CheckNumbers(const Selection& selection) {
  for (const auto& [flag, value] : {std::pair{"--skip", selection.skip},
                                    {"--every", selection.every},
                                    {"--limit", selection.limit}}) {
    if (value < 0) {
      return InvalidField(absl::StrCat("selection.", absl::StripPrefix(flag, "--")),
                          absl::StrCat(flag, ": ", value, " is negative; give 0 or more"));
    }
  }
  return absl::OkStatus();
}

// Parses the globs, and checks the rest of the selection too.
absl::StatusOr<std::vector<Glob>> ParseGlobs(const Selection& selection) {
  std::vector<Glob> globs;
  size_t left = kMaxGlobAlternatives;
  for (size_t i = 0; i < selection.on.size(); ++i) {
    absl::StatusOr<Glob> glob = Glob::Parse(selection.on[i], left);
    if (!glob.ok()) {
      return InvalidField(absl::StrCat("selection.on[", i, "]"), glob.status().message());
    }
    left -= glob->alternative_count();
    globs.push_back(*std::move(glob));
  }
  if (absl::Status tags = CheckTags(selection.tagged, "--tagged", "selection.tagged"); !tags.ok()) {
    return tags;
  }
  if (absl::Status tags =
          CheckTags(selection.order_by_tags, "--order-by-tags", "selection.order_by_tags");
      !tags.ok()) {
    return tags;
  }
  if (absl::Status numbers = CheckNumbers(selection); !numbers.ok()) return numbers;
  return globs;
}

bool Chosen(const SelectableHost& host, const std::vector<Glob>& globs,
            const std::vector<std::string>& tagged) {
  const bool named = globs.empty() || std::any_of(globs.begin(), globs.end(), [&](const Glob& g) {
                       return g.Matches(host.name);
                     });
  return named && std::all_of(tagged.begin(), tagged.end(), [&](const std::string& tag) {
           return std::find(host.tags.begin(), host.tags.end(), tag) != host.tags.end();
         });
}

// The rank of a host: the index of the first tag in `order` that it has; size() if it has none.
class TagOrder {
 public:
  explicit TagOrder(const std::vector<std::string>& order) : size_(order.size()) {
    for (size_t i = 0; i < order.size(); ++i) places_.try_emplace(order[i], i);
  }
  size_t size() const { return size_; }
  size_t PlaceOf(const SelectableHost& host) const {
    size_t place = size_;
    if (places_.empty()) return place;
    for (const std::string& tag : host.tags) {
      if (auto found = places_.find(tag); found != places_.end()) {
        place = std::min(place, found->second);
      }
    }
    return place;
  }

 private:
  const size_t size_;
  absl::flat_hash_map<std::string, size_t> places_;
};

std::vector<int> Thinned(const std::vector<int>& chosen, const Selection& selection) {
  std::vector<int> left;
  const size_t every = std::max(selection.every, 1);
  const size_t limit = selection.limit > 0 ? static_cast<size_t>(selection.limit) : chosen.size();
  for (size_t i = static_cast<size_t>(selection.skip); i < chosen.size() && left.size() < limit;
       i += every) {
    left.push_back(chosen[i]);
  }
  return left;
}

}  // namespace

absl::Status CheckSelection(const Selection& selection) { return ParseGlobs(selection).status(); }

absl::StatusOr<std::vector<int>> Select(size_t count, const HostAt& host,
                                        const Selection& selection, const Cancelled& cancelled,
                                        const Eligible& eligible) {
  const absl::StatusOr<std::vector<Glob>> globs = ParseGlobs(selection);
  if (!globs.ok()) return globs.status();
  const TagOrder order(selection.order_by_tags);
  // Hosts of the same rank keep their order. Each host is visited once, since most of the time goes
  // into fetching it from memory.
  std::vector<std::vector<int>> by_place(order.size() + 1);
  for (size_t i = 0; i < count; ++i) {
    if (i % kHostsBetweenLooks == 0 && cancelled && cancelled()) {
      return absl::CancelledError("the caller is gone");
    }
    const SelectableHost one = host(i);
    if (!Chosen(one, *globs, selection.tagged)) continue;
    if (eligible && !eligible(i)) continue;
    by_place[order.PlaceOf(one)].push_back(static_cast<int>(i));
  }
  std::vector<int> chosen;
  for (const std::vector<int>& same : by_place) {
    chosen.insert(chosen.end(), same.begin(), same.end());
  }
  return Thinned(chosen, selection);
}

bool SelectsEverything(const Selection& selection) {
  return selection.on.empty() && selection.tagged.empty() && selection.skip == 0 &&
         selection.every <= 1 && selection.limit == 0;
}

}  // namespace gitops
