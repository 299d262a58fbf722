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
#include "common/text/glob.h"

namespace gitops {

// Selects and orders hosts: plain functions over plain values.

struct Selection {
  std::vector<std::string> on;             // globs; empty: every host
  std::vector<std::string> tagged;         // all of them
  std::vector<std::string> order_by_tags;  // empty: as the hosts come
  int skip = 0;
  int every = 0;  // 0 or 1: each
  int limit = 0;  // 0: no limit

  bool operator==(const Selection&) const = default;
};

// The part of a host that matters for selection; owned by the caller.
struct SelectableHost {
  absl::string_view name;
  absl::Span<const std::string> tags;
};

// INVALID_ARGUMENT: a glob that is malformed (an open bracket or brace; the message shows where),
// is longer than kMaxGlobBytes, or has braces nested deeper than 16; globs with more than
// kMaxGlobAlternatives together; an empty tag; a negative number.
absl::Status CheckSelection(const Selection& selection);

// Whether the caller no longer wants the result. May be empty.
using Cancelled = std::function<bool()>;

// The host of an index.
using HostAt = std::function<SelectableHost(size_t)>;

// Whether the host of an index may be selected at all. May be empty.
using Eligible = std::function<bool(size_t)>;

// The indices of the selected hosts, in order: glob, tags, `eligible` (asked of hosts that match so
// far), stable ordering by tags, then skip, every, limit. The `count` hosts come in the order of
// the file, those that only reported after them, by name. Errors as CheckSelection; CANCELLED soon
// after `cancelled` returns true. Linear in the number of hosts: selecting among 100,000 takes well
// under 50 ms.
absl::StatusOr<std::vector<int>> Select(size_t count, const HostAt& host,
                                        const Selection& selection, const Cancelled& cancelled = {},
                                        const Eligible& eligible = {});

// Whether nothing narrows it, so that it selects the whole fleet.
bool SelectsEverything(const Selection& selection);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_SELECT_SELECTION_H_
