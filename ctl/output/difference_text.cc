#include "ctl/output/difference_text.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/text/plural.h"
#include "ctl/output/escape.h"

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

// `text` with ${machine} in place of each whole word `name`.
std::string WithPlaceholder(absl::string_view text, absl::string_view name) {
  const auto is_letter = [text](size_t at) {
    return at < text.size() && absl::ascii_isalnum(text[at]);
  };
  std::string replaced;
  size_t done = 0;
  for (size_t at = 0; (at = text.find(name, at)) != text.npos; at += name.size()) {
    if (name.empty()) break;
    if ((at > 0 && is_letter(at - 1)) || is_letter(at + name.size())) continue;
    absl::StrAppend(&replaced, text.substr(done, at - done), "${machine}");
    done = at + name.size();
  }
  return absl::StrCat(replaced, text.substr(done));
}

// As it would be on any host. The content of files stays as it is.
v1::DiffServiceResponse WithPlaceholders(v1::DiffServiceResponse response,
                                         const std::string& host) {
  for (v1::Difference& difference : *response.mutable_differences()) {
    const std::string path = WithPlaceholder(difference.path(), host);
    const absl::string_view detail = difference.detail();
    const size_t header = std::min(detail.find("\n@@"), detail.size());
    difference.set_detail(
        absl::StrCat(absl::StrReplaceAll(detail.substr(0, header), {{difference.path(), path}}),
                     detail.substr(header)));
    difference.set_path(path);
  }
  return response;
}

struct Group {
  std::vector<std::string> hosts;
  std::string text;
  std::string on_any_host;  // the text with placeholders
};

// Joins groups with an equal `key`, and shows the key for them. Keeps the order in which they came.
std::vector<Group> Joined(std::vector<Group> groups, std::string Group::*key) {
  std::vector<Group> joined;
  std::map<std::string, size_t> places;
  for (Group& group : groups) {
    const auto [place, is_new] = places.try_emplace(group.*key, joined.size());
    if (is_new) {
      joined.push_back(std::move(group));
      continue;
    }
    Group& first = joined[place->second];
    first.text = first.on_any_host = place->first;
    first.hosts.insert(first.hosts.end(), group.hosts.begin(), group.hosts.end());
  }
  return joined;
}

std::string Title(const std::vector<std::string>& hosts) {
  const std::string names = absl::StrJoin(hosts, ", ");
  if (hosts.size() == 1) return names;
  return absl::StrCat(Counted(hosts.size(), "host"), ": ", names);
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
  std::vector<Group> groups;
  for (const auto& [host, response] : hosts) {
    if (response->differences().empty()) continue;
    groups.push_back({{EscapeLine(host)},
                      DifferencesText(*response, color),
                      DifferencesText(WithPlaceholders(*response, host), color)});
  }
  // Equal texts first: a name such as "app" may be a word of a path that all hosts share.
  groups = Joined(Joined(std::move(groups), &Group::text), &Group::on_any_host);
  std::string all;
  for (const Group& group : groups) {
    absl::StrAppend(&all, all.empty() ? "" : "\n", Title(group.hosts), "\n", group.text);
  }
  return all;
}

}  // namespace gitops::ctl
