#include "common/text/escape.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

bool IsControl(absl::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (first < ' ' || first == 0x7F) return true;
  // U+0080 to U+009F: terminals act on them.
  return first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0;
}

}  // namespace

std::string EscapeText(absl::string_view text, absl::string_view keep) {
  std::string escaped;
  escaped.reserve(text.size());
  while (!text.empty()) {
    const size_t length = Utf8SequenceLength(text);
    const absl::string_view character = text.substr(0, std::max<size_t>(length, 1));
    text.remove_prefix(character.size());
    if (character == "\\") {
      escaped += "\\\\";
    } else if (length > 0 && (!IsControl(character) || keep.find(character) != keep.npos)) {
      absl::StrAppend(&escaped, character);
    } else {
      for (const char byte : character) {
        absl::StrAppend(&escaped, "\\x",
                        absl::Hex(static_cast<unsigned char>(byte), absl::kZeroPad2));
      }
    }
  }
  return escaped;
}

std::string EnsureUtf8(absl::string_view text) {
  return IsValidUtf8(text) ? std::string(text) : EscapeText(text, kLines);
}

}  // namespace gitops
