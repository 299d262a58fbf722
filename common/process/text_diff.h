#ifndef GITOPS_COMMON_PROCESS_TEXT_DIFF_H_
#define GITOPS_COMMON_PROCESS_TEXT_DIFF_H_

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/process/process.h"

namespace gitops {

// Two versions of a file.
struct TextPair {
  std::string before, after;
};

// How they differ.
struct TextDiff {
  // The hunks of a unified diff, as diff(1) writes them: any bytes. At most the limit, cut after a
  // whole line.
  std::string hunks;
  bool cut = false;
  int64_t added = 0, removed = 0;  // lines, of the whole diff
};

// Whether diffs of it mean something to people: it has no NUL byte.
bool IsText(absl::string_view content);

// Removes `scratch`, in which a process that was killed left what it compared. No call of DiffTexts
// with it may run.
absl::Status RemoveLeftDiffs(const std::string& scratch);

// Compares each pair with one process of diff(1), which sees files with names of ours in a new
// directory beneath `scratch` (made if it is missing, 0700), and nothing else. In the order of
// `pairs`. `most`: the bytes of a diff. Errors: DEADLINE_EXCEEDED; CANCELLED: `stop` was requested;
// RESOURCE_EXHAUSTED: the diffs together are too large; UNAVAILABLE: it cannot be run; or those of
// writing the files.
absl::StatusOr<std::vector<TextDiff>> DiffTexts(ProcessRunner& runner, const std::string& scratch,
                                                const std::vector<TextPair>& pairs, size_t most,
                                                std::stop_token stop = {});

}  // namespace gitops

#endif  // GITOPS_COMMON_PROCESS_TEXT_DIFF_H_
