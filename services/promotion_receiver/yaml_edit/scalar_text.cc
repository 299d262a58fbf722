#include "services/promotion_receiver/yaml_edit/scalar_text.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

// As what a parser reads a plain scalar.
enum class PlainType { kString, kInteger, kFloat, kOther };

// Of numbers; longer texts are strings for every parser that counts.
constexpr size_t kLongestNumber = 128;
// That every parser keeps.
constexpr size_t kMostIntegerDigits = 15, kMostFloatDigits = 15;

bool OnlyOf(absl::string_view text, absl::string_view characters) {
  return !text.empty() && text.find_first_not_of(characters) == absl::string_view::npos;
}

bool IsDigits(absl::string_view text) { return OnlyOf(text, "0123456789"); }

bool IsWord(absl::string_view lower) {
  constexpr std::array<absl::string_view, 13> kWords = {
      "", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "<<", "="};
  return std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
}

// 2022-09-13, with anything after it: more than the YAML rules say.
bool IsTime(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits('-', 2));
  return parts.size() == 3 && parts[0].size() == 4 && IsDigits(parts[0]) && parts[1].size() <= 2 &&
         IsDigits(parts[1]) && !parts[2].empty() && absl::ascii_isdigit(parts[2][0]);
}

// Digits with an optional fraction and exponent.
PlainType DecimalType(absl::string_view text) {
  const size_t exponent = text.find('e');
  absl::string_view mantissa = text.substr(0, exponent);
  if (exponent != absl::string_view::npos) {
    absl::string_view power = text.substr(exponent + 1);
    if (!absl::ConsumePrefix(&power, "-")) absl::ConsumePrefix(&power, "+");
    if (!IsDigits(power)) return PlainType::kString;
  }
  const size_t point = mantissa.find('.');
  const absl::string_view whole = mantissa.substr(0, point);
  const absl::string_view fraction =
      point == absl::string_view::npos ? "" : mantissa.substr(point + 1);
  if (whole.empty() && fraction.empty()) return PlainType::kString;
  if ((!whole.empty() && !IsDigits(whole)) || (!fraction.empty() && !IsDigits(fraction))) {
    return PlainType::kString;
  }
  const bool integer = mantissa.size() == text.size() && point == absl::string_view::npos;
  return integer ? PlainType::kInteger : PlainType::kFloat;
}

// "190:20:30", a number to base 60 in YAML 1.1.
bool IsSexagesimal(absl::string_view text) {
  return absl::StrContains(text, ":") && OnlyOf(text, "0123456789:.");
}

PlainType TypeOfPlain(absl::string_view text) {
  if (text.size() > kLongestNumber) return PlainType::kString;
  const std::string lower = absl::AsciiStrToLower(text);
  if (IsWord(lower) || IsTime(lower)) return PlainType::kOther;
  const std::string joined = absl::StrReplaceAll(lower, {{"_", ""}});
  absl::string_view number = joined;
  if (!absl::ConsumePrefix(&number, "-")) absl::ConsumePrefix(&number, "+");
  if (number == ".inf" || number == ".nan") return PlainType::kFloat;
  if ((absl::ConsumePrefix(&number, "0x") && OnlyOf(number, "0123456789abcdef")) ||
      (absl::ConsumePrefix(&number, "0o") && OnlyOf(number, "01234567")) ||
      (absl::ConsumePrefix(&number, "0b") && OnlyOf(number, "01"))) {
    return PlainType::kInteger;
  }
  return IsSexagesimal(number) ? PlainType::kFloat : DecimalType(number);
}

// Whether a parser that reads `text` as a number and prints it again prints `text`.
bool SurvivesAsNumber(absl::string_view text) {
  if (text.size() > 1 && text[0] == '0' && text[1] != '.') return false;
  const size_t point = text.find('.');
  if (point == absl::string_view::npos) {
    return IsDigits(text) && text.size() <= kMostIntegerDigits;
  }
  const absl::string_view fraction = text.substr(point + 1);
  return IsDigits(text.substr(0, point)) && IsDigits(fraction) && fraction.back() != '0' &&
         text.size() - 1 <= kMostFloatDigits;
}

// Less than YAML allows: letters, digits and what stands in versions.
bool IsSafePlain(absl::string_view text, bool in_flow) {
  if (text.empty() || !(absl::ascii_isalnum(text[0]) || text[0] == '_')) return false;
  if (text.back() == ':' || (in_flow && absl::StrContains(text, ":"))) return false;
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) ||
           absl::string_view("._+/@:-~").find(static_cast<char>(c)) != absl::string_view::npos;
  });
}

bool StaysPlain(absl::string_view value, absl::string_view old, const ScalarForm& form) {
  if (!IsSafePlain(value, form.in_flow)) return false;
  const PlainType type = TypeOfPlain(value);
  if (form.tagged || type == PlainType::kString) return true;
  return type != PlainType::kOther && type == TypeOfPlain(old) && SurvivesAsNumber(value);
}

}  // namespace

std::string ScalarText(absl::string_view value, absl::string_view old, const ScalarForm& form) {
  if (form.style == ScalarStyle::kSingleQuoted) {
    return absl::StrCat("'", absl::StrReplaceAll(value, {{"'", "''"}}), "'");
  }
  if (form.style == ScalarStyle::kPlain && StaysPlain(value, old, form)) return std::string(value);
  return absl::StrCat("\"", absl::StrReplaceAll(value, {{"\\", "\\\\"}, {"\"", "\\\""}}), "\"");
}

}  // namespace gitops
