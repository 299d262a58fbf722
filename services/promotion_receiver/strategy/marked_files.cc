#include "services/promotion_receiver/strategy/marked_files.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

// Read at once; a larger file is refused, since it could have a marker.
constexpr int64_t kMostBatchBytes = 32 << 20;
constexpr int64_t kMostBytes = 512 << 20;

bool IsYaml(const CommitFile& file) {
  return absl::EndsWith(file.path, ".yaml") || absl::EndsWith(file.path, ".yml");
}

absl::Status CheckSizes(const std::vector<CommitFile>& files) {
  int64_t total = 0;
  for (const CommitFile& file : files) {
    total += file.size;
    if (file.size > kMostBatchBytes) {
      return absl::FailedPreconditionError(absl::StrCat(file.path, " has ", file.size,
                                                        " bytes; at most ", kMostBatchBytes,
                                                        " can be searched for markers"));
    }
  }
  if (total <= kMostBytes) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("the YAML files have ", total,
                                                    " bytes; at most ", kMostBytes,
                                                    " can be searched for markers"));
}

// The first files of `rest` that fit into one batch, which are removed from it.
std::vector<CommitFile> NextBatch(std::vector<CommitFile>& rest) {
  std::vector<CommitFile> batch;
  int64_t size = 0;
  while (!rest.empty() && (batch.empty() || size + rest.back().size <= kMostBatchBytes)) {
    size += rest.back().size;
    batch.push_back(std::move(rest.back()));
    rest.pop_back();
  }
  return batch;
}

}  // namespace

absl::StatusOr<MarkedFiles> EditMarkedFiles(const PromotionGit& git, const std::string& commit,
                                            const MarkedEnvironment& environment,
                                            const PromotedVersion& version) {
  auto files = git.ListFiles(commit);
  if (!files.ok()) return files.status();
  std::erase_if(*files, [](const CommitFile& file) { return !IsYaml(file); });
  if (absl::Status status = CheckSizes(*files); !status.ok()) return status;
  MarkedFiles marked;
  while (!files->empty()) {
    std::vector<CommitFile> batch = NextBatch(*files);
    auto contents = git.ReadFiles(batch);
    if (!contents.ok()) return contents.status();
    for (size_t i = 0; i < batch.size(); ++i) {
      auto edit = SetMarkedScalars((*contents)[i], batch[i].path, environment, version);
      if (!edit.ok()) return edit.status();
      marked.markers += edit->markers;
      if (edit->text == (*contents)[i]) continue;
      marked.changes.push_back({.file = std::move(batch[i]), .content = std::move(edit->text)});
    }
  }
  return marked;
}

}  // namespace gitops
