#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/json/json.h"
#include "ctl/commands/audit_commands.h"
#include "ctl/output/columns.h"
#include "ctl/output/document.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

using Entry = v1::AuditEntry;

std::string TimeText(const Entry& entry) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", FromTimestamp(entry.time()), absl::UTCTimeZone());
}

std::string TargetText(const Entry& entry) {
  std::string text;
  for (const v1::AuditTarget& target : entry.targets()) {
    absl::StrAppend(&text, text.empty() ? "" : " ", target.name(), "=", target.value());
  }
  return text;
}

std::string ResultText(const ShownEntry& shown) {
  const Entry& entry = shown.entry;
  switch (entry.kind()) {
    case Entry::KIND_ALLOWED:
      return shown.code.empty() ? "NOT ENDED" : shown.code;
    case Entry::KIND_REFUSED:
      return absl::StrCat("REFUSED: ", entry.code());
    case Entry::KIND_REFUSED_AGAIN:
      return absl::StrCat("REFUSED: ", entry.more(), " more");
    case Entry::KIND_NOTED:
      return "NOTED";
    default:
      return entry.code();
  }
}

// With the message of an entry that tells an end, which is that of the ALLOWED one if it is shown.
std::string MessageText(const ShownEntry& shown) {
  return shown.message.empty() ? shown.entry.message() : shown.message;
}

const Columns<ShownEntry>& EntryColumns() {
  using E = ShownEntry;
  using S = TableStyle;
  static const auto& columns = *new Columns<E>{
      {{"TIME"}, [](const E& e, const S&) -> Cell { return TimeText(e.entry); }},
      {{"HOST"}, [](const E& e, const S&) -> Cell { return EscapeLine(e.host); }},
      {{"NUMBER", Shown::kWide},
       [](const E& e, const S&) -> Cell {
         return {absl::StrCat(e.entry.number()), static_cast<double>(e.entry.number())};
       }},
      {{"ACTOR"}, [](const E& e, const S&) -> Cell { return EscapeLine(e.entry.actor()); }},
      {{"ROLE", Shown::kWide},
       [](const E& e, const S&) -> Cell { return EscapeLine(e.entry.role()); }},
      {{"CALL"}, [](const E& e, const S&) -> Cell { return EscapeLine(e.entry.method()); }},
      {{"RESULT"}, [](const E& e, const S&) -> Cell { return EscapeLine(ResultText(e)); }},
      {{"TARGET"}, [](const E& e, const S&) -> Cell { return EscapeLine(TargetText(e.entry)); }},
      {{"MESSAGE"}, [](const E& e, const S&) -> Cell { return EscapeLine(MessageText(e)); }},
  };
  return columns;
}

absl::StatusOr<Json> TreeOf(const ShownEntry& shown) {
  absl::StatusOr<Json> tree = ToJson(shown.entry);
  if (tree.ok()) (*tree)["host"] = shown.host;
  return tree;
}

}  // namespace

absl::StatusOr<std::string> AuditText(const std::vector<ShownEntry>& entries,
                                      const RenderOptions& options) {
  if (options.form == OutputForm::kTable || options.form == OutputForm::kWide) {
    return ListText(EntryColumns(), entries, StyleOf(options));
  }
  std::string numbers;
  Json list = Json::array();
  for (const ShownEntry& shown : entries) {
    absl::StrAppend(&numbers, shown.host, shown.host.empty() ? "" : "/", shown.entry.number(),
                    "\n");
    absl::StatusOr<Json> tree = TreeOf(shown);
    if (!tree.ok()) return tree.status();
    list.push_back(*std::move(tree));
  }
  if (options.form == OutputForm::kName) return numbers;
  const Json tree = {{"entries", list}};
  return options.form == OutputForm::kYaml ? YamlText(tree) : JsonText(tree);
}

}  // namespace gitops::ctl
