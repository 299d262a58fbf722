#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "ctl/output/document.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

// Whether every YAML reader takes `text`, unquoted, for this string: yaml-cpp would also leave
// "yes" and "0123" bare, which are a boolean and a number elsewhere.
bool IsPlainString(const std::string& text) {
  static const auto& reserved =
      *new std::set<std::string>{"true", "false", "yes", "no", "on", "off", "null", "y", "n"};
  if (text.empty() || !(absl::ascii_isalpha(text[0]) || text[0] == '/')) return false;
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || absl::StrContains("/._-", absl::string_view(&c, 1));
  });
  return plain && !reserved.contains(absl::AsciiStrToLower(text));
}

void Emit(const Json& value, YAML::Emitter& out) {
  if (value.is_object()) {
    out << YAML::BeginMap;
    for (const auto& [key, member] : value.items()) {
      out << YAML::Key << key << YAML::Value;
      Emit(member, out);
    }
    out << YAML::EndMap;
  } else if (value.is_array()) {
    if (value.empty()) out << YAML::Flow;
    out << YAML::BeginSeq;
    for (const Json& element : value) Emit(element, out);
    out << YAML::EndSeq;
  } else if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (!IsPlainString(text)) out << YAML::DoubleQuoted;
    out << text;
  } else if (value.is_null()) {
    out << YAML::Null;
  } else {
    out << value.dump();  // A number or boolean is spelled as in JSON.
  }
}

}  // namespace

std::string YamlText(const Json& value) {
  YAML::Emitter out;
  out.SetNullFormat(YAML::LowerNull);
  Emit(value, out);
  return EscapeDocument(out.c_str()) + "\n";
}

}  // namespace gitops::ctl
