#include "common/config/toml.h"

#include <algorithm>
#include <set>

// Without exceptions, parse returns a result: nothing to catch.
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/impl/preprocessor.h>
// Its assertions are wrong for some malformed texts ("[@"), which it refuses right after them. They
// would end the process, or with NDEBUG be taken for true by the compiler.
#undef TOML_ASSERT
#define TOML_ASSERT(expr) static_assert(true)
#undef TOML_ASSERT_ASSUME
#define TOML_ASSERT_ASSUME(expr) static_assert(true)
#include <toml++/toml.h>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/config/duration.h"
#include "common/text/nearest.h"

namespace gitops {
namespace {

absl::string_view KindOf(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a float";
    case toml::node_type::boolean:
      return "a boolean";
    default:
      return "a date or time";
  }
}

int LineOf(const toml::node& node) { return static_cast<int>(node.source().begin.line); }

absl::string_view View(const toml::key& key) {
  return absl::string_view(key.str().data(), key.str().size());
}

const std::string* AsString(const toml::node& node) {
  const toml::value<std::string>* value = node.as_string();
  return value == nullptr ? nullptr : &value->get();
}

bool HasControlCharacter(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); });
}

}  // namespace

struct TomlTable::State {
  const toml::table* table = nullptr;
  std::string label;           // "[[services]]", within that one "dirs[2]"
  std::string name;            // "nginx"
  const State* top = nullptr;  // the top-level table that this one is in
  bool is_root = false;
  std::set<std::string> known;

  std::string Label() const {
    if (top != nullptr) return absl::StrCat(top->Label(), ": ", label);
    return name.empty() ? label : absl::StrCat(label, " \"", absl::CHexEscape(name), "\"");
  }

  const toml::node* Find(absl::string_view key) const {
    if (const toml::node* exact = table->get(std::string_view(key.data(), key.size()))) {
      return exact;
    }
    for (const auto& [name, node] : *table) {
      if (absl::EqualsIgnoreCase(View(name), key)) return &node;
    }
    return nullptr;
  }

  int LineOfKey(absl::string_view key) const {
    const toml::node* node = Find(key);
    return LineOf(node == nullptr ? *table : *node);
  }
};

struct TomlTable::Document {
  std::shared_ptr<const std::string> file;
  toml::table root;
  std::map<const toml::table*, State> states;  // of each table that was returned
  std::vector<ConfigFault> faults;

  State* StateOf(const toml::table& table) {
    State& state = states[&table];
    state.table = &table;
    return &state;
  }

  // `suffix` identifies the element of an array.
  State* Child(const State& parent, const toml::table& table, absl::string_view key,
               absl::string_view suffix, bool one_of_many) {
    State* child = StateOf(table);
    if (parent.is_root) {
      child->label = one_of_many ? absl::StrCat("[[", key, "]]") : absl::StrCat("[", key, "]");
    } else if (parent.top == nullptr) {
      child->label = absl::StrCat(key, suffix);
      child->top = &parent;
    } else {
      child->label = absl::StrCat(parent.label, ".", key, suffix);
      child->top = parent.top;
    }
    return child;
  }

  void Report(const State& state, int line, absl::string_view message) {
    const std::string label = state.Label();
    faults.push_back({{file, line}, absl::StrCat(label, label.empty() ? "" : ": ", message)});
  }

  void ReportKind(const State& state, absl::string_view key, absl::string_view expected,
                  const toml::node& found) {
    Report(state, LineOf(found),
           absl::StrCat(key, ": expected ", expected, ", found ", KindOf(found)));
  }

  void ReportUnknownKeys(const State& state) {
    const std::vector<std::string> words(state.known.begin(), state.known.end());
    std::set<std::string> seen;
    for (const auto& [name, node] : *state.table) {
      const absl::string_view key = View(name);
      const int line = static_cast<int>(name.source().begin.line);
      const auto word = std::find_if(words.begin(), words.end(), [&](const std::string& known) {
        return absl::EqualsIgnoreCase(known, key);
      });
      if (word == words.end()) {
        const bool is_table = node.is_table() || node.is_array_of_tables();
        Report(state, line,
               absl::StrCat("unknown ", state.is_root && is_table ? "table" : "key", " \"",
                            absl::CHexEscape(key), "\"", Suggestion(key, words)));
      } else if (!seen.insert(*word).second) {
        Report(state, line, absl::StrCat(*word, ": given twice, in different case; remove one"));
      }
    }
  }
};

int TomlTable::line() const { return LineOf(*state_->table); }

bool TomlTable::Has(absl::string_view key) const {
  state_->known.emplace(key);
  return state_->Find(key) != nullptr;
}

bool TomlTable::IsTable(absl::string_view key) const {
  return Has(key) && state_->Find(key)->is_table();
}

bool TomlTable::IsArray(absl::string_view key) const {
  return Has(key) && state_->Find(key)->is_array();
}

bool TomlTable::IsEmptyArray(absl::string_view key) const {
  return IsArray(key) && state_->Find(key)->as_array()->empty();
}

void TomlTable::Ignore(std::initializer_list<absl::string_view> keys) const {
  for (absl::string_view key : keys) state_->known.emplace(key);
}

std::optional<std::string> TomlTable::String(absl::string_view key) const {
  if (!Has(key)) return std::nullopt;
  const toml::node& node = *state_->Find(key);
  const std::string* text = AsString(node);
  if (text == nullptr) {
    document_->ReportKind(*state_, key, "a string", node);
    return std::nullopt;
  }
  if (HasControlCharacter(*text)) {
    Fault(key, "contains a control character or a line break");
    return std::nullopt;
  }
  return *text;
}

std::optional<std::string> TomlTable::Text(absl::string_view key) const {
  std::optional<std::string> text = String(key);
  if (text.has_value() && text->empty()) {
    Fault(key, "is empty: give a value, or omit the key");
    return std::nullopt;
  }
  return text;
}

std::optional<std::string> TomlTable::TextOrInt(absl::string_view key) const {
  if (!Has(key)) return std::nullopt;
  const toml::node& node = *state_->Find(key);
  if (AsString(node)) return Text(key);
  if (const toml::value<int64_t>* value = node.as_integer()) return absl::StrCat(value->get());
  document_->ReportKind(*state_, key, "a string or an integer", node);
  return std::nullopt;
}

std::optional<std::string> TomlTable::Choice(absl::string_view key,
                                             const std::vector<std::string>& choices) const {
  std::optional<std::string> text = String(key);
  if (!text.has_value() || std::count(choices.begin(), choices.end(), *text) > 0) return text;
  Fault(key, absl::StrCat("\"", *text, "\" is not one of ", absl::StrJoin(choices, ", "),
                          Suggestion(*text, choices, false)));
  return std::nullopt;
}

std::optional<bool> TomlTable::Bool(absl::string_view key) const {
  if (!Has(key)) return std::nullopt;
  const toml::node& node = *state_->Find(key);
  if (const toml::value<bool>* value = node.as_boolean()) return value->get();
  document_->ReportKind(*state_, key, "true or false", node);
  return std::nullopt;
}

std::optional<int64_t> TomlTable::Int(absl::string_view key, int64_t least, int64_t most) const {
  if (!Has(key)) return std::nullopt;
  const toml::node& node = *state_->Find(key);
  const toml::value<int64_t>* value = node.as_integer();
  if (value == nullptr) {
    document_->ReportKind(*state_, key, "an integer", node);
    return std::nullopt;
  }
  if (value->get() < least || value->get() > most) {
    Fault(key, absl::StrCat(value->get(), " is not from ", least, " to ", most));
    return std::nullopt;
  }
  return value->get();
}

std::optional<absl::Duration> TomlTable::Duration(absl::string_view key, absl::Duration least,
                                                  absl::Duration most) const {
  if (!Has(key)) return std::nullopt;
  const toml::node& node = *state_->Find(key);
  absl::Duration duration;
  if (const std::string* text = AsString(node)) {
    auto parsed = ParseDurationText(*text);
    if (!parsed.ok()) {
      Fault(key, parsed.status().message());
      return std::nullopt;
    }
    duration = *parsed;
  } else if (node.is_number()) {
    // A float's infinity becomes a duration's; NaN becomes one too, and both are out of range.
    duration = node.is_integer() ? absl::Seconds(node.as_integer()->get())
                                 : absl::Seconds(node.as_floating_point()->get());
  } else {
    document_->ReportKind(*state_, key, "a duration (\"90s\") or a number of seconds", node);
    return std::nullopt;
  }
  if (duration < least || duration > most) {
    Fault(key, absl::StrCat(FormatDurationText(duration), " is not from ",
                            FormatDurationText(least), " to ", FormatDurationText(most)));
    return std::nullopt;
  }
  return duration;
}

std::optional<absl::Time> TomlTable::Time(absl::string_view key) const {
  if (!Has(key)) return std::nullopt;
  const toml::node& node = *state_->Find(key);
  if (const toml::value<toml::date_time>* value = node.as_date_time()) {
    const toml::date_time& time = value->get();
    if (time.offset.has_value()) {
      const absl::CivilSecond civil(time.date.year, time.date.month, time.date.day, time.time.hour,
                                    time.time.minute, time.time.second);
      return absl::FromCivil(civil, absl::FixedTimeZone(time.offset->minutes * 60));
    }
  } else if (const std::string* text = AsString(node)) {
    absl::Time time;
    if (absl::ParseTime(absl::RFC3339_full, *text, &time, nullptr)) return time;
  }
  Fault(key, "expected a time with an offset from UTC, such as 2027-01-31T12:00:00Z");
  return std::nullopt;
}

std::optional<int64_t> TomlTable::Bytes(absl::string_view key) const {
  if (!Has(key)) return std::nullopt;
  const toml::node& node = *state_->Find(key);
  if (!AsString(node) && !node.is_integer()) {
    document_->ReportKind(*state_, key, "a number of bytes, or text (\"512MiB\")", node);
    return std::nullopt;
  }
  const std::string* text = AsString(node);
  auto bytes = text ? ParseBytesText(*text) : absl::StatusOr<int64_t>(node.as_integer()->get());
  if (!bytes.ok() || *bytes < 1) {
    Fault(key, bytes.ok() ? absl::StrCat(*bytes, " is less than one byte")
                          : std::string(bytes.status().message()));
    return std::nullopt;
  }
  return *bytes;
}

std::optional<std::vector<std::string>> TomlTable::Strings(absl::string_view key) const {
  if (!Has(key)) return std::nullopt;
  const toml::node& node = *state_->Find(key);
  const toml::array* array = node.as_array();
  if (array == nullptr) {
    document_->ReportKind(*state_, key, "an array of strings", node);
    return std::nullopt;
  }
  std::vector<std::string> texts;
  for (const toml::node& element : *array) {
    const std::string* text = AsString(element);
    if (text == nullptr) {
      document_->ReportKind(*state_, absl::StrCat(key, "[", texts.size() + 1, "]"), "a string",
                            element);
      return std::nullopt;
    }
    if (text->find('\0') != std::string::npos) {
      Fault(key, absl::StrCat("element ", texts.size() + 1, " contains a NUL character"));
      return std::nullopt;
    }
    texts.push_back(*text);
  }
  return texts;
}

std::map<std::string, std::string> TomlTable::StringMap(absl::string_view key) const {
  std::map<std::string, std::string> map;
  const std::optional<TomlTable> table = Table(key);
  if (!table.has_value()) return map;
  for (const auto& [name, node] : *table->state_->table) {
    const std::string word(View(name));
    if (auto text = table->String(word)) map.emplace(word, *std::move(text));
  }
  return map;
}

std::optional<std::string> TomlTable::Scalar(absl::string_view key) const {
  if (!Has(key)) return std::nullopt;
  const toml::node& node = *state_->Find(key);
  if (AsString(node)) return String(key);
  if (const auto* value = node.as_boolean()) return value->get() ? "true" : "false";
  if (const auto* value = node.as_integer()) return absl::StrCat(value->get());
  if (const auto* value = node.as_floating_point()) return absl::StrCat(value->get());
  if (node.is_array()) {
    const auto texts = Strings(key);
    if (!texts.has_value()) return std::nullopt;
    return absl::StrJoin(*texts, ",");
  }
  document_->ReportKind(*state_, key, "a string, number, boolean or array of strings", node);
  return std::nullopt;
}

std::optional<TomlTable> TomlTable::Table(absl::string_view key) const {
  if (!Has(key)) return std::nullopt;
  const toml::node& node = *state_->Find(key);
  if (node.is_table()) {
    return TomlTable(document_, document_->Child(*state_, *node.as_table(), key, "", false));
  }
  document_->ReportKind(*state_, key,
                        state_->is_root ? absl::StrCat("a table ([", key, "])") : "a table", node);
  return std::nullopt;
}

std::vector<TomlTable> TomlTable::Tables(absl::string_view key) const {
  std::vector<TomlTable> tables;
  if (!Has(key)) return tables;
  const toml::node& node = *state_->Find(key);
  if (!node.is_array()) {
    document_->ReportKind(
        *state_, key,
        state_->is_root ? absl::StrCat("an array of tables ([[", key, "]])") : "an array of tables",
        node);
    return tables;
  }
  size_t index = 0;
  for (const toml::node& element : *node.as_array()) {
    const std::string suffix = absl::StrCat("[", ++index, "]");
    if (!element.is_table()) {
      document_->ReportKind(*state_, absl::StrCat(key, suffix), "a table", element);
      continue;
    }
    tables.push_back(
        TomlTable(document_, document_->Child(*state_, *element.as_table(), key, suffix, true)));
  }
  return tables;
}

std::vector<std::pair<std::string, TomlTable>> TomlTable::NamedTables(absl::string_view key) const {
  std::vector<std::pair<std::string, TomlTable>> tables;
  const std::optional<TomlTable> all = Table(key);
  if (!all.has_value()) return tables;
  for (const auto& [name, node] : *all->state_->table) {
    const std::string word(View(name));
    if (auto table = all->Table(word)) tables.emplace_back(word, *std::move(table));
  }
  return tables;
}

void TomlTable::SetName(absl::string_view name) const { state_->name = std::string(name); }

void TomlTable::Fault(absl::string_view key, absl::string_view message) const {
  document_->Report(*state_, state_->LineOfKey(key), absl::StrCat(key, ": ", message));
}

void TomlTable::FaultAt(const ConfigPlace& place, absl::string_view message) const {
  document_->faults.push_back({place, absl::StrCat(state_->Label(), ": ", message)});
}

ConfigPlace TomlTable::PlaceOf(absl::string_view key) const {
  return {document_->file, state_->LineOfKey(key)};
}

ConfigPlace TomlTable::place() const { return {document_->file, line()}; }

std::string TomlTable::Where(absl::string_view key) const { return PlaceOf(key).ToString(); }

std::vector<ConfigFault> TomlTable::Faults() const {
  // Unknown keys are determined at each call: more keys may be known then.
  const size_t reported = document_->faults.size();
  for (const auto& [table, state] : document_->states) document_->ReportUnknownKeys(state);
  std::vector<ConfigFault> faults = document_->faults;
  document_->faults.resize(reported);
  return faults;
}

absl::Status TomlTable::Finish() const { return ToStatus(Faults()); }

absl::StatusOr<TomlTable> ParseToml(absl::string_view text, const std::string& file) {
  toml::parse_result result = toml::parse(std::string_view(text.data(), text.size()), file);
  if (!result) {
    const toml::parse_error& error = result.error();
    const std::string_view what = error.description();
    return absl::InvalidArgumentError(
        absl::StrCat(file, ":", error.source().begin.line, ":", error.source().begin.column, ": ",
                     absl::CHexEscape(absl::string_view(what.data(), what.size()))));
  }
  auto document = std::make_shared<TomlTable::Document>();
  document->file = std::make_shared<const std::string>(file);
  document->root = std::move(result).table();
  TomlTable::State* root = document->StateOf(document->root);
  root->is_root = true;
  return TomlTable(std::move(document), root);
}

}  // namespace gitops
