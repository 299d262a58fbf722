#include "agent/nix/nix_error.h"

#include <algorithm>
#include <initializer_list>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/rpc/state_reason.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

constexpr size_t kMostOutput = 1000;

bool HasOneOf(absl::string_view text, std::initializer_list<absl::string_view> phrases) {
  return std::any_of(phrases.begin(), phrases.end(),
                     [&](absl::string_view phrase) { return absl::StrContains(text, phrase); });
}

}  // namespace

std::string LastLines(absl::string_view output, size_t most) {
  std::vector<std::string> lines;
  size_t size = 0;
  const std::vector<absl::string_view> all = absl::StrSplit(output, '\n', absl::SkipWhitespace());
  for (auto line = all.rbegin(); line != all.rend(); ++line) {
    std::string escaped = EscapeText(line->substr(0, most), "\t");
    size += escaped.size() + 1;
    if (size > most && !lines.empty()) break;
    lines.push_back(std::move(escaped));
  }
  std::reverse(lines.begin(), lines.end());
  return absl::StrJoin(lines, "\n");
}

absl::Status NixError(const std::string& attempted, int exit_status,
                      absl::string_view error_output) {
  const std::string lines = LastLines(error_output, kMostOutput);
  const auto error = [&](absl::StatusCode code, StateReason reason, absl::string_view hint) {
    return WithStateReason(
        reason,
        absl::Status(code, absl::StrCat(attempted, ": nix failed with exit status ", exit_status,
                                        lines.empty() ? "" : ": ", lines, hint)));
  };
  // The order matters: a download that fails for lack of space is no fault of the cache, and a path
  // with a bad signature, or from a cache that is down, is also one that Nix cannot build.
  if (HasOneOf(error_output, {"No space left on device", "Disk quota exceeded"})) {
    return error(absl::StatusCode::kResourceExhausted, StateReason::kDisk,
                 "; make room, for example with nix-collect-garbage");
  }
  if (HasOneOf(error_output, {"Read-only file system", "Input/output error"})) {
    return error(absl::StatusCode::kFailedPrecondition, StateReason::kDisk, "");
  }
  if (HasOneOf(error_output, {"is not signed by any of the keys", "lacks a valid signature",
                              "does not have a valid signature", "lacks a signature"})) {
    return error(absl::StatusCode::kFailedPrecondition, StateReason::kRefusedContent,
                 "; add the key of the cache to trusted-public-keys in nix.conf");
  }
  if (HasOneOf(error_output, {"unable to download", "Couldn't resolve host", "HTTP error 5"})) {
    return error(absl::StatusCode::kUnavailable, StateReason::kUpstreamUnreachable, "");
  }
  if (HasOneOf(error_output, {"don't know how to build these paths", "no substituter that can"})) {
    return error(absl::StatusCode::kNotFound, StateReason::kNone,
                 "; no substituter of nix.conf has the path: is the build server's cache among "
                 "them?");
  }
  return error(absl::StatusCode::kFailedPrecondition, StateReason::kNone, "");
}

}  // namespace gitops
