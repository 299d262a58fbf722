#include "common/text/utf8.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace gitops {
namespace {

constexpr absl::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

bool IsContinuation(absl::string_view text, size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
}

// The number of bytes at the beginning that are ASCII, as far as whole words are.
size_t AsciiWords(absl::string_view text) {
  size_t at = 0;
  for (uint64_t word = 0; at + sizeof(word) <= text.size(); at += sizeof(word)) {
    std::memcpy(&word, text.data() + at, sizeof(word));
    if ((word & 0x8080808080808080) != 0) break;
  }
  return at;
}

}  // namespace

size_t Utf8SequenceLength(absl::string_view text) {
  if (text.empty()) return 0;
  const auto first = static_cast<unsigned char>(text[0]);
  const auto second = text.size() > 1 ? static_cast<unsigned char>(text[1]) : 0;
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4 || !IsContinuation(text, 1)) return 0;
  if (first < 0xE0) return 2;
  if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
      (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) {
    return 0;
  }
  if (!IsContinuation(text, 2)) return 0;
  if (first < 0xF0) return 3;
  return IsContinuation(text, 3) ? 4 : 0;
}

bool IsValidUtf8(absl::string_view text) {
  while (!text.empty()) {
    text.remove_prefix(AsciiWords(text));
    if (text.empty()) break;
    const size_t length = Utf8SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string ValidUtf8(absl::string_view text, size_t limit) {
  std::string result;
  while (true) {
    const size_t ascii = std::min(AsciiWords(text), limit - result.size());
    result.append(text.data(), ascii);
    text.remove_prefix(ascii);
    if (text.empty()) break;
    const size_t length = Utf8SequenceLength(text);
    const absl::string_view piece = length == 0 ? kReplacement : text.substr(0, length);
    if (result.size() + piece.size() > limit) break;
    result.append(piece.data(), piece.size());
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return result;
}

}  // namespace gitops
