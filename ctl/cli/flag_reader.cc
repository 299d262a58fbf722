#include "ctl/cli/flag_reader.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/clock/timestamp.h"
#include "common/config/duration.h"
#include "common/text/nearest.h"

namespace gitops::ctl {
namespace {

absl::Status BadValue(const RawCommandLine::Value& value, absl::string_view text,
                      absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(value.origin, ": '", text, "' is not ", expected));
}

absl::Status BadValue(const RawCommandLine::Value& value, absl::string_view expected) {
  return BadValue(value, value.text, expected);
}

// Digits only: no sign, no spaces.
std::optional<int> ParseCount(absl::string_view text) {
  int count = 0;
  if (text.empty() || !std::all_of(text.begin(), text.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(text, &count)) {
    return std::nullopt;
  }
  return count;
}

const std::vector<std::string>& ChoicesOf(const std::string& name) {
  return std::find_if(FlagSpecs().begin(), FlagSpecs().end(),
                      [&](const FlagSpec& flag) { return flag.name == name; })
      ->choices;
}

absl::Status PlaceOf(const std::string& name, const RawCommandLine::Value& value,
                     const std::string& text, std::optional<int>& place) {
  const std::vector<std::string>& choices = ChoicesOf(name);
  const auto found = std::find(choices.begin(), choices.end(), text);
  if (found != choices.end()) {
    place = static_cast<int>(found - choices.begin());
    return absl::OkStatus();
  }
  const std::string nearest = Nearest(text, choices);
  return BadValue(
      value, text,
      absl::StrCat("one of ", absl::StrJoin(choices, ", "),
                   nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?")));
}

}  // namespace

const RawCommandLine::Value* FlagReader::Find(const std::string& name) const {
  const auto found = line_.flags.find(name);
  return found == line_.flags.end() ? nullptr : &found->second;
}

std::string FlagReader::Text(const std::string& name) const {
  const RawCommandLine::Value* value = Find(name);
  return value == nullptr ? "" : value->text;
}

absl::Status FlagReader::Bool(const std::string& name, bool& target) const {
  const RawCommandLine::Value* value = Find(name);
  if (value == nullptr) return absl::OkStatus();
  const std::string text = absl::AsciiStrToLower(value->text);
  target = text == "true" || text == "1" || text == "yes" || text == "on";
  if (target || text == "false" || text == "0" || text == "no" || text == "off") {
    return absl::OkStatus();
  }
  return BadValue(*value, "true or false");
}

absl::Status FlagReader::Duration(const std::string& name,
                                  std::optional<absl::Duration>& target) const {
  const RawCommandLine::Value* value = Find(name);
  if (value == nullptr) return absl::OkStatus();
  const absl::StatusOr<absl::Duration> duration = ParseDurationText(value->text);
  if (!duration.ok() || *duration <= absl::ZeroDuration()) {
    return BadValue(*value, "a duration over zero (for example 500ms, 30s, 1m30s)");
  }
  target = *duration;
  return absl::OkStatus();
}

absl::Status FlagReader::Duration(const std::string& name,
                                  const std::function<google::protobuf::Duration*()>& set) const {
  std::optional<absl::Duration> duration;
  if (absl::Status status = Duration(name, duration); !status.ok()) return status;
  if (!duration.has_value()) return absl::OkStatus();
  *set() = ToDuration(*duration);
  return absl::OkStatus();
}

absl::Status FlagReader::Count(const std::string& name, int least,
                               const std::function<void(int)>& set) const {
  const RawCommandLine::Value* value = Find(name);
  if (value == nullptr) return absl::OkStatus();
  const std::optional<int> count = ParseCount(value->text);
  if (!count.has_value() || *count < least) {
    return BadValue(*value, absl::StrCat("a number of ", least, " or more"));
  }
  set(*count);
  return absl::OkStatus();
}

absl::Status FlagReader::Amount(const std::string& name, int least,
                                const std::function<void(const std::string&)>& set) const {
  const RawCommandLine::Value* value = Find(name);
  if (value == nullptr) return absl::OkStatus();
  absl::string_view digits = value->text;
  const bool percent = absl::ConsumeSuffix(&digits, "%");
  const std::optional<int> count = ParseCount(digits);
  if (!count.has_value() || *count < least || (percent && *count > 100)) {
    return BadValue(*value,
                    absl::StrCat("a number of ", least, " or more, or a percentage up to 100%"));
  }
  set(value->text);
  return absl::OkStatus();
}

void FlagReader::Words(const std::string& name,
                       const std::function<void(const std::string&)>& add) const {
  const RawCommandLine::Value* value = Find(name);
  if (value == nullptr) return;
  for (const std::string& text : value->all) add(text);
}

absl::Status FlagReader::List(const std::string& name,
                              const std::function<void(const std::string&)>& add) const {
  const RawCommandLine::Value* value = Find(name);
  if (value == nullptr) return absl::OkStatus();
  for (const std::string& text : value->all) {
    for (const absl::string_view part : absl::StrSplit(text, ',')) {
      const absl::string_view word = absl::StripAsciiWhitespace(part);
      if (word.empty()) return BadValue(*value, text, "a list A,B: one of its words is empty");
      add(std::string(word));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::Duration> ParseWithDays(absl::string_view text) {
  absl::string_view days = text;
  int count = 0;
  if (absl::ConsumeSuffix(&days, "d") && absl::SimpleAtoi(days, &count) && count >= 0) {
    return absl::Hours(24) * count;
  }
  return ParseDurationText(text);
}

absl::Status FlagReader::Time(const std::string& name,
                              const std::function<google::protobuf::Timestamp*()>& set) const {
  const RawCommandLine::Value* value = Find(name);
  if (value == nullptr) return absl::OkStatus();
  absl::Time time;
  if (const absl::StatusOr<absl::Duration> ago = ParseWithDays(value->text); ago.ok()) {
    time = absl::Now() - *ago;
  } else if (std::string why; !absl::ParseTime(absl::RFC3339_full, value->text, &time, &why)) {
    return BadValue(*value,
                    "a time (for example 2026-11-22T10:00:00Z) or an age (for example 2h, 3d)");
  }
  *set() = ToTimestamp(time);
  return absl::OkStatus();
}

absl::Status FlagReader::Choices(const std::string& name,
                                 const std::function<void(int)>& add) const {
  const RawCommandLine::Value* value = Find(name);
  if (value == nullptr) return absl::OkStatus();
  for (const std::string& text : value->all) {
    std::optional<int> place;
    if (absl::Status status = PlaceOf(name, *value, text, place); !status.ok()) return status;
    add(*place);
  }
  return absl::OkStatus();
}

absl::Status FlagReader::Choice(const std::string& name, std::optional<int>& place) const {
  const RawCommandLine::Value* value = Find(name);
  return value == nullptr ? absl::OkStatus() : PlaceOf(name, *value, value->text, place);
}

}  // namespace gitops::ctl
