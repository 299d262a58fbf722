#include "common/config/fleet_schema.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/config/fleet_tables.h"

namespace gitops {
namespace {

using Json = nlohmann::ordered_json;

Json TypeIs(const char* type) { return {{"type", type}}; }
Json ListOf(Json items) { return {{"type", "array"}, {"items", std::move(items)}}; }
Json AnyOf(Json first, Json second) { return {{"anyOf", Json::array({first, second})}}; }
Json TextOr(const char* type) { return {{"type", Json::array({"string", type})}}; }

// Collects the definitions of the tables.
class Schema {
 public:
  std::string Text() {
    Json root = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                 {"title", "Fleet config of gitops"}};
    root.update(Object(RootTable()));
    root["definitions"] = definitions_;
    return absl::StrCat(root.dump(2), "\n");
  }

 private:
  Json Object(const TableInfo& table) {
    Json properties = Json::object();
    for (const KeyInfo& key : table.keys) {
      Json value = Value(key);
      value["description"] = std::string(key.help);
      properties[std::string(key.name)] = std::move(value);
    }
    return {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
  }

  Json Reference(const TableInfo& table) {
    const std::string name(table.name);
    if (!definitions_.contains(name)) {
      definitions_[name] = nullptr;  // keeps the place in the order
      Json object = Object(table);
      definitions_[name] = std::move(object);
    }
    return {{"$ref", absl::StrCat("#/definitions/", name)}};
  }

  Json Value(const KeyInfo& key) {
    switch (key.kind) {
      case ValueKind::kText: {
        Json text = TypeIs("string");
        if (!key.choices.empty()) text["enum"] = key.choices;
        return text;
      }
      case ValueKind::kTextOrInteger:
      case ValueKind::kSize:
        return TextOr("integer");
      case ValueKind::kTexts:
        return ListOf(TypeIs("string"));
      case ValueKind::kTextOrTexts:
        return AnyOf(TypeIs("string"), ListOf(TypeIs("string")));
      case ValueKind::kAny:
        return Json::object();
      case ValueKind::kTextMap:
        return {{"type", "object"}, {"additionalProperties", TypeIs("string")}};
      case ValueKind::kBool:
        return TypeIs("boolean");
      case ValueKind::kInteger: {
        Json number = TypeIs("integer");
        if (key.least.has_value()) number["minimum"] = *key.least;
        if (key.most.has_value()) number["maximum"] = *key.most;
        return number;
      }
      case ValueKind::kDuration:
        return TextOr("number");
      case ValueKind::kTable:
        return {{"allOf", Json::array({Reference(*key.table)})}};
      case ValueKind::kTables:
        return ListOf(Reference(*key.table));
      case ValueKind::kOneOrMoreTables:
        return AnyOf(Reference(*key.table), ListOf(Reference(*key.table)));
      case ValueKind::kNamedTables:
        return {{"type", "object"}, {"additionalProperties", Reference(*key.table)}};
    }
    return Json::object();
  }

  Json definitions_ = Json::object();
};

}  // namespace

std::string FleetSchema() { return Schema().Text(); }

}  // namespace gitops
