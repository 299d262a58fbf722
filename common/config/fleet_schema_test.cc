#include "common/config/fleet_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/config/fleet.h"
#include "common/config/fleet_tables.h"

namespace gitops {
namespace {

using ::testing::SizeIs;

const KeyInfo& KeyOf(const TableInfo& table, absl::string_view name) {
  for (const KeyInfo& key : table.keys) {
    if (key.name == name) return key;
  }
  ADD_FAILURE() << table.name << " has no key " << name;
  return table.keys.front();
}

// The table at a path of keys.
const TableInfo& TableAt(absl::string_view path) {
  const TableInfo* table = &RootTable();
  for (absl::string_view key : absl::StrSplit(path, '.', absl::SkipEmpty())) {
    table = KeyOf(*table, key).table;
  }
  return *table;
}

// The keys that the reader knows in a table: a wrong one makes it list them.
std::set<std::string> KeysOfReader(const std::string& text) {
  const auto config = ParseFleetConfig(absl::StrCat(text, "qqqqqqqqqqqqqqqq = 1\n"), "f.toml");
  const std::string message(config.status().message());
  const std::vector<std::string> parts = absl::StrSplit(message, "(known: ");
  EXPECT_THAT(parts, SizeIs(2)) << message;
  if (parts.size() != 2) return {};
  return absl::StrSplit(parts[1].substr(0, parts[1].find(')')), ", ");
}

TEST(FleetTables, HaveTheKeysThatTheReaderKnowsAndNoOthers) {
  const struct {
    const char* path;
    const char* text;
  } cases[] = {
      {"", ""},
      {"global", "[global]\n"},
      {"global.keys", "[[global.keys]]\n"},
      {"services", "[[services]]\n"},
      {"services.dirs", "[[services]]\n[[services.dirs]]\n"},
      {"fleet", "[fleet]\n"},
      {"hosts", "[[hosts]]\nname = \"a\"\n"},
      {"hosts.health_checks", "[[hosts]]\nname = \"a\"\n[hosts.health_checks]\n"},
      {"hosts.health_checks.http", "[[hosts]]\nname = \"a\"\n[[hosts.health_checks.http]]\n"},
      {"hosts.pre_deploy_checks.cmd", "[[hosts]]\nname = \"a\"\n[[hosts.pre_deploy_checks.cmd]]\n"},
      {"hosts.secrets", "[[hosts]]\nname = \"a\"\n[hosts.secrets.k]\n"},
      {"hosts.secrets.owner", "[[hosts]]\nname = \"a\"\n[hosts.secrets.k.owner]\n"},
      {"checks", "[[checks]]\n"},
      {"checks.http", "[[checks]]\n[[checks.http]]\n"},
      {"checks.cmd", "[[checks]]\n[[checks.cmd]]\n"},
      {"secrets", "[[secrets]]\n"},
  };
  for (const auto& c : cases) {
    std::set<std::string> keys;
    for (const KeyInfo& key : TableAt(c.path).keys) keys.emplace(key.name);
    EXPECT_EQ(keys, KeysOfReader(c.text)) << c.path;
  }
}

TEST(FleetTables, SayOfEachKeyWhatItIs) {
  std::vector<const TableInfo*> tables = {&RootTable()};
  std::set<const TableInfo*> seen;
  while (!tables.empty()) {
    const TableInfo* table = tables.back();
    tables.pop_back();
    if (!seen.insert(table).second) continue;
    for (const KeyInfo& key : table->keys) {
      EXPECT_FALSE(key.help.empty()) << table->name << "." << key.name;
      if (key.table != nullptr) tables.push_back(key.table);
    }
  }
  EXPECT_GT(seen.size(), 10);
}

TEST(FleetSchema, IsThatOfTheReference) {
  std::stringstream reference;
  reference << std::ifstream("docs/reference/fleet-config.schema.json").rdbuf();
  EXPECT_EQ(FleetSchema(), reference.str())
      << "write the output of `gitopsctl config schema` to the file";
}

TEST(FleetSchema, RefusesUnknownKeysAndKnowsKindsOfValues) {
  const auto schema = nlohmann::json::parse(FleetSchema());
  EXPECT_EQ(schema["additionalProperties"], false);
  const auto& service = schema["definitions"]["service"];
  EXPECT_EQ(service["additionalProperties"], false);
  EXPECT_EQ(service["properties"]["keep_revisions"]["type"], "integer");
  EXPECT_EQ(service["properties"]["keep_revisions"]["minimum"], 1);
  EXPECT_EQ(service["properties"]["drift"]["enum"],
            (std::vector<std::string>{"report", "correct"}));
  EXPECT_EQ(schema["properties"]["services"]["items"]["$ref"], "#/definitions/service");
}

}  // namespace
}  // namespace gitops
