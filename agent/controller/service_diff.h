#ifndef GITOPS_AGENT_CONTROLLER_SERVICE_DIFF_H_
#define GITOPS_AGENT_CONTROLLER_SERVICE_DIFF_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/publish/publisher.h"
#include "agent/source/source.h"
#include "common/config/fleet.h"
#include "common/process/text_diff.h"

namespace gitops {

// Limits of diffs: of a file and of the files of one answer, and of their unified diffs.
inline constexpr int64_t kMaxDiffedFile = 1 << 20;
inline constexpr int64_t kMaxDiffedFiles = 16 << 20;
inline constexpr size_t kMaxDiffed = 1000;
inline constexpr size_t kMaxDiffBytes = 64 << 10;
inline constexpr size_t kMaxAllDiffBytes = 3 << 19;

// What to tell of the content of files.
struct DiffWish {
  bool content = false;           // unified diffs; else only how many lines they add and remove
  std::set<std::string> secrets;  // paths on this host of which nothing is told
};

// DiffTexts; null: no diffs.
using TextDiffer = std::function<absl::StatusOr<std::vector<TextDiff>>(
    const std::vector<TextPair>& pairs, size_t most, std::stop_token stop)>;

// One difference, and the contents to compare: ids of the source, or what was read on this host.
struct ComparedFile {
  DriftEntry entry;
  std::string before_id, after_id;  // empty: there is no such file
  std::string after_text = {};      // instead of after_id, if `read`
  bool read = false;
};

// What a move between two revisions with these files (ordered by path) would change, by path on the
// host; without a `local`, the path in the repository.
std::vector<ComparedFile> CompareFiles(const std::vector<DirectorySpec>& directories,
                                       const std::vector<Source::File>& before,
                                       const std::vector<Source::File>& after);

// Adds diffs of texts to the differences, as far as limits allow: `contents` returns what is known
// of these ids. A failure is told in the details.
std::vector<DriftEntry> WithDiffs(
    std::vector<ComparedFile> files, const DiffWish& wish, const TextDiffer& differ,
    const std::function<absl::StatusOr<std::map<std::string, std::string>>(
        const std::set<std::string>& ids)>& contents,
    const std::stop_token& stop = {});

}  // namespace gitops

#endif  // GITOPS_AGENT_CONTROLLER_SERVICE_DIFF_H_
