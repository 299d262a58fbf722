#include "agent/git/covers.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "agent/git/tree_check.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

// Before a path.
constexpr absl::string_view kLfsCover = "lfs ";
// Before the commit's time, author and subject, with tabs between them.
constexpr absl::string_view kCommitCover = "commit-info ";

}  // namespace

std::vector<std::string> CoversOf(const std::vector<DirectorySpec>& directories,
                                  const std::vector<std::string>& left_out) {
  std::vector<std::string> covers;
  for (const DirectorySpec& spec : directories) {
    covers.push_back(absl::StrCat(spec.file ? "file " : "dir ", spec.link, " ", spec.local));
    for (const std::string& path : left_out) {
      if (IsBeneathLink(path, spec.link)) absl::StrAppend(&covers.back(), " without ", path);
    }
  }
  return covers;
}

std::string CommitCover(const CommitInfo& commit) {
  const bool timed = commit.time != absl::InfinitePast();
  return absl::StrCat(kCommitCover, timed ? absl::ToUnixSeconds(commit.time) : -1, "\t",
                      commit.author, "\t", commit.subject);
}

CommitInfo CommitIn(const std::string& revision, const Manifest& manifest) {
  for (absl::string_view cover : manifest.covers) {
    if (!absl::ConsumePrefix(&cover, kCommitCover)) continue;
    const std::vector<absl::string_view> parts = absl::StrSplit(cover, absl::MaxSplits('\t', 2));
    int64_t seconds = 0;
    if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &seconds)) break;
    return {.hash = revision,
            .subject = std::string(parts[2]),
            .author = std::string(parts[1]),
            .time = seconds < 0 ? absl::InfinitePast() : absl::FromUnixSeconds(seconds)};
  }
  return {};
}

std::string LfsCover(absl::string_view path) { return absl::StrCat(kLfsCover, EscapeText(path)); }

std::string LfsRemark(const Manifest& manifest) {
  for (absl::string_view cover : manifest.covers) {
    if (!absl::ConsumePrefix(&cover, kLfsCover)) continue;
    return absl::StrCat("\"", cover,
                        "\" is a pointer of git LFS, and was published as one: the content is "
                        "not in the repository");
  }
  return "";
}

}  // namespace gitops
