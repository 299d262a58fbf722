#include "agent/operation/redact.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace gitops {
namespace {

// Shorter texts occur in ordinary output by chance.
constexpr size_t kMinPiece = 4;
constexpr char kNotShown[] = "[not shown, since it contains a secret]";

}  // namespace

void Redactor::Add(absl::string_view secret) {
  const absl::string_view whole = absl::StripAsciiWhitespace(secret);
  if (!whole.empty()) pieces_.emplace(whole);
  for (absl::string_view line : absl::StrSplit(whole, absl::ByAnyChar("\r\n"))) {
    line = absl::StripAsciiWhitespace(line);
    if (line.size() >= kMinPiece) pieces_.emplace(line);
  }
}

std::string Redactor::Apply(absl::string_view text) const {
  std::string redacted(text);
  for (const std::string& piece : pieces_) {
    if (!absl::StrContains(redacted, piece)) continue;
    if (piece.size() < kMinPiece) return kNotShown;
    redacted = absl::StrReplaceAll(redacted, {{piece, "[secret]"}});
  }
  return redacted;
}

std::string Redactor::ApplyToEnd(absl::string_view text) const {
  std::string redacted = Apply(text);
  if (pieces_.empty() || redacted == kNotShown) return redacted;
  // Lines are redacted one by one. In a line, a rest is shorter than the longest secret, or at most
  // twice as long if "[secret]" replaced four bytes in it.
  const size_t line = std::min(redacted.find('\n'), redacted.size());
  return redacted.substr(std::min(line, 2 * pieces_.begin()->size()));
}

}  // namespace gitops
