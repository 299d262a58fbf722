#include "agent/nix/hydra_json.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/nix/store_path.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

using nlohmann::json;

// Of a text that a server sent, in a message.
constexpr size_t kShown = 200;

std::string Shown(absl::string_view text) { return EscapeText(text.substr(0, kShown)); }

std::string FirstLine(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  return Shown(text.substr(0, text.find('\n')));
}

absl::Status Unreadable(absl::string_view what, absl::string_view text) {
  return absl::DataLossError(
      absl::StrCat("the answer is not ", what, " as Hydra sends it: \"", FirstLine(text), "\""));
}

const json* Find(const json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

std::string Text(const json& object, const char* key) {
  const json* const value = Find(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

// 0 and 1 are what Hydra sends for booleans.
std::optional<int64_t> Number(const json* value) {
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>() ? 1 : 0;
  if (value->is_number_integer()) return value->get<int64_t>();
  return std::nullopt;
}

std::optional<HydraBuild> ToBuild(const json& object) {
  const std::optional<int64_t> id = Number(Find(object, "id"));
  const json* const outputs = Find(object, "buildoutputs");
  if (!id.has_value() && outputs == nullptr) return std::nullopt;
  HydraBuild build;
  build.id = id.value_or(0);
  if (const auto finished = Number(Find(object, "finished"))) build.finished = *finished != 0;
  build.status = Number(Find(object, "buildstatus"));
  build.job = Text(object, "job");
  if (outputs != nullptr && outputs->is_object()) {
    for (const auto& [name, output] : outputs->items()) build.outputs[name] = Text(output, "path");
  }
  if (const json* const evaluations = Find(object, "jobsetevals");
      evaluations != nullptr && evaluations->is_array()) {
    for (const json& value : *evaluations) {
      if (const auto number = Number(&value)) build.evaluations.push_back(*number);
    }
  }
  return build;
}

bool IsOfBuild(const json& key) {
  static constexpr absl::string_view kKeys[] = {"id",  "finished",     "buildstatus",
                                                "job", "buildoutputs", "jobsetevals"};
  return std::find(std::begin(kKeys), std::end(kKeys), key.get_ref<const std::string&>()) !=
         std::end(kKeys);
}

json Parse(absl::string_view text, const json::parser_callback_t& keep = nullptr) {
  return json::parse(text.begin(), text.end(), keep, /*allow_exceptions=*/false);
}

// At the top of the value: the list of a page holds the number of each build of each evaluation.
json ParseWithoutBuilds(absl::string_view text) {
  return Parse(text, [](int, json::parse_event_t event, json& parsed) {
    return event != json::parse_event_t::key || parsed != "builds";
  });
}

}  // namespace

bool Succeeded(const HydraBuild& build) { return build.finished == true && build.status == 0; }

bool IsKnownNotToHaveSucceeded(const HydraBuild& build) {
  return build.finished == false || build.status.value_or(0) != 0;
}

absl::StatusOr<std::string> OutputOf(const HydraBuild& build, absl::string_view store) {
  const auto out = build.outputs.find("out");
  if (out == build.outputs.end()) {
    const std::string names =
        absl::StrJoin(build.outputs, ", ", [](std::string* text, const auto& output) {
          absl::StrAppend(text, "\"", output.first, "\"");
        });
    return absl::FailedPreconditionError(absl::StrCat(
        "build ", build.id, " has no output \"out\", but ", names.empty() ? "none" : Shown(names),
        "; name a job whose output \"out\" is the profile"));
  }
  if (absl::Status status = CheckStorePath(out->second, store); !status.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the output \"out\" of build ", build.id, ": ", status.message()));
  }
  return out->second;
}

absl::StatusOr<HydraBuild> ReadBuild(absl::string_view text) {
  const json parsed = Parse(text);
  if (parsed.is_discarded()) return Unreadable("JSON of a build", text);
  std::optional<HydraBuild> build = ToBuild(parsed);
  if (!build.has_value()) return Unreadable("a build", text);
  return *std::move(build);
}

absl::StatusOr<std::vector<HydraBuild>> ReadBuilds(absl::string_view text) {
  std::vector<HydraBuild> builds;
  bool all = true;
  const auto take = [&](int depth, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::key && depth == 2) return IsOfBuild(parsed);
    if (event != json::parse_event_t::object_end || depth != 1) return true;
    std::optional<HydraBuild> build = ToBuild(parsed);
    all = all && build.has_value();
    if (build.has_value()) builds.push_back(*std::move(build));
    return false;
  };
  const json rest = Parse(text, take);
  if (!rest.is_array() || !rest.empty() || !all) return Unreadable("a list of builds", text);
  return builds;
}

absl::StatusOr<HydraEvaluations> ReadEvaluations(absl::string_view text) {
  const json parsed = ParseWithoutBuilds(text);
  const json* const list = Find(parsed, "evals");
  if (list == nullptr || !list->is_array()) return Unreadable("a list of evaluations", text);
  HydraEvaluations page;
  for (const json& evaluation : *list) {
    const std::optional<int64_t> id = Number(Find(evaluation, "id"));
    if (!id.has_value()) return Unreadable("a list of evaluations", text);
    page.ids.push_back(*id);
  }
  std::sort(page.ids.rbegin(), page.ids.rend());
  page.next = Text(parsed, "next");
  return page;
}

absl::StatusOr<std::string> ReadErrors(absl::string_view text) {
  const json parsed = Parse(text);
  if (!parsed.is_object()) return Unreadable("the errors of a jobset", text);
  return FirstLine(Text(parsed, "errormsg"));
}

std::string ReadErrorAnswer(absl::string_view text) {
  return FirstLine(Text(Parse(text), "error"));
}

}  // namespace gitops
