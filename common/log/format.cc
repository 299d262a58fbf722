#include "common/log/format.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace gitops {
namespace {

absl::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarning:
      return "WARNING";
    case LogLevel::kError:
      return "ERROR";
  }
  return "UNKNOWN";
}

std::string Timestamp(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

// The length in bytes of the UTF-8 character at the start of `text`; 0 if there is none. Overlong
// forms, surrogates and code points above U+10FFFF are invalid.
size_t CharacterLength(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const uint8_t second = byte(1);
  const bool legal = !(lead == 0xE0 && second < 0xA0) && !(lead == 0xED && second > 0x9F) &&
                     !(lead == 0xF0 && second < 0x90) && !(lead == 0xF4 && second > 0x8F);
  return legal ? length : 0;
}

// Terminals interpret U+0080 to U+009F like ESC sequences.
bool IsControl(absl::string_view character) {
  if (character.size() == 1) return absl::ascii_iscntrl(static_cast<unsigned char>(character[0]));
  return character.size() == 2 && static_cast<uint8_t>(character[0]) == 0xC2 &&
         static_cast<uint8_t>(character[1]) < 0xA0;
}

void AppendHex(absl::string_view bytes, std::string& out) {
  for (const char c : bytes) absl::StrAppendFormat(&out, "\\x%02x", static_cast<uint8_t>(c));
}

// The short escape of both forms, or empty.
absl::string_view ShortEscape(absl::string_view character) {
  if (character == "\n") return "\\n";
  if (character == "\r") return "\\r";
  if (character == "\t") return "\\t";
  return "";
}

// Calls `visit(character, valid)` for each character or invalid byte.
template <typename Visit>
void ForEachCharacter(absl::string_view text, Visit visit) {
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    visit(text.substr(0, length == 0 ? 1 : length), length != 0);
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

void AppendEscaped(absl::string_view text, bool quoted, std::string& out) {
  ForEachCharacter(text, [&](absl::string_view character, bool valid) {
    const absl::string_view escape = ShortEscape(character);
    if (!escape.empty()) {
      absl::StrAppend(&out, escape);
    } else if (!valid || IsControl(character)) {
      AppendHex(character, out);
    } else if (quoted && (character == "\"" || character == "\\")) {
      absl::StrAppend(&out, "\\", character);
    } else {
      absl::StrAppend(&out, character);
    }
  });
}

bool NeedsQuotes(absl::string_view value) {
  bool needs = value.empty();
  ForEachCharacter(value, [&](absl::string_view character, bool valid) {
    needs = needs || !valid || IsControl(character) || character == " " || character == "\"" ||
            character == "=" || character == "\\";
  });
  return needs;
}

void AppendTextValue(absl::string_view value, std::string& out) {
  if (!NeedsQuotes(value)) {
    absl::StrAppend(&out, value);
    return;
  }
  out.push_back('"');
  AppendEscaped(value, /*quoted=*/true, out);
  out.push_back('"');
}

void AppendJsonString(absl::string_view text, std::string& out) {
  out.push_back('"');
  ForEachCharacter(text, [&](absl::string_view character, bool valid) {
    const absl::string_view escape = ShortEscape(character);
    if (!valid) {
      absl::StrAppend(&out, "\xEF\xBF\xBD");
    } else if (!escape.empty()) {
      absl::StrAppend(&out, escape);
    } else if (IsControl(character)) {
      // The second byte of U+0080 to U+009F is the number itself.
      absl::StrAppendFormat(&out, "\\u%04x", static_cast<uint8_t>(character.back()));
    } else if (character == "\"" || character == "\\") {
      absl::StrAppend(&out, "\\", character);
    } else {
      absl::StrAppend(&out, character);
    }
  });
  out.push_back('"');
}

void AppendJsonField(absl::string_view key, absl::string_view value, std::string& out) {
  out.push_back(',');
  AppendJsonString(key, out);
  out.push_back(':');
  AppendJsonString(value, out);
}

}  // namespace

std::string FormatTextLine(absl::Time time, LogLevel level, absl::string_view message,
                           std::initializer_list<LogField> fields) {
  std::string line = absl::StrCat(Timestamp(time), " ", LevelName(level), " ");
  AppendEscaped(message, /*quoted=*/false, line);
  for (const auto& [key, value] : fields) {
    line.push_back(' ');
    AppendEscaped(key, /*quoted=*/false, line);
    line.push_back('=');
    AppendTextValue(value, line);
  }
  return line;
}

std::string FormatJsonLine(absl::Time time, LogLevel level, absl::string_view message,
                           std::initializer_list<LogField> fields) {
  std::string line = absl::StrCat("{\"time\":\"", Timestamp(time), "\"");
  AppendJsonField("level", absl::AsciiStrToLower(LevelName(level)), line);
  AppendJsonField("message", message, line);
  for (const auto& [key, value] : fields) AppendJsonField(key, value, line);
  line.push_back('}');
  return line;
}

}  // namespace gitops
