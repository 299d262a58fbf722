#include "common/git/git_error.h"

#include <signal.h>

#include <algorithm>
#include <array>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/git/url.h"
#include "common/rpc/error.h"
#include "common/rpc/state_reason.h"
#include "common/text/escape.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

constexpr size_t kMaxLength = 300;

struct Pattern {
  absl::string_view text;
  absl::StatusCode code;
  // Replacements for git's messages that do not help.
  absl::string_view advice = "";
  StateReason reason = StateReason::kNone;  // where the code does not tell
};

constexpr char kHostKey[] =
    "Host key verification failed: put the server's key into the upstream's known_hosts";
// Of a limited address space, not of a damaged repository.
constexpr char kMemory[] =
    "git needed more memory than it may use: the commit or the upstream's answer is too large, or "
    "git_memory too small";
constexpr char kProxyLogin[] =
    "the proxy refuses the login (HTTP 407): put user and password into the upstream's proxy";
constexpr char kOldGit[] = "git is too old: install version 2.36 or later";
constexpr StateReason kDisk = StateReason::kDisk, kIdentity = StateReason::kAuthentication,
                      kNoUpstream = StateReason::kUpstreamUnreachable;
constexpr char kLogin[] =
    "authentication failed (HTTP 401): put the user and password into the upstream's netrc_file";

// The first match in the whole of standard error decides, so the more specific ones come first.
constexpr std::array kPatterns = {
    Pattern{"ut of memory", absl::StatusCode::kResourceExhausted, kMemory},
    Pattern{"annot allocate memory", absl::StatusCode::kResourceExhausted, kMemory},
    Pattern{"unable to mmap", absl::StatusCode::kResourceExhausted, kMemory},
    Pattern{"mmap failed", absl::StatusCode::kResourceExhausted, kMemory},
    Pattern{"unable to create thread", absl::StatusCode::kResourceExhausted, kMemory},
    Pattern{"failed to map segment", absl::StatusCode::kResourceExhausted, kMemory},
    Pattern{"No space left on device", absl::StatusCode::kResourceExhausted, "", kDisk},
    Pattern{"Disk quota exceeded", absl::StatusCode::kResourceExhausted, "", kDisk},
    Pattern{"File too large", absl::StatusCode::kResourceExhausted},
    Pattern{"Host key verification failed", absl::StatusCode::kUnauthenticated, kHostKey},
    Pattern{"Permission denied (", absl::StatusCode::kUnauthenticated},
    Pattern{"Authentication failed", absl::StatusCode::kUnauthenticated, kLogin},
    Pattern{"could not read Username", absl::StatusCode::kUnauthenticated, kLogin},
    Pattern{"could not read Password", absl::StatusCode::kUnauthenticated, kLogin},
    Pattern{"unable to read askpass", absl::StatusCode::kUnauthenticated, kLogin},
    Pattern{"returned error: 401", absl::StatusCode::kUnauthenticated, kLogin},
    Pattern{"returned error: 403", absl::StatusCode::kPermissionDenied},
    Pattern{"HTTP code 407", absl::StatusCode::kUnauthenticated, kProxyLogin},
    Pattern{"error: 407", absl::StatusCode::kUnauthenticated, kProxyLogin},
    Pattern{"unknown option `batch-command'", absl::StatusCode::kFailedPrecondition, kOldGit},
    Pattern{"dubious ownership", absl::StatusCode::kFailedPrecondition},
    Pattern{"' not allowed", absl::StatusCode::kFailedPrecondition},
    Pattern{"SSL certificate", absl::StatusCode::kFailedPrecondition, "", kIdentity},
    Pattern{"certificate verification failed", absl::StatusCode::kFailedPrecondition, "",
            kIdentity},
    Pattern{"error setting certificate", absl::StatusCode::kFailedPrecondition, "", kIdentity},
    Pattern{"fsck error", absl::StatusCode::kFailedPrecondition},
    // Somebody else's push came in between.
    Pattern{" but expected ", absl::StatusCode::kAborted},
    Pattern{"reference already exists", absl::StatusCode::kAborted},
    Pattern{"[remote rejected]", absl::StatusCode::kFailedPrecondition},
    Pattern{"[rejected]", absl::StatusCode::kAborted},
    Pattern{"mismatched algorithms", absl::StatusCode::kDataLoss},
    Pattern{"not a git repository: '", absl::StatusCode::kDataLoss},
    Pattern{" is corrupt", absl::StatusCode::kDataLoss},
    Pattern{" corrupt ", absl::StatusCode::kDataLoss},
    Pattern{"is empty", absl::StatusCode::kDataLoss},
    Pattern{"missing necessary objects", absl::StatusCode::kDataLoss},
    Pattern{"bad object refs/", absl::StatusCode::kDataLoss},
    Pattern{"bad config line", absl::StatusCode::kDataLoss},
    Pattern{"bad config file", absl::StatusCode::kDataLoss},
    Pattern{"non-monotonic index", absl::StatusCode::kDataLoss},
    Pattern{"bad signature", absl::StatusCode::kDataLoss},
    Pattern{"packfile ", absl::StatusCode::kDataLoss},
    Pattern{"index file ", absl::StatusCode::kDataLoss},
    Pattern{"inflate: data stream error", absl::StatusCode::kDataLoss},
    Pattern{"unable to read tree", absl::StatusCode::kDataLoss},
    Pattern{"unable to read sha1 file", absl::StatusCode::kDataLoss},
    Pattern{"error: Could not read ", absl::StatusCode::kDataLoss},
    Pattern{"couldn't find remote ref", absl::StatusCode::kNotFound},
    Pattern{"not our ref", absl::StatusCode::kNotFound},
    Pattern{"unadvertised object", absl::StatusCode::kNotFound},
    Pattern{"does not appear to be a git repository", absl::StatusCode::kNotFound, "", kNoUpstream},
    Pattern{"epository not found", absl::StatusCode::kNotFound, "", kNoUpstream},
    Pattern{"' not found", absl::StatusCode::kNotFound, "", kNoUpstream},
    Pattern{"Not a valid object name", absl::StatusCode::kNotFound},
    Pattern{"bad object", absl::StatusCode::kNotFound},
    Pattern{"not a tree object", absl::StatusCode::kNotFound},
    Pattern{"Could not resolve proxy", absl::StatusCode::kUnavailable},
    Pattern{"Could not resolve host", absl::StatusCode::kUnavailable},
    Pattern{"Failed to connect", absl::StatusCode::kUnavailable},
    Pattern{"Connection refused", absl::StatusCode::kUnavailable},
    Pattern{"Connection timed out", absl::StatusCode::kUnavailable},
    Pattern{"unable to access", absl::StatusCode::kUnavailable},
    Pattern{"Permission denied", absl::StatusCode::kPermissionDenied},
};

// Lines that report a failure without its cause.
constexpr std::array<absl::string_view, 20> kEmptyLines = {
    "fatal: fsck error in packed object",
    "error: fsck error in packed object",
    "fatal: Could not read from remote repository.",
    "Please make sure you have the correct access rights",
    "and the repository exists.",
    "fatal: the remote end hung up unexpectedly",
    "fatal: early EOF",
    "fatal: index-pack failed",
    "fatal: unpack-objects failed",
    "fatal: fetch-pack: invalid index-pack output",
    "fatal: protocol error: bad pack header",
    "remote: aborting due to possible repository corruption on the remote side.",
    "aborting due to possible repository corruption on the remote side.",
    "git upload-pack: aborting due to possible repository corruption on the remote side.",
    "error: index-pack died of signal 25",
    "fatal: expected 'packfile'",
    "fatal: expected 'acknowledgments'",
    "fatal: expected flush after ref listing",
    "fatal: the remote end hung up upon initial contact",
    "error: unable to read askpass response from '/bin/false'",
};

bool SaysSomething(absl::string_view line) {
  return !line.empty() && !absl::StartsWith(line, "hint:") && !absl::StartsWith(line, "warning:") &&
         !absl::StartsWith(line, "From ") && !absl::StartsWith(line, "To ") &&
         !absl::StartsWith(line, "error: failed to push some refs to ") &&
         std::find(kEmptyLines.begin(), kEmptyLines.end(), line) == kEmptyLines.end();
}

// ssh first reports the problem of a key file, and then only that the key was refused.
bool SaysWhyKeyFailed(absl::string_view line) {
  return absl::StartsWith(line, "Load key ") || absl::StartsWith(line, "Warning: Identity file ");
}

bool EndsUrl(char c) { return absl::ascii_isspace(c) || c == '\'' || c == '"' || c == '<'; }

std::string RedactUrlsIn(absl::string_view line) {
  std::string out;
  for (size_t at = 0; (at = line.find("://")) != absl::string_view::npos;) {
    size_t begin = at;
    while (begin > 0 && (absl::ascii_isalnum(line[begin - 1]) || line[begin - 1] == '+')) --begin;
    size_t end = at;
    while (end < line.size() && !EndsUrl(line[end])) ++end;
    absl::StrAppend(&out, line.substr(0, begin), RedactUrl(line.substr(begin, end - begin)));
    line.remove_prefix(end);
  }
  return absl::StrCat(out, line);
}

// What the code of an error of git says about the service.
StateReason ReasonFor(absl::StatusCode code, bool remote) {
  if (code == absl::StatusCode::kResourceExhausted) return StateReason::kRefusedContent;
  if (!remote) return StateReason::kNone;
  if (code == absl::StatusCode::kUnavailable) return StateReason::kUpstreamUnreachable;
  const bool refused =
      code == absl::StatusCode::kUnauthenticated || code == absl::StatusCode::kPermissionDenied;
  return refused ? StateReason::kAuthentication : StateReason::kNone;
}

// A server's own damage is not that of the local repository.
std::string WithoutServersWords(absl::string_view error_output) {
  std::string own;
  // The line whose beginning was cut off may be the server's.
  if (error_output.size() >= kKeptErrorOutput) {
    error_output.remove_prefix(std::min(error_output.find_first_of("\r\n"), error_output.size()));
  }
  for (const absl::string_view line : absl::StrSplit(error_output, absl::ByAnyChar("\r\n"))) {
    // The rest may be its message, which git prints with its newlines.
    if (absl::StartsWith(line, "fatal: remote error: ")) break;
    if (!absl::StartsWith(line, "remote: ")) absl::StrAppend(&own, line, "\n");
  }
  return own;
}

}  // namespace

std::string CondenseGitError(absl::string_view error_output) {
  std::string chosen, last, key;
  for (absl::string_view line : absl::StrSplit(error_output, absl::ByAnyChar("\r\n"))) {
    line = absl::StripAsciiWhitespace(line);
    if (!line.empty()) last = std::string(line);
    if (SaysWhyKeyFailed(line)) key = absl::StrCat(" (", absl::StripPrefix(line, "Warning: "), ")");
    if (SaysSomething(line)) chosen = std::string(line);
  }
  if (chosen.empty()) chosen = last;
  if (absl::StrContains(chosen, "Permission denied (")) chosen += key;
  absl::string_view text = chosen;
  for (absl::string_view prefix : {"remote: ", "fatal: ", "error: ", "remote error: ", "ERROR: "}) {
    absl::ConsumePrefix(&text, prefix);
  }
  std::string line = EscapeText(RedactUrlsIn(text));
  if (line.size() > kMaxLength) line = absl::StrCat(ValidUtf8(line, kMaxLength), "…");
  return line.empty() ? "git printed no error" : line;
}

absl::Status StatusFromGit(absl::string_view attempt, const CommandResult& result, bool remote) {
  const auto failed = [&](absl::StatusCode code, absl::string_view why,
                          StateReason reason = StateReason::kNone) {
    const std::string message = absl::StrCat(attempt, ": ", why);
    const bool unreachable = remote && code == absl::StatusCode::kUnavailable;
    const absl::Status status = unreachable ? MakeError(Reason::kUpstreamUnreachable, message)
                                            : absl::Status(code, message);
    return WithStateReason(reason == StateReason::kNone ? ReasonFor(code, remote) : reason, status);
  };
  // git's helpers are killed by the signal; git itself then fails because they do not answer.
  if (result.exit_status == 128 + SIGXFSZ ||
      absl::StrContains(result.error_output, absl::StrCat("died of signal ", SIGXFSZ))) {
    return failed(absl::StatusCode::kResourceExhausted, "it is larger than the limit");
  }
  // The kernel's choice when the machine has no memory left.
  if (result.exit_status == 128 + SIGKILL ||
      absl::StrContains(result.error_output, absl::StrCat("died of signal ", SIGKILL))) {
    return failed(absl::StatusCode::kResourceExhausted,
                  "git was killed from outside; if memory ran out, lower git_memory");
  }
  const std::string why = CondenseGitError(result.error_output);
  const std::string own = WithoutServersWords(result.error_output);
  for (const Pattern& pattern : kPatterns) {
    const bool damage = pattern.code == absl::StatusCode::kDataLoss;
    if (!absl::StrContains(damage ? own : result.error_output, pattern.text)) continue;
    return failed(pattern.code, pattern.advice.empty() ? why : pattern.advice, pattern.reason);
  }
  return failed(remote ? absl::StatusCode::kUnavailable : absl::StatusCode::kInternal,
                absl::StrCat(why, " (exit status ", result.exit_status, ")"));
}

}  // namespace gitops
