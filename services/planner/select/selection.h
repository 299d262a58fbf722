#ifndef GITOPS_SERVICES_PLANNER_SELECT_SELECTION_H_
#define GITOPS_SERVICES_PLANNER_SELECT_SELECTION_H_

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace gitops {

// Which hosts, and in which order: plain functions over plain values.

struct Selection {
  std::vector<std::string> on;             // globs; empty: every host
  std::vector<std::string> tagged;         // all of them
  std::vector<std::string> order_by_tags;  // empty: as the hosts come
  int skip = 0;
  int every = 0;  // 0 or 1: each
  int limit = 0;  // 0: no limit

  bool operator==(const Selection&) const = default;
};

// What selection looks at; it belongs to the caller.
struct SelectableHost {
  absl::string_view name;
  absl::Span<const std::string> tags;
};

// INVALID_ARGUMENT: a glob that is not well formed (an open bracket or brace; the message shows it
// and where), is longer than kMaxGlobBytes, or has braces nested deeper than 16; globs that make
// more than kMaxGlobAlternatives together; an empty tag; a negative number.
absl::Status CheckSelection(const Selection& selection);

// Whether the caller no longer wants the result. Empty: it always does.
using Cancelled = std::function<bool()>;

// The host of an index.
using HostAt = std::function<SelectableHost(size_t)>;

// The indices of the selected hosts, in order: glob, tags, stable ordering by tags, then skip,
// every, limit. The `count` hosts come in the order of the file, those that only reported after
// them, by name. Errors as CheckSelection; CANCELLED as soon as `cancelled` says so. Linear in the
// number of hosts (but for the ordering): 100,000 are chosen in well under 50 ms.
absl::StatusOr<std::vector<int>> Select(size_t count, const HostAt& host,
                                        const Selection& selection,
                                        const Cancelled& cancelled = {});

// Whether nothing narrows it, so that it means the whole fleet.
bool SelectsEverything(const Selection& selection);
// Whether it can name only one host: one `on` without any of the glob's characters.
bool SelectsOneHost(const Selection& selection);

inline constexpr size_t kMaxGlobBytes = 1024;
// Braces multiply: what all globs of a selection may come to, "web[12]" being one and "{a,b}{c,d}"
// four.
inline constexpr size_t kMaxGlobAlternatives = 1000;

// Shell's globs on names: `*`, `?`, `[a-z]`, `[!a-z]`, `{a,b}` (nested too), `\` quotes. A name has
// no separators, so `*` matches dots and slashes. Case counts.
class Glob {
 public:
  // INVALID_ARGUMENT: as CheckSelection, `max_alternatives` being what is left for this one.
  static absl::StatusOr<Glob> Parse(absl::string_view pattern,
                                    size_t max_alternatives = kMaxGlobAlternatives);
  size_t alternative_count() const { return alternatives_.size(); }
  bool Matches(absl::string_view name) const;

 private:
  // One of those that the braces make, itself without braces.
  struct Alternative {
    std::string pattern;
    // Where it is plain text around one '*', as most are: the place of that; else npos.
    size_t only_star;
  };
  static bool Matches(const Alternative& alternative, absl::string_view name);

  std::vector<Alternative> alternatives_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_SELECT_SELECTION_H_
