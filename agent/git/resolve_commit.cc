#include "agent/git/resolve_commit.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/rpc/error.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

constexpr size_t kMinPrefix = 4;
constexpr size_t kShortHash = 40, kLongHash = 64;

absl::StatusOr<std::string> OnlyOne(const std::string& prefix, std::vector<std::string> found) {
  if (found.size() == 1) return std::move(found.front());
  if (found.size() > 5) found.resize(5);
  return MakeError(
      Reason::kRevisionAmbiguous,
      absl::StrCat(prefix, " is ambiguous: ", absl::StrJoin(found, ", "), "; give more digits"),
      {{"revision", prefix}});
}

// Fetches new commits of the upstream, and looks again.
absl::StatusOr<std::string> ResolveUpstream(GitMirror& mirror, const std::string& branch,
                                            const std::string& wanted,
                                            const std::stop_token& stop) {
  std::set<std::string> branches = mirror.Followed();
  branches.insert(branch);
  const auto newest = mirror.Newest(branches, stop);
  if (!newest.ok()) return newest.status();
  for (const auto& [name, tip] : *newest) {
    if (!tip.ok()) continue;
    if (auto status = mirror.FetchCommit(name, *tip, stop); !status.ok()) return status;
  }
  auto found = mirror.CommitsWithPrefix(wanted, stop);
  if (!found.ok()) return found.status();
  if (!found->empty()) return OnlyOne(wanted, *std::move(found));
  // A commit that is on no branch any more can only be fetched by its full name.
  const bool whole = wanted.size() == kShortHash || wanted.size() == kLongHash;
  if (whole && mirror.FetchCommit("", wanted, stop).ok()) return wanted;
  return MakeError(Reason::kRevisionUnknown,
                   absl::StrCat("neither this host nor ", mirror.name(), " has a commit ", wanted),
                   {{"revision", wanted}, {"upstream", mirror.name()}});
}

}  // namespace

absl::StatusOr<std::string> ResolveCommit(GitMirror& mirror, const RevisionStore& store,
                                          const std::string& branch, absl::string_view prefix,
                                          const std::stop_token& stop) {
  const std::string wanted = absl::AsciiStrToLower(prefix);
  if (wanted.size() < kMinPrefix || wanted.size() > kLongHash ||
      !std::all_of(wanted.begin(), wanted.end(), absl::ascii_isxdigit)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", EscapeText(prefix), "\" is not a commit: give 4 or more hexadecimal digits"));
  }
  std::vector<std::string> found;
  for (const std::string& revision : store.List()) {
    if (absl::StartsWith(revision, wanted)) found.push_back(revision);
  }
  if (!found.empty()) return OnlyOne(wanted, std::move(found));
  if (auto local = mirror.CommitsWithPrefix(wanted, stop); local.ok() && !local->empty()) {
    return OnlyOne(wanted, *std::move(local));
  }
  return ResolveUpstream(mirror, branch, wanted, stop);
}

}  // namespace gitops
