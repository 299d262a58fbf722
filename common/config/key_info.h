#ifndef GITOPS_COMMON_CONFIG_KEY_INFO_H_
#define GITOPS_COMMON_CONFIG_KEY_INFO_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace gitops {

// The kinds of values of a fleet config.
enum class ValueKind {
  kText,
  kTextOrInteger,
  kTexts,
  kTextOrTexts,
  kAny,
  kTextMap,
  kBool,
  kInteger,
  kDuration,
  kSize,
  kTable,
  kTables,
  kOneOrMoreTables,
  kNamedTables,
};

struct KeyInfo;

// A table of a fleet config.
struct TableInfo {
  absl::string_view name;     // in the schema
  std::vector<KeyInfo> keys;  // all that the table may have
};

// A key of a table: what the reader takes, and what the JSON schema says of it.
struct KeyInfo {
  absl::string_view name;
  ValueKind kind = ValueKind::kText;
  absl::string_view help;                             // one line, for editors
  std::vector<std::string> choices;                   // of a text; empty: any
  std::optional<int64_t> least, most = std::nullopt;  // of an integer
  const TableInfo* table = nullptr;                   // of tables
};

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_KEY_INFO_H_
