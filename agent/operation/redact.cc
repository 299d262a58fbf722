#include "agent/operation/redact.h"

#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace gitops {
namespace {

// Shorter texts stand in ordinary output by chance.
constexpr size_t kShortestPiece = 4;

}  // namespace

void Redactor::Add(absl::string_view secret) {
  const absl::string_view whole = absl::StripAsciiWhitespace(secret);
  if (!whole.empty()) pieces_.emplace(whole);
  for (absl::string_view line : absl::StrSplit(whole, absl::ByAnyChar("\r\n"))) {
    line = absl::StripAsciiWhitespace(line);
    if (line.size() >= kShortestPiece) pieces_.emplace(line);
  }
}

std::string Redactor::Apply(absl::string_view text) const {
  std::string redacted(text);
  for (const std::string& piece : pieces_) {
    if (!absl::StrContains(redacted, piece)) continue;
    if (piece.size() < kShortestPiece) return "[not shown, since it holds a secret]";
    redacted = absl::StrReplaceAll(redacted, {{piece, "[secret]"}});
  }
  return redacted;
}

}  // namespace gitops
