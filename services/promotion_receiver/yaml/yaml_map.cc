#include "services/promotion_receiver/yaml/yaml_map.h"

#include <algorithm>
#include <deque>
#include <exception>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/config/duration.h"
#include "common/text/nearest.h"
#include "services/promotion_receiver/yaml/yaml_limits.h"

namespace gitops {
namespace {

constexpr size_t kLongestText = 4096;
constexpr size_t kMaxFaults = 100;

// A plain scalar that YAML reads as a number, a boolean or null.
bool IsTypedScalar(const YAML::Node& node) {
  // Quoted; or a letter, which the library takes for a boolean, but Kubernetes does not.
  if (node.Tag() == "!" || node.Scalar() == "y" || node.Scalar() == "n") return false;
  bool boolean = false;
  double number = 0;
  return node.IsNull() || YAML::convert<bool>::decode(node, boolean) ||
         YAML::convert<double>::decode(node, number);
}

std::string Shown(absl::string_view text) {
  constexpr size_t kShown = 100;
  return absl::Utf8SafeCHexEscape(text.substr(0, kShown));
}

absl::string_view KindOf(const YAML::Node& node) {
  if (node.IsMap()) return "a mapping";
  if (node.IsSequence()) return "a list";
  return node.IsNull() ? "null" : "a scalar";
}

}  // namespace

struct YamlMap::State {
  YAML::Node node;
  std::string path;  // "spec.environments[1]"; empty: the document
  std::set<std::string> known;
};

struct YamlMap::Document {
  std::string file;
  std::deque<State> maps;
  std::multimap<int, std::string> faults;  // by line

  void Fault(int line, absl::string_view path, absl::string_view message) {
    if (faults.size() >= kMaxFaults) return;
    faults.emplace(line,
                   absl::StrCat(file, ":", line, ": ", path, path.empty() ? "" : ": ", message));
  }
  State* Add(const YAML::Node& node, std::string path) {
    maps.push_back({.node = node, .path = std::move(path), .known = {}});
    return &maps.back();
  }
};

namespace {

int LineOf(const YAML::Node& node) { return node.Mark().line + 1; }

std::string PathOf(absl::string_view path, absl::string_view key) {
  return absl::StrCat(path, path.empty() || key.empty() ? "" : ".", key);
}

}  // namespace

int YamlMap::line() const { return LineOf(state_->node); }

std::optional<YAML::Node> YamlMap::Find(absl::string_view key) const {
  state_->known.emplace(key);
  for (const auto& entry : state_->node) {
    if (!entry.first.IsScalar() || entry.first.Scalar() != key) continue;
    if (entry.second.IsNull()) return std::nullopt;
    return entry.second;
  }
  return std::nullopt;
}

bool YamlMap::Has(absl::string_view key) const { return Find(key).has_value(); }

void YamlMap::Ignore(std::initializer_list<absl::string_view> keys) const {
  for (const absl::string_view key : keys) state_->known.emplace(key);
}

void YamlMap::IgnoreAll() const {
  for (const auto& entry : state_->node) {
    if (entry.first.IsScalar()) state_->known.insert(entry.first.Scalar());
  }
}

void YamlMap::Fault(absl::string_view key, absl::string_view message) const {
  const std::optional<YAML::Node> node = Find(key);
  document_->Fault(node.has_value() ? LineOf(*node) : line(), PathOf(state_->path, key), message);
}

std::optional<std::string> YamlMap::TextOf(const YAML::Node& node, absl::string_view key,
                                           bool or_int) const {
  const auto fault = [&](absl::string_view message) {
    document_->Fault(LineOf(node), PathOf(state_->path, key), message);
    return std::nullopt;
  };
  if (!node.IsScalar()) return fault(absl::StrCat("it is ", KindOf(node), ", not a string"));
  const std::string& text = node.Scalar();
  int64_t number = 0;
  if (IsTypedScalar(node) && !(or_int && absl::SimpleAtoi(text, &number))) {
    return fault(absl::StrCat("\"", Shown(text), "\" is not a string; put it in quotes"));
  }
  if (text.empty()) return fault("it is empty");
  if (text.size() > kLongestText) {
    return fault(absl::StrCat("it has ", text.size(), " bytes; at most ", kLongestText));
  }
  if (std::any_of(text.begin(), text.end(),
                  [](unsigned char c) { return absl::ascii_iscntrl(c); })) {
    return fault("it has control characters");
  }
  return text;
}

std::optional<std::string> YamlMap::Text(absl::string_view key) const {
  const std::optional<YAML::Node> node = Find(key);
  return node.has_value() ? TextOf(*node, key, /*or_int=*/false) : std::nullopt;
}

std::optional<std::string> YamlMap::TextOrInt(absl::string_view key) const {
  const std::optional<YAML::Node> node = Find(key);
  return node.has_value() ? TextOf(*node, key, /*or_int=*/true) : std::nullopt;
}

std::optional<std::string> YamlMap::Choice(absl::string_view key,
                                           const std::vector<std::string>& choices) const {
  std::optional<std::string> text = Text(key);
  if (!text.has_value() || std::find(choices.begin(), choices.end(), *text) != choices.end()) {
    return text;
  }
  Fault(key, absl::StrCat("\"", Shown(*text), "\" is not one of ", absl::StrJoin(choices, ", "),
                          Suggestion(*text, choices, /*list_known=*/false)));
  return std::nullopt;
}

std::optional<bool> YamlMap::Bool(absl::string_view key) const {
  const std::optional<YAML::Node> node = Find(key);
  if (!node.has_value()) return std::nullopt;
  bool value = false;
  if (node->IsScalar() && node->Tag() != "!" && YAML::convert<bool>::decode(*node, value)) {
    return value;
  }
  Fault(key, "it is neither true nor false");
  return std::nullopt;
}

std::optional<int64_t> YamlMap::Int(absl::string_view key, int64_t least, int64_t most) const {
  const std::optional<YAML::Node> node = Find(key);
  if (!node.has_value()) return std::nullopt;
  int64_t value = 0;
  if (!node->IsScalar() || node->Tag() == "!" || !absl::SimpleAtoi(node->Scalar(), &value)) {
    Fault(key, "it is not an integer");
  } else if (value < least || value > most) {
    Fault(key, absl::StrCat(value, " is not from ", least, " to ", most));
  } else {
    return value;
  }
  return std::nullopt;
}

std::optional<absl::Duration> YamlMap::Duration(absl::string_view key, absl::Duration most) const {
  const std::optional<std::string> text = TextOrInt(key);
  if (!text.has_value()) return std::nullopt;
  const absl::StatusOr<absl::Duration> duration = ParseDurationText(*text);
  if (!duration.ok()) {
    Fault(key, duration.status().message());
  } else if (*duration > most) {
    Fault(key, absl::StrCat(*text, " is more than ", FormatDurationText(most)));
  } else {
    return *duration;
  }
  return std::nullopt;
}

std::vector<YAML::Node> YamlMap::Elements(absl::string_view key) const {
  const std::optional<YAML::Node> node = Find(key);
  if (!node.has_value()) return {};
  if (!node->IsSequence()) {
    Fault(key, absl::StrCat("it is ", KindOf(*node), ", not a list"));
    return {};
  }
  if (node->size() > kMostElements) {
    Fault(key, absl::StrCat("it has ", node->size(), " elements; at most ", kMostElements));
    return {};
  }
  std::vector<YAML::Node> elements;
  for (const auto& element : *node) elements.push_back(element);
  return elements;
}

std::vector<std::string> YamlMap::Strings(absl::string_view key) const {
  std::vector<std::string> strings;
  for (const YAML::Node& element : Elements(key)) {
    std::optional<std::string> text =
        TextOf(element, absl::StrCat(key, "[", strings.size(), "]"), /*or_int=*/false);
    if (!text.has_value()) return {};
    strings.push_back(*std::move(text));
  }
  return strings;
}

std::optional<YamlMap> YamlMap::Map(absl::string_view key) const {
  const std::optional<YAML::Node> node = Find(key);
  if (!node.has_value()) return std::nullopt;
  if (node->IsMap()) return YamlMap(document_, document_->Add(*node, PathOf(state_->path, key)));
  Fault(key, absl::StrCat("it is ", KindOf(*node), ", not a mapping"));
  return std::nullopt;
}

std::vector<YamlMap> YamlMap::Maps(absl::string_view key) const {
  std::vector<YamlMap> maps;
  for (const YAML::Node& element : Elements(key)) {
    const std::string path = PathOf(state_->path, absl::StrCat(key, "[", maps.size(), "]"));
    if (!element.IsMap()) {
      document_->Fault(LineOf(element), path,
                       absl::StrCat("it is ", KindOf(element), ", not a mapping"));
      return {};
    }
    maps.push_back(YamlMap(document_, document_->Add(element, path)));
  }
  return maps;
}

absl::StatusOr<YamlFile> YamlFile::Parse(absl::string_view text, const std::string& file) {
  if (absl::Status safe = CheckYaml(text, file); !safe.ok()) return safe;
  YamlFile parsed;
  parsed.document_ = std::make_shared<YamlMap::Document>();
  parsed.document_->file = file;
  try {
    for (const YAML::Node& node : YAML::LoadAll(std::string(text))) {
      if (node.IsNull()) continue;
      if (!node.IsMap()) {
        return absl::InvalidArgumentError(absl::StrCat(
            file, ":", LineOf(node), ": the document is ", KindOf(node), ", not a mapping"));
      }
      parsed.documents_.push_back(YamlMap(parsed.document_, parsed.document_->Add(node, "")));
    }
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": it cannot be read: ", error.what()));
  }
  return parsed;
}

absl::Status YamlFile::Finish() const {
  for (const YamlMap::State& map : document_->maps) {
    const std::vector<std::string> known(map.known.begin(), map.known.end());
    std::set<std::string> seen;
    for (const auto& entry : map.node) {
      const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
      const int line = LineOf(entry.first);
      if (!seen.insert(key).second) {
        document_->Fault(line, map.path, absl::StrCat("the key \"", Shown(key), "\" is repeated"));
      } else if (!map.known.contains(key)) {
        document_->Fault(line, map.path,
                         absl::StrCat("unknown key \"", Shown(key), "\"", Suggestion(key, known)));
      }
    }
  }
  if (document_->faults.empty()) return absl::OkStatus();
  std::vector<std::string> lines;
  for (const auto& [line, fault] : document_->faults) {
    if (lines.empty() || lines.back() != fault) lines.push_back(fault);
  }
  return absl::InvalidArgumentError(absl::StrJoin(lines, "\n"));
}

}  // namespace gitops
