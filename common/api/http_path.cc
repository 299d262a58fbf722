#include "common/api/http_path.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

constexpr size_t kShownBytes = 200;

absl::Status Bad(absl::string_view path, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(
      "the path \"", absl::CHexEscape(path.substr(0, kShownBytes)), "\" cannot be used: ", why));
}

// Returns false if an escape is malformed.
bool DecodePercent(absl::string_view text, std::string& decoded) {
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      decoded += text[at];
      continue;
    }
    const absl::string_view digits = text.substr(at + 1, 2);
    if (digits.size() < 2 || !std::all_of(digits.begin(), digits.end(), absl::ascii_isxdigit)) {
      return false;
    }
    decoded += absl::HexStringToBytes(digits);
    at += 2;
  }
  return true;
}

// Why a decoded segment is not a valid name; empty if it is.
absl::string_view WhyNoName(absl::string_view segment) {
  if (segment.empty()) return "a segment is empty";
  if (segment == "." || segment == "..") return "a segment is \".\" or \"..\"";
  if (segment.find('/') != absl::string_view::npos) return "a name must not contain \"/\"";
  if (std::any_of(segment.begin(), segment.end(), absl::ascii_iscntrl)) {
    return "a segment contains a control character";
  }
  if (!IsValidUtf8(segment)) return "a segment is not UTF-8";
  return "";
}

}  // namespace

absl::StatusOr<HttpPath> ParseHttpPath(absl::string_view path) {
  if (path.empty() || path[0] != '/') return Bad(path, "it does not start with \"/\"");
  HttpPath parsed;
  absl::string_view rest = path.substr(1);
  const size_t colon = rest.rfind(':');
  if (colon != absl::string_view::npos && rest.find('/', colon) == absl::string_view::npos) {
    parsed.verb = std::string(rest.substr(colon + 1));
    if (parsed.verb.empty()) return Bad(path, "it ends with \":\"; in a name \":\" is written %3A");
    rest = rest.substr(0, colon);
  }
  for (const absl::string_view segment : absl::StrSplit(rest, '/')) {
    std::string& decoded = parsed.segments.emplace_back();
    if (!DecodePercent(segment, decoded)) {
      return Bad(path, "\"%\" is not followed by two hexadecimal digits");
    }
    if (const absl::string_view why = WhyNoName(decoded); !why.empty()) return Bad(path, why);
  }
  return parsed;
}

}  // namespace gitops
