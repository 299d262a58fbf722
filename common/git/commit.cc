#include "common/git/commit.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "common/text/escape.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

constexpr size_t kMaxSubject = 200, kMaxAuthor = 100;
// The end of the year 9999, which is the last that a Timestamp may have.
constexpr int64_t kLastSecond = 253'402'300'799;

absl::string_view TakeLine(absl::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const absl::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

// Cut between two characters of `text`, and so between two escapes.
std::string Escaped(absl::string_view text, size_t limit) {
  std::string out;
  while (!text.empty()) {
    const size_t length = std::max<size_t>(Utf8SequenceLength(text), 1);
    const std::string piece = EscapeText(text.substr(0, length));
    if (out.size() + piece.size() > limit) break;
    out += piece;
    text.remove_prefix(length);
  }
  return out;
}

// "NAME <ADDRESS> SECONDS ZONE"; each part may be missing.
std::string NameOf(absl::string_view person) {
  return Escaped(absl::StripAsciiWhitespace(person.substr(0, person.find('<'))), kMaxAuthor);
}

absl::Time TimeOf(absl::string_view person) {
  const size_t end = person.rfind('>');
  if (end == absl::string_view::npos) return absl::InfinitePast();
  const absl::string_view rest = absl::StripAsciiWhitespace(person.substr(end + 1));
  int64_t seconds = 0;
  const bool is_time = absl::SimpleAtoi(rest.substr(0, rest.find(' ')), &seconds);
  return is_time && seconds >= 0 && seconds <= kLastSecond ? absl::FromUnixSeconds(seconds)
                                                           : absl::InfinitePast();
}

}  // namespace

CommitInfo ParseCommit(absl::string_view hash, absl::string_view content) {
  CommitInfo commit{.hash = std::string(hash)};
  // An empty line ends the headers; those of a signature have continued lines, with a space first.
  while (!content.empty()) {
    absl::string_view line = TakeLine(content);
    if (line.empty()) break;
    if (absl::ConsumePrefix(&line, "author ")) commit.author = NameOf(line);
    if (absl::ConsumePrefix(&line, "committer ")) commit.time = TimeOf(line);
  }
  while (!content.empty() && commit.subject.empty()) {
    commit.subject = Escaped(absl::StripAsciiWhitespace(TakeLine(content)), kMaxSubject);
  }
  return commit;
}

}  // namespace gitops
