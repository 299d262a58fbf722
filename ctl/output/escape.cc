#include "ctl/output/escape.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_format.h"

namespace gitops::ctl {
namespace {

struct Character {
  uint32_t code = 0;
  size_t length = 0;  // bytes; 0: not UTF-8 here
};

// The first character of `text`, which is not empty.
Character Decode(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return {};
  uint32_t code = lead & (0xff >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3f);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < kSmallest[length] || code > 0x10ffff || surrogate) return {};
  return {code, length};
}

bool IsHarmful(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) ||        // C0, DEL, C1
         code == 0x061c || code == 0x200e || code == 0x200f ||  // direction marks
         (code >= 0x2028 && code <= 0x202e) ||                  // separators, embeddings, overrides
         (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

std::string Escape(absl::string_view text, bool keep_lines) {
  std::string escaped;
  escaped.reserve(text.size());
  while (!text.empty()) {
    const Character c = Decode(text);
    const size_t length = c.length == 0 ? 1 : c.length;
    if (c.length == 0) {
      absl::StrAppendFormat(&escaped, "\\x%02x", static_cast<unsigned char>(text[0]));
    } else if (!IsHarmful(c.code) || (keep_lines && (c.code == '\n' || c.code == '\t'))) {
      escaped.append(text.data(), length);
    } else if (c.code == '\n') {
      escaped += "\\n";
    } else if (c.code == '\t') {
      escaped += "\\t";
    } else if (c.code < 0x80) {
      absl::StrAppendFormat(&escaped, "\\x%02x", c.code);
    } else {
      absl::StrAppendFormat(&escaped, "\\u{%04x}", c.code);
    }
    text.remove_prefix(length);
  }
  return escaped;
}

// The bytes of a colour sequence (ESC [ … m) at the start of `text`, or 0.
size_t ColorSequence(absl::string_view text) {
  if (text.size() < 2 || text[0] != '\x1b' || text[1] != '[') return 0;
  const size_t end = text.find('m');
  return end == absl::string_view::npos ? 0 : end + 1;
}

}  // namespace

std::string EscapeLine(absl::string_view text) { return Escape(text, false); }

std::string EscapeText(absl::string_view text) { return Escape(text, true); }

std::string EscapeDocument(absl::string_view text) {
  std::string escaped;
  while (!text.empty()) {
    const Character c = Decode(text);
    const size_t length = std::max<size_t>(c.length, 1);
    if (c.length > 0 && IsHarmful(c.code) && c.code != '\n') {
      absl::StrAppendFormat(&escaped, "\\u%04x", c.code);
    } else {
      escaped.append(text.data(), length);
    }
    text.remove_prefix(length);
  }
  return escaped;
}

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const size_t length = Decode(text).length;
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string CutToWidth(absl::string_view text, size_t width) {
  std::string cut;
  while (!text.empty()) {
    size_t length = ColorSequence(text);
    if (length == 0) {
      length = std::max<size_t>(Decode(text).length, 1);
      if (width > 0) cut.append(text.data(), length);
      width -= width > 0;
    } else {
      cut.append(text.data(), length);
    }
    text.remove_prefix(length);
  }
  return cut;
}

size_t DisplayWidth(absl::string_view text) {
  size_t width = 0;
  while (!text.empty()) {
    const size_t sequence = ColorSequence(text);
    width += sequence == 0;
    text.remove_prefix(sequence > 0 ? sequence : std::max<size_t>(Decode(text).length, 1));
  }
  return width;
}

}  // namespace gitops::ctl
