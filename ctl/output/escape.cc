#include "ctl/output/escape.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "absl/strings/str_cat.h"
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

struct CodeRange {
  uint32_t first;
  uint32_t last;
};

template <size_t n>
bool IsIn(const CodeRange (&ranges)[n], uint32_t code) {
  return std::any_of(std::begin(ranges), std::end(ranges), [code](const CodeRange& range) {
    return code >= range.first && code <= range.last;
  });
}

// Characters that move the cursor, reorder text or are invisible.
constexpr CodeRange kHarmful[] = {
    {0x00, 0x1f},       {0x7f, 0x9f},      // C0, DEL, C1
    {0xad, 0xad},       {0x61c, 0x61c},    // soft hyphen, Arabic letter mark
    {0x180e, 0x180e},   {0x200b, 0x200f},  // zero-width characters, direction marks
    {0x2028, 0x202e},                      // separators, embeddings, overrides
    {0x2060, 0x206f},   {0xfeff, 0xfeff},  // word joiner, isolates, byte-order mark
    {0xfff9, 0xfffb},                      // annotations
    {0xe0000, 0xe007f},                    // tags
};

bool IsHarmful(uint32_t code) { return IsIn(kHarmful, code); }

std::string Escape(absl::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  while (!text.empty()) {
    const Character c = Decode(text);
    const size_t length = c.length == 0 ? 1 : c.length;
    if (c.length == 0) {
      absl::StrAppendFormat(&escaped, "\\x%02x", static_cast<unsigned char>(text[0]));
    } else if (!IsHarmful(c.code)) {
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

// The terminal columns of a character. The C library's wcwidth() depends on the locale. A character
// that is missing here makes a line too long, nothing worse.
size_t WidthOf(uint32_t code) {
  if (code < 0x300) return 1;
  static constexpr CodeRange kCombining[] = {
      {0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},     {0x64b, 0x65f},
      {0x200b, 0x200d}, {0x20d0, 0x20f0}, {0xfe00, 0xfe0f}, {0xe0100, 0xe01ef},
  };
  static constexpr CodeRange kWide[] = {
      {0x1100, 0x115f},   {0x231a, 0x231b},   {0x23e9, 0x23ec},   {0x23f0, 0x23f0},
      {0x23f3, 0x23f3},   {0x25fd, 0x25fe},   {0x2614, 0x2615},   {0x2648, 0x2653},
      {0x267f, 0x267f},   {0x2693, 0x2693},   {0x26a1, 0x26a1},   {0x26aa, 0x26ab},
      {0x26bd, 0x26be},   {0x26c4, 0x26c5},   {0x26ce, 0x26ce},   {0x26d4, 0x26d4},
      {0x26ea, 0x26ea},   {0x26f2, 0x26f3},   {0x26f5, 0x26f5},   {0x26fa, 0x26fa},
      {0x26fd, 0x26fd},   {0x2705, 0x2705},   {0x270a, 0x270b},   {0x2728, 0x2728},
      {0x274c, 0x274c},   {0x274e, 0x274e},   {0x2753, 0x2755},   {0x2757, 0x2757},
      {0x2795, 0x2797},   {0x27b0, 0x27b0},   {0x27bf, 0x27bf},   {0x2b1b, 0x2b1c},
      {0x2b50, 0x2b50},   {0x2b55, 0x2b55},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},
      {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
      {0xffe0, 0xffe6},   {0x1f18e, 0x1f18e}, {0x1f191, 0x1f19a}, {0x1f200, 0x1f265},
      {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f7e0, 0x1f7eb}, {0x1f900, 0x1f9ff},
      {0x1fa70, 0x1faff}, {0x20000, 0x3fffd},
  };
  if (IsIn(kCombining, code)) return 0;
  return IsIn(kWide, code) ? 2 : 1;
}

// The bytes of a color sequence (ESC [ … m) at the start of `text`, or 0.
size_t ColorSequence(absl::string_view text) {
  if (text.size() < 2 || text[0] != '\x1b' || text[1] != '[') return 0;
  const size_t end = text.find('m');
  return end == absl::string_view::npos ? 0 : end + 1;
}

}  // namespace

std::string EscapeLine(absl::string_view text) { return Escape(text); }

std::string EscapeDocument(absl::string_view text) {
  std::string escaped;
  while (!text.empty()) {
    const Character c = Decode(text);
    const size_t length = std::max<size_t>(c.length, 1);
    // JSON and YAML share no escape for characters over U+FFFF.
    if (c.length > 0 && IsHarmful(c.code) && c.code != '\n' && c.code <= 0xffff) {
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
  bool full = false;
  while (!text.empty()) {
    size_t length = ColorSequence(text);
    if (length == 0) {
      const Character c = Decode(text);
      length = std::max<size_t>(c.length, 1);
      const size_t columns = WidthOf(c.code);
      full = full || columns > width;
      if (!full) {
        cut.append(text.data(), length);
        width -= columns;
      }
    } else {
      cut.append(text.data(), length);
    }
    text.remove_prefix(length);
  }
  return cut;
}

std::string Shortened(absl::string_view text, size_t width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  return width == 0 ? "" : absl::StrCat(CutToWidth(text, width - 1), "…");
}

std::string WithoutColor(absl::string_view text) {
  std::string plain;
  while (!text.empty()) {
    const size_t sequence = ColorSequence(text);
    if (sequence == 0) plain.push_back(text[0]);
    text.remove_prefix(std::max<size_t>(sequence, 1));
  }
  return plain;
}

size_t DisplayWidth(absl::string_view text) {
  size_t width = 0;
  while (!text.empty()) {
    const size_t sequence = ColorSequence(text);
    const Character c = Decode(text);
    if (sequence == 0) width += WidthOf(c.code);
    text.remove_prefix(sequence > 0 ? sequence : std::max<size_t>(c.length, 1));
  }
  return width;
}

}  // namespace gitops::ctl
