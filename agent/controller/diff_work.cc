#include "agent/controller/diff_work.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

namespace gitops {
namespace {

absl::StatusOr<std::vector<DriftEntry>> AddDiffs(const ServiceDrivers& drivers,
                                                 const TextDiffer& diff_texts,
                                                 std::vector<ComparedFile> files,
                                                 const DiffWish& wish, std::stop_token stop) {
  std::vector<DriftEntry> entries = WithDiffs(
      std::move(files), wish, diff_texts,
      [&drivers, stop](const std::set<std::string>& ids) {
        return drivers.source->Contents(ids, kMaxDiffedFile, kMaxDiffedFiles, stop);
      },
      stop);
  // Its diffs may be missing for no other reason; a caller that still waits gets them.
  if (stop.stop_requested()) return absl::CancelledError("stopped");
  return entries;
}

}  // namespace

absl::StatusOr<std::vector<DriftEntry>> DiffOnHost(const ServiceDrivers& drivers,
                                                   const TextDiffer& diff_texts,
                                                   const std::string& published,
                                                   const DiffWish& wish, std::stop_token stop) {
  auto drift = drivers.publisher->Drift(published, /*with_untracked=*/true, stop);
  if (!drift.ok()) return drift;
  const bool tracked = std::any_of(drift->begin(), drift->end(),
                                   [](const DriftEntry& entry) { return !entry.tracked.empty(); });
  std::map<std::string, std::string> ids;
  if (tracked) {
    // Where they cannot be had, there are no diffs.
    const auto files = drivers.source->Files(published, stop);
    for (const Source::File& file : files.ok() ? *files : std::vector<Source::File>()) {
      ids[file.path] = file.id;
    }
  }
  std::vector<ComparedFile> compared;
  int64_t left = kMaxDiffedFiles;
  for (DriftEntry& entry : *drift) {
    ComparedFile& file = compared.emplace_back();
    file.entry = std::move(entry);
    const auto id = ids.find(file.entry.tracked);
    if (id == ids.end() || wish.secrets.contains(file.entry.path)) continue;
    if (file.entry.kind == DriftEntry::Kind::kModified) {
      auto content =
          drivers.publisher->Content(published, file.entry.tracked, std::min(left, kMaxDiffedFile));
      if (!content.ok()) continue;
      left -= static_cast<int64_t>(content->size());
      file.after_text = *std::move(content);
      file.read = true;
    }
    file.before_id = id->second;
  }
  return AddDiffs(drivers, diff_texts, std::move(compared), wish, stop);
}

absl::StatusOr<std::vector<DriftEntry>> DiffOfRevisions(
    const ServiceDrivers& drivers, const TextDiffer& diff_texts,
    const std::vector<DirectorySpec>& directories, const std::string& from, const std::string& to,
    const DiffWish& wish, std::stop_token stop) {
  const auto before = drivers.source->Files(from, stop);
  if (!before.ok()) return before.status();
  const auto after = drivers.source->Files(to, stop);
  if (!after.ok()) return after.status();
  return AddDiffs(drivers, diff_texts, CompareFiles(directories, *before, *after), wish, stop);
}

}  // namespace gitops
