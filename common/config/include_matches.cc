#include "common/config/include_matches.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/path/beneath.h"
#include "common/path/directory_names.h"
#include "common/text/braces.h"
#include "common/text/glob.h"

namespace gitops {
namespace {

constexpr size_t kMaxPatterns = 1000;

bool IsGlob(absl::string_view part) {
  return part.find_first_of("*?[\\") != absl::string_view::npos;
}

// The parts of the path from the root.
struct Parts {
  std::vector<std::string> all;
  size_t plain;  // of the first ones: they are a real directory, and no pattern

  bool IsGlobAt(size_t part) const { return part >= plain && IsGlob(all[part]); }
};

absl::StatusOr<Parts> PartsOf(absl::string_view directory, absl::string_view pattern) {
  if (pattern.empty()) return absl::InvalidArgumentError("is empty");
  if (absl::StartsWith(pattern, "/")) {
    return absl::InvalidArgumentError("is absolute: write a path relative to this file");
  }
  std::vector<std::string> parts = absl::StrSplit(directory, '/', absl::SkipEmpty());
  size_t plain = parts.size();
  for (absl::string_view part : absl::StrSplit(pattern, '/', absl::SkipEmpty())) {
    if (part == ".") continue;
    if (part != "..") {
      parts.emplace_back(part);
      continue;
    }
    if (parts.empty()) {
      return absl::InvalidArgumentError(
          "leads out of the directory of the main file: included files are beneath it");
    }
    parts.pop_back();
    plain = std::min(plain, parts.size());
  }
  if (parts.empty()) return absl::InvalidArgumentError("is a directory: give files");
  return Parts{std::move(parts), plain};
}

class Matcher {
 public:
  Matcher(int root, Parts parts, IncludeMatches& matches)
      : root_(root), parts_(std::move(parts)), matches_(matches) {
    for (size_t i = 0; i < parts_.all.size(); ++i) by_glob_ = by_glob_ || parts_.IsGlobAt(i);
  }

  absl::Status Run() { return Match("", 0); }

 private:
  absl::Status Match(const std::string& above, size_t part) {
    if (part == parts_.all.size()) {
      matches_.paths.push_back({above, by_glob_});
      return absl::OkStatus();
    }
    const auto below = [&](absl::string_view name) {
      return above.empty() ? std::string(name) : absl::StrCat(above, "/", name);
    };
    if (!parts_.IsGlobAt(part)) return Match(below(parts_.all[part]), part + 1);
    const absl::StatusOr<std::vector<std::string>> names = List(above, part);
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      if (absl::Status status = Match(below(name), part + 1); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // The names in a directory that match a part, in order. None if there is no such directory.
  absl::StatusOr<std::vector<std::string>> List(const std::string& above, size_t part) {
    matches_.directories.push_back(above);
    const absl::StatusOr<Glob> glob = Glob::Parse(parts_.all[part]);
    if (!glob.ok()) return glob.status();
    std::vector<std::string> found;
    const auto directory = OpenBeneath(root_, above.empty() ? "." : above, O_PATH | O_DIRECTORY, 0,
                                       RESOLVE_NO_SYMLINKS);
    if (absl::IsNotFound(directory.status())) return found;
    if (!directory.ok()) return directory.status();
    const bool last = part + 1 == parts_.all.size();
    const absl::Status listed =
        ForEachEntry(directory->get(), [&](const DirectoryEntry& entry) -> absl::Status {
          // As in a shell, so that the files of editors do not count.
          const bool hidden = entry.name[0] == '.' && parts_.all[part][0] != '.';
          if (hidden || !glob->Matches(entry.name)) return absl::OkStatus();
          const bool leads_on = entry.type == DT_LNK || IsDirectory(directory->get(), entry);
          if (last || leads_on) found.push_back(entry.name);
          return absl::OkStatus();
        });
    if (!listed.ok()) return listed;
    std::sort(found.begin(), found.end());
    return found;
  }

  const int root_;
  const Parts parts_;
  bool by_glob_ = false;
  IncludeMatches& matches_;
};

}  // namespace

absl::Status MatchInclude(int root, absl::string_view directory, absl::string_view pattern,
                          IncludeMatches& matches) {
  if (pattern.size() > kMaxGlobBytes) return absl::InvalidArgumentError("is too long");
  const auto patterns = ExpandBraces(pattern, kMaxPatterns);
  if (!patterns.ok()) return absl::InvalidArgumentError(patterns.status().message());
  for (const std::string& one : *patterns) {
    auto parts = PartsOf(directory, one);
    if (!parts.ok()) return parts.status();
    const absl::Status matched = Matcher(root, *std::move(parts), matches).Run();
    if (!matched.ok()) return matched;
  }
  return absl::OkStatus();
}

}  // namespace gitops
