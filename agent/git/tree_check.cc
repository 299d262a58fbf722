#include "agent/git/tree_check.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/path/beneath.h"
#include "common/text/escape.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

// The limit of path bytes for all symlinks of a commit together: about one second of work. A step
// costs slightly more than its bytes.
constexpr int64_t kMaxWork = 64 << 20;
constexpr int64_t kStepWork = 16;

constexpr size_t kMaxShown = 300;

std::string Shown(absl::string_view path) {
  const std::string escaped = EscapeText(path);
  return escaped.size() <= kMaxShown ? escaped : absl::StrCat(ValidUtf8(escaped, kMaxShown), "…");
}

absl::Status Refuse(absl::string_view path, absl::string_view reason) {
  return absl::FailedPreconditionError(absl::StrCat("\"", Shown(path), "\" is refused: ", reason));
}

absl::Status CheckMode(const TreeEntry& entry) {
  switch (entry.mode) {
    case kFileMode:
    case kExecutableMode:
    case kSymlinkMode:
      return absl::OkStatus();
    case kSubmoduleMode:
      return Refuse(entry.path, "it is a submodule, which is never fetched; put the files there");
    default:
      return Refuse(entry.path, "it is neither a file nor a symlink");
  }
}

// Calls `visit` with each parent directory of `path`, outermost first; stops when it returns false.
template <typename Visit>
bool ForEachParent(absl::string_view path, Visit visit) {
  for (size_t slash = path.find('/'); slash != absl::string_view::npos;
       slash = path.find('/', slash + 1)) {
    if (!visit(path.substr(0, slash))) return false;
  }
  return true;
}

absl::Status CheckShape(const std::vector<TreeEntry>& entries) {
  std::set<absl::string_view> files;
  for (const TreeEntry& entry : entries) {
    if (!files.insert(entry.path).second) return Refuse(entry.path, "the commit has it twice");
  }
  for (const TreeEntry& entry : entries) {
    const bool apart = ForEachParent(
        entry.path, [&](absl::string_view parent) { return !files.contains(parent); });
    if (!apart) return Refuse(entry.path, "the commit has a file where its directory should be");
  }
  return absl::OkStatus();
}

// On a case-insensitive file system, a name that differs from a symlink only in case would be
// written through the symlink.
absl::Status CheckCase(const std::vector<TreeEntry>& entries) {
  std::map<std::string, absl::string_view> symlinks;  // by folded path
  for (const TreeEntry& entry : entries) {
    if (entry.mode == kSymlinkMode) symlinks.emplace(absl::AsciiStrToLower(entry.path), entry.path);
  }
  if (symlinks.empty()) return absl::OkStatus();
  for (const TreeEntry& entry : entries) {
    absl::string_view other;
    const auto differs = [&](absl::string_view path) {
      const auto it = symlinks.find(absl::AsciiStrToLower(path));
      if (it == symlinks.end() || it->second == path) return true;
      other = it->second;
      return false;
    };
    if (!ForEachParent(entry.path, differs) || !differs(entry.path)) {
      return Refuse(entry.path, absl::StrCat("it differs only in case from the symlink \"",
                                             Shown(other), "\""));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckLink(const std::vector<TreeEntry>& entries, const DirectorySpec& spec) {
  const TreeEntry* exact = nullptr;
  bool beneath = false;
  for (const TreeEntry& entry : entries) {
    if (entry.path == spec.link) exact = &entry;
    beneath = beneath || IsBeneathLink(entry.path, spec.link);
  }
  if (exact != nullptr && exact->mode == kSymlinkMode) {
    return Refuse(spec.link, "the published path itself must not be a symlink");
  }
  if (exact != nullptr && !spec.file) {
    return absl::FailedPreconditionError(
        absl::StrCat("\"", spec.link, "\" is a file in the commit; for ", spec.local,
                     " to be a single file, set file = true"));
  }
  if (exact == nullptr && beneath && spec.file) {
    return absl::FailedPreconditionError(absl::StrCat(
        "\"", spec.link, "\" is a directory in the commit, but ", spec.local, " has file = true"));
  }
  if (!beneath) {
    return absl::NotFoundError(
        absl::StrCat("the commit has no \"", spec.link, "\", the source of ", spec.local));
  }
  return absl::OkStatus();
}

// Follows one symlink within one link's tree.
class SymlinkWalk {
 public:
  SymlinkWalk(const std::map<std::string, std::string>& targets,
              const std::vector<DirectorySpec>& directories, const DirectorySpec& place,
              int64_t* budget)
      : targets_(targets),
        directories_(directories),
        root_(RootOf(place)),
        local_(place.local),
        budget_(budget) {}

  // Empty if it stays inside, else the reason for the refusal.
  std::string Follow(const std::string& path) {
    // The symlink's own directory was reached through directories only.
    at_ = path;
    Leave(&at_);
    if (!Push(targets_.at(path))) return reason_;
    while (!rest_.empty()) {
      const std::string part = std::move(rest_.back());
      rest_.pop_back();
      if (!Step(part)) return reason_;
    }
    if (outside_) Refuse(kLeadsOut);
    return reason_;
  }

 private:
  bool Refuse(std::string reason) {
    reason_ = std::move(reason);
    return false;
  }

  // Puts the components of a target in front of the remaining ones.
  bool Push(const std::string& target) {
    if (++followed_ > kMaxFollowed) return Refuse("it is part of a loop");
    if (target.empty() || target.size() >= kMaxTarget || absl::StrContains(target, '\0')) {
      return Refuse("its target is empty or too long");
    }
    if (target.front() == '/') return PushAbsolute(target);
    const std::vector<std::string> parts = absl::StrSplit(target, '/', absl::SkipEmpty());
    rest_.insert(rest_.end(), parts.rbegin(), parts.rend());
    return true;
  }

  bool PushAbsolute(const std::string& target) {
    std::string normal;
    bool upwards = std::count(rest_.begin(), rest_.end(), "..") > 0;
    for (absl::string_view part : absl::StrSplit(target, '/', absl::SkipEmpty())) {
      upwards = upwards || part == "..";
      if (part != ".") absl::StrAppend(&normal, "/", part);
    }
    // The meaning of ".." there depends on symlinks that are not in the commit.
    if (upwards) return Refuse("it is absolute and contains ..");
    for (const DirectorySpec& spec : directories_) {
      if (normal == spec.local || absl::StartsWith(normal, absl::StrCat(spec.local, "/"))) {
        rest_.clear();
        return true;
      }
    }
    return Refuse("it is absolute, and not beneath one of the service's own local paths");
  }

  bool Step(const std::string& part) {
    *budget_ -= static_cast<int64_t>(at_.size() + part.size()) + kStepWork;
    if (*budget_ < 0) return Refuse("the commit's symlinks take too long to resolve");
    if (part == ".") return true;
    if (outside_) return StepOutside(part);
    if (part == "..") {
      if (at_ == root_) return LeavePlace();
      Leave(&at_);
      return true;
    }
    absl::StrAppend(&at_, at_.empty() ? "" : "/", part);
    const auto symlink = targets_.find(at_);
    if (symlink == targets_.end()) return true;
    Leave(&at_);
    return Push(symlink->second);
  }

  static std::string RootOf(const DirectorySpec& place) {
    return place.link == "." ? "" : place.link;
  }

  // To the directory above.
  static void Leave(std::string* path) {
    const size_t slash = path->rfind('/');
    path->resize(slash == std::string::npos ? 0 : slash);
  }

  // To the directory that contains the place, in the repository and on the host. The directory
  // above a mount is what its path says; those above that may be symlinks.
  bool LeavePlace() {
    if (root_.empty() || local_.empty()) return Refuse(kLeadsOut);
    Leave(&at_);
    Leave(&local_);
    outside_ = true;
    EnterPlace();
    return true;
  }

  bool StepOutside(const std::string& part) {
    if (part == "..") return Refuse(kLeadsOut);
    absl::StrAppend(&at_, at_.empty() ? "" : "/", part);
    absl::StrAppend(&local_, "/", part);
    if (EnterPlace()) return true;
    for (const DirectorySpec& spec : directories_) {
      if (spec.link != at_ || spec.local.empty()) continue;
      return Refuse(absl::StrCat("it leads to another path of the service, which is at ",
                                 spec.local, " on the host, and not at ", local_));
    }
    return true;
  }

  // Whether a place of the service has been reached in the repository and on the host alike.
  bool EnterPlace() {
    for (const DirectorySpec& spec : directories_) {
      if (spec.local.empty() || !IsBeneathLink(at_, spec.link)) continue;
      const std::string root = RootOf(spec);
      const absl::string_view rest = absl::string_view(at_).substr(root.size());
      const absl::string_view slash = root.empty() && !rest.empty() ? "/" : "";
      if (absl::StrCat(spec.local, slash, rest) != local_) continue;
      root_ = root;
      local_ = spec.local;
      outside_ = false;
      return true;
    }
    return false;
  }

  static constexpr char kLeadsOut[] =
      "it leads out of the published path; only another path of this service that lies beside it "
      "on the host too may be its target";
  // The kernel's limits: ELOOP and PATH_MAX.
  static constexpr int kMaxFollowed = 40;
  static constexpr size_t kMaxTarget = 4096;

  const std::map<std::string, std::string>& targets_;
  const std::vector<DirectorySpec>& directories_;
  std::string at_;                 // the current path
  std::vector<std::string> rest_;  // the remaining components, last first
  std::string root_;               // the link of the current place
  std::string local_;              // of that place; outside of one: the current path on the host
  bool outside_ = false;           // between two places
  int64_t* const budget_;
  int followed_ = 0;
  std::string reason_;
};

}  // namespace

bool IsBeneathLink(absl::string_view path, absl::string_view link) {
  if (link == ".") return true;
  return absl::StartsWith(path, link) && (path.size() == link.size() || path[link.size()] == '/');
}

absl::Status CheckTree(const std::vector<TreeEntry>& entries,
                       const std::vector<DirectorySpec>& directories) {
  for (const TreeEntry& entry : entries) {
    if (auto status = CheckPlainRelativePath(entry.path); !status.ok()) {
      return Refuse(entry.path, status.message());
    }
    if (auto status = CheckMode(entry); !status.ok()) return status;
  }
  if (auto status = CheckShape(entries); !status.ok()) return status;
  if (auto status = CheckCase(entries); !status.ok()) return status;
  for (const DirectorySpec& spec : directories) {
    if (auto status = CheckLink(entries, spec); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckSymlinks(const std::map<std::string, std::string>& targets,
                           const std::vector<DirectorySpec>& directories) {
  int64_t budget = kMaxWork;
  for (const auto& [path, target] : targets) {
    for (const DirectorySpec& spec : directories) {
      if (!IsBeneathLink(path, spec.link)) continue;
      const std::string reason = SymlinkWalk(targets, directories, spec, &budget).Follow(path);
      if (!reason.empty()) {
        return Refuse(path, absl::StrCat("it is a symlink to \"", Shown(target), "\": ", reason));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace gitops
