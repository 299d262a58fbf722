#ifndef GITOPS_COMMON_CONFIG_TOML_H_
#define GITOPS_COMMON_CONFIG_TOML_H_

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/config/config_place.h"

namespace gitops {

// A table of a TOML file, read key by key. The keys that were read are the known keys: Finish()
// reports all others, in every table that was returned. Errors are collected, not returned, so that
// a user sees all of them at once. A getter returns nullopt for a key that is absent or has an
// error, which is reported with its line. Keys are case-insensitive, as in gitopper. A copy is
// another view of the same table. Not thread-safe.
class TomlTable {
 public:
  int line() const;
  bool Has(absl::string_view key) const;
  bool IsTable(absl::string_view key) const;
  bool IsArray(absl::string_view key) const;
  bool IsEmptyArray(absl::string_view key) const;
  // Marks keys as known that other code reads.
  void Ignore(std::initializer_list<absl::string_view> keys) const;

  // Without control characters.
  std::optional<std::string> String(absl::string_view key) const;
  // A string that is not empty.
  std::optional<std::string> Text(absl::string_view key) const;
  // A string that is not empty, or the digits of an integer.
  std::optional<std::string> TextOrInt(absl::string_view key) const;
  // One of `choices`; the message names the nearest.
  std::optional<std::string> Choice(absl::string_view key,
                                    const std::vector<std::string>& choices) const;
  std::optional<bool> Bool(absl::string_view key) const;
  std::optional<int64_t> Int(absl::string_view key, int64_t least, int64_t most) const;
  // Text as ParseDurationText reads, or a number of seconds.
  std::optional<absl::Duration> Duration(absl::string_view key, absl::Duration least,
                                         absl::Duration most) const;
  // A date-time with an offset, or text as "2027-01-31T12:00:00Z".
  std::optional<absl::Time> Time(absl::string_view key) const;
  // A number, or text as "512MiB"; at least 1.
  std::optional<int64_t> Bytes(absl::string_view key) const;
  // Elements contain no NUL, but may contain line breaks: they are arguments of commands.
  std::optional<std::vector<std::string>> Strings(absl::string_view key) const;
  std::map<std::string, std::string> StringMap(absl::string_view key) const;
  // The text of a string, a boolean, a number, or of a list of strings (joined with commas).
  std::optional<std::string> Scalar(absl::string_view key) const;

  std::optional<TomlTable> Table(absl::string_view key) const;
  // `[[key]]`.
  std::vector<TomlTable> Tables(absl::string_view key) const;
  // `[key.NAME]`, with the names, in the order of names.
  std::vector<std::pair<std::string, TomlTable>> NamedTables(absl::string_view key) const;

  // Sets the name of this table in messages, after its header: [[services]] "nginx".
  void SetName(absl::string_view name) const;
  // Reports an error of `key` at its line, or at the table's line if the key is absent.
  void Fault(absl::string_view key, absl::string_view message) const;
  // Reports an error at a place, which may be in another file.
  void FaultAt(const ConfigPlace& place, absl::string_view message) const;
  ConfigPlace place() const;
  // The place of `key`, or of the table if the key is absent.
  ConfigPlace PlaceOf(absl::string_view key) const;
  // The same as `FILE:LINE`.
  std::string Where(absl::string_view key) const;

  // The result for the whole file. INVALID_ARGUMENT: all errors, one per line, in the order of the
  // file.
  absl::Status Finish() const;
  // The same, as a list.
  std::vector<ConfigFault> Faults() const;

 private:
  friend absl::StatusOr<TomlTable> ParseToml(absl::string_view text, const std::string& file);
  struct Document;
  struct State;
  TomlTable(std::shared_ptr<Document> document, State* state)
      : document_(std::move(document)), state_(state) {}

  std::shared_ptr<Document> document_;
  State* state_;  // of document_
};

// INVALID_ARGUMENT: `FILE:LINE:COLUMN: what`.
absl::StatusOr<TomlTable> ParseToml(absl::string_view text, const std::string& file);

// The content of a config file. Errors: NOT_FOUND, PERMISSION_DENIED and others from the system;
// INVALID_ARGUMENT: a directory, or too large for a config.
absl::StatusOr<std::string> ReadConfigText(const std::string& file);

// The absolute directory of a config file, to which its relative paths are relative.
std::string ConfigDirectory(const std::string& file);

// Marks the tables of all programs of the suite as known, so that a misspelt one is an error in
// every program.
void KnowTopLevelTables(const TomlTable& root);

// "512MiB", "10MB", "4096": KB to TB are powers of 1000, KiB to TiB of 1024.
absl::StatusOr<int64_t> ParseBytesText(absl::string_view text);

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_TOML_H_
