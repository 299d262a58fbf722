#include <algorithm>
#include <array>
#include <climits>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/path/beneath.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

constexpr size_t kMaxPath = PATH_MAX - 1;
constexpr size_t kMaxName = NAME_MAX;

// Apple's file systems ignore these when they compare names.
std::string WithoutIgnorable(absl::string_view name) {
  constexpr std::array<absl::string_view, 16> kIgnorable = {
      "\xE2\x80\x8C", "\xE2\x80\x8D", "\xE2\x80\x8E", "\xE2\x80\x8F",   // U+200C to U+200F
      "\xE2\x80\xAA", "\xE2\x80\xAB", "\xE2\x80\xAC", "\xE2\x80\xAD",   // U+202A to U+202D
      "\xE2\x80\xAE", "\xE2\x81\xAA", "\xE2\x81\xAB", "\xE2\x81\xAC",   // U+202E, U+206A to
      "\xE2\x81\xAD", "\xE2\x81\xAE", "\xE2\x81\xAF", "\xEF\xBB\xBF"};  // U+206F, U+FEFF
  std::vector<std::pair<absl::string_view, absl::string_view>> removals;
  for (const absl::string_view ignorable : kIgnorable) removals.emplace_back(ignorable, "");
  return absl::StrReplaceAll(name, removals);
}

// Whether any system that git supports would open .git under this name: in any case, with trailing
// dots or spaces, by its short name or a stream (NTFS), as a part between backslashes, or with
// characters that a file system ignores.
bool IsDotGit(absl::string_view name) {
  const std::string lower = absl::AsciiStrToLower(WithoutIgnorable(name));
  for (absl::string_view part : absl::StrSplit(lower, '\\')) {
    part = part.substr(0, part.find(':'));
    while (absl::EndsWith(part, ".") || absl::EndsWith(part, " ")) part.remove_suffix(1);
    if (part == ".git" || part == "git~1") return true;
  }
  return false;
}

// C0, DEL, and U+0080 to U+009F, which terminals interpret too.
bool HasControl(absl::string_view name) {
  for (size_t i = 0; i < name.size(); ++i) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(name[i]))) return true;
    if (name[i] == '\xC2' && i + 1 < name.size() && static_cast<uint8_t>(name[i + 1]) >= 0x80 &&
        static_cast<uint8_t>(name[i + 1]) < 0xA0) {
      return true;
    }
  }
  return false;
}

// Why `name` is not a plain name; empty if it is one.
absl::string_view Fault(absl::string_view name) {
  if (name.empty()) return "is empty: a path has no slash first, last or twice in a row";
  if (name == "." || name == "..") return "is not a name";
  if (name.size() > kMaxName) return "is longer than 255 bytes";
  if (name[0] == '-') return "starts with '-', which programs interpret as an option";
  if (HasControl(name)) return "contains a NUL or another control character";
  if (IsDotGit(name)) return "is a spelling of .git";
  return "";
}

}  // namespace

absl::Status CheckPlainRelativePath(absl::string_view path) {
  if (path.empty()) return absl::InvalidArgumentError("the path is empty");
  if (path.size() > kMaxPath) {
    return absl::InvalidArgumentError(absl::StrCat("the path that starts with \"",
                                                   EscapeText(path.substr(0, 64)),
                                                   "\" is longer than ", kMaxPath, " bytes"));
  }
  for (const absl::string_view name : absl::StrSplit(path, '/')) {
    const absl::string_view fault = Fault(name);
    if (fault.empty()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("path \"", EscapeText(path), "\": \"", EscapeText(name), "\" ", fault));
  }
  return absl::OkStatus();
}

}  // namespace gitops
