#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_YAML_MAP_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_YAML_MAP_H_

#include <yaml-cpp/yaml.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace gitops {

// A mapping of a YAML file, read key by key, as TomlTable reads a table. The keys that were read
// are the known keys: Finish() reports all others, in every mapping that was returned. Errors are
// collected, not returned, so that a user sees all of them at once. A getter returns nothing for a
// key that is absent, null, or has an error, which is reported with its line. A copy is another
// view of the same mapping. Not thread-safe.
class YamlMap {
 public:
  int line() const;
  // Present and not null.
  bool Has(absl::string_view key) const;
  // Marks keys as known whose values do not matter.
  void Ignore(std::initializer_list<absl::string_view> keys) const;
  // Marks all of its keys as known.
  void IgnoreAll() const;

  // A string that is not empty and has no control characters. A plain number, boolean or null is
  // none: it needs quotes.
  std::optional<std::string> Text(absl::string_view key) const;
  // The same, or the digits of an integer.
  std::optional<std::string> TextOrInt(absl::string_view key) const;
  // One of `choices`; the message names the nearest.
  std::optional<std::string> Choice(absl::string_view key,
                                    const std::vector<std::string>& choices) const;
  std::optional<bool> Bool(absl::string_view key) const;
  std::optional<int64_t> Int(absl::string_view key, int64_t least, int64_t most) const;
  // Text as ParseDurationText reads, or a number of seconds.
  std::optional<absl::Duration> Duration(absl::string_view key, absl::Duration most) const;
  // A list of strings, at most kMostElements.
  std::vector<std::string> Strings(absl::string_view key) const;
  std::optional<YamlMap> Map(absl::string_view key) const;
  // A list of mappings, at most kMostElements.
  std::vector<YamlMap> Maps(absl::string_view key) const;

  // Reports an error of `key` at its line, or at the mapping's line if the key is absent.
  void Fault(absl::string_view key, absl::string_view message) const;

  static constexpr size_t kMostElements = 1000;

 private:
  friend class YamlFile;
  struct State;
  struct Document;
  YamlMap(std::shared_ptr<Document> document, State* state)
      : document_(std::move(document)), state_(state) {}

  // The value of a key, which is then known; none: it is absent or null.
  std::optional<YAML::Node> Find(absl::string_view key) const;
  std::optional<std::string> TextOf(const YAML::Node& node, absl::string_view key,
                                    bool or_int) const;
  // The elements of a list; nothing if it is none, or too long.
  std::vector<YAML::Node> Elements(absl::string_view key) const;

  std::shared_ptr<Document> document_;
  State* state_;  // of document_
};

// The documents of a YAML file, each a mapping; empty ones are left out.
class YamlFile {
 public:
  // INVALID_ARGUMENT: `FILE:LINE:COLUMN: what`: not YAML, not UTF-8, over 1 MiB, nested deeper than
  // 32, more than 1,000 aliases or an alias of what it stands in; a document that is no mapping.
  static absl::StatusOr<YamlFile> Parse(absl::string_view text, const std::string& file);

  const std::vector<YamlMap>& documents() const { return documents_; }

  // The result for the whole file. INVALID_ARGUMENT: all errors, one per line, in the order of the
  // file; also unknown keys (with the nearest known one) and repeated ones.
  absl::Status Finish() const;

 private:
  std::shared_ptr<YamlMap::Document> document_;
  std::vector<YamlMap> documents_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_YAML_MAP_H_
