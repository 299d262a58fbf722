#include "ctl/output/difference_text.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "ctl/output/escape.h"
#include "ctl/output/plural.h"

namespace gitops::ctl {
namespace {

std::string KindText(v1::Difference::Kind kind) {
  if (!v1::Difference::Kind_IsValid(kind)) return absl::StrCat("kind ", static_cast<int>(kind));
  const std::string name(absl::StripPrefix(v1::Difference::Kind_Name(kind), "KIND_"));
  return absl::StrReplaceAll(absl::AsciiStrToLower(name), {{"_", " "}});
}

bool HasUnifiedDiff(const v1::Difference& difference) {
  return difference.detail().find('\n') != std::string::npos;
}

std::string ColoredLine(absl::string_view line, bool color) {
  const char first = line.empty() ? ' ' : line[0];
  const char* begin = first == '+'   ? "\x1b[32m"
                      : first == '-' ? "\x1b[31m"
                      : first == '@' ? "\x1b[36m"
                                     : "";
  const std::string text = EscapeLine(absl::StrReplaceAll(line, {{"\t", "    "}}));
  return color && *begin != '\0' ? absl::StrCat(begin, text, "\x1b[0m") : text;
}

std::string DiffLines(absl::string_view diff, bool color) {
  std::string text;
  absl::ConsumeSuffix(&diff, "\n");
  for (const absl::string_view line : absl::StrSplit(diff, '\n')) {
    absl::StrAppend(&text, ColoredLine(line, color), "\n");
  }
  return text;
}

std::string LinesText(const v1::Difference& difference) {
  if (difference.added_lines() == 0 && difference.removed_lines() == 0) return "";
  return absl::StrCat("  +", difference.added_lines(), " -", difference.removed_lines());
}

}  // namespace

std::string DifferenceText(const v1::Difference& difference, bool color) {
  // Paths of one response align: the longest kind is "not published".
  std::string text = KindText(difference.kind());
  text.resize(std::max<size_t>(text.size(), 13), ' ');
  absl::StrAppend(&text, "  ", EscapeLine(difference.path()), LinesText(difference));
  if (HasUnifiedDiff(difference)) {
    return absl::StrCat(text, "\n", DiffLines(difference.detail(), color));
  }
  return absl::StrCat(text, difference.detail().empty() ? "" : "  ",
                      EscapeLine(difference.detail()), "\n");
}

std::string DifferencesText(const v1::DiffServiceResponse& response, bool color) {
  std::string text;
  for (const v1::Difference& difference : response.differences()) {
    text += DifferenceText(difference, color);
  }
  return text;
}

std::string DifferencesText(
    const std::vector<std::pair<std::string, const v1::DiffServiceResponse*>>& hosts, bool color) {
  std::vector<std::string> texts;  // in the order in which they came
  std::map<std::string, std::vector<std::string>> hosts_of;
  for (const auto& [host, response] : hosts) {
    const std::string text = DifferencesText(*response, color);
    if (text.empty()) continue;
    const auto [known, is_new] = hosts_of.try_emplace(text);
    if (is_new) texts.push_back(text);
    known->second.push_back(EscapeLine(host));
  }
  std::string all;
  for (const std::string& text : texts) {
    const std::vector<std::string>& of = hosts_of[text];
    const std::string count =
        of.size() == 1 ? "" : absl::StrCat(Counted(static_cast<int64_t>(of.size()), "host"), ": ");
    absl::StrAppend(&all, all.empty() ? "" : "\n", count, absl::StrJoin(of, ", "), "\n", text);
  }
  return all;
}

}  // namespace gitops::ctl
