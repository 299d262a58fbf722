#include "services/promotion_receiver/yaml_edit/yaml_edit.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/text/utf8.h"
#include "services/promotion_receiver/yaml_edit/image_text.h"
#include "services/promotion_receiver/yaml_edit/scalar_text.h"
#include "services/promotion_receiver/yaml_edit/yaml_events.h"
#include "services/promotion_receiver/yaml_edit/yaml_layout.h"

namespace gitops {
namespace {

using Kind = YamlEvent::Kind;

constexpr size_t kLongestVersion = 1024;

absl::Status Refuse(absl::string_view why) { return absl::FailedPreconditionError(why); }

absl::Status CheckVersion(absl::string_view version) {
  const bool printable = std::none_of(version.begin(), version.end(),
                                      [](unsigned char c) { return absl::ascii_iscntrl(c); });
  if (!version.empty() && version.size() <= kLongestVersion && printable && IsValidUtf8(version)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("a version has 1 to ", kLongestVersion,
                                                 " bytes of UTF-8 and no control characters"));
}

// "line N: what" for texts that are not edited as a whole.
absl::Status CheckText(absl::string_view text) {
  if (text.size() > kMostYamlBytes) {
    return Refuse(absl::StrCat("line 1: the file has ", text.size(), " bytes; at most ",
                               kMostYamlBytes, " can be edited"));
  }
  if (!IsValidUtf8(text) || absl::StrContains(text, '\0')) {
    return Refuse("line 1: the file is not UTF-8 text");
  }
  for (size_t at = 0; (at = text.find('\r', at)) != absl::string_view::npos; ++at) {
    if (at + 1 == text.size() || text[at + 1] != '\n') {
      return Refuse(absl::StrCat("line ", LineOf(text, at),
                                 ": a carriage return without a line feed; use LF or CRLF"));
    }
  }
  return absl::OkStatus();
}

// A marked scalar and its new value.
struct Edit {
  const YamlLayout::Scalar* scalar = nullptr;
  std::string value;  // as parsed
  std::string text;   // as written
};

class Editor {
 public:
  Editor(absl::string_view text, const MarkedEnvironment& environment,
         const PromotedVersion& version)
      : text_(text), environment_(environment), version_(version) {}

  // Errors are "line N: what".
  absl::StatusOr<YamlEdit> Run() {
    auto events = ParseYamlEvents(text_);
    if (!events.ok()) return Refuse(events.status().message());
    events_ = *std::move(events);
    auto layout = LayoutOf(text_, events_);
    if (!layout.ok()) return Refuse(layout.status().message());
    layout_ = *std::move(layout);
    for (const YamlLayout::Comment& comment : layout_.comments) {
      if (auto status = Mark(comment); !status.ok()) {
        return Refuse(absl::StrCat("line ", LineOf(text_, comment.begin), ": ", status.message()));
      }
    }
    YamlEdit result{.text = Written(), .markers = static_cast<int>(edits_.size())};
    if (auto status = Check(result.text); !status.ok()) return status;
    return result;
  }

 private:
  absl::Status Mark(const YamlLayout::Comment& comment) {
    const auto part =
        ReadMarker(text_.substr(comment.begin, comment.end - comment.begin), environment_);
    if (!part.ok()) return part.status();
    if (!part->has_value()) return absl::OkStatus();
    const auto scalar = MarkedScalar(comment);
    if (!scalar.ok()) return scalar.status();
    const auto version = PartOf(version_, **part);
    if (!version.ok()) return version.status();
    const YamlEvent& event = events_[(*scalar)->event];
    auto value = WithVersion(event.value, *version, **part);
    if (!value.ok()) return value.status();
    const bool tagged = !event.tag.empty() && event.tag != "?" && event.tag != "!";
    std::string text =
        *value == event.value
            ? std::string(text_.substr((*scalar)->begin, (*scalar)->end - (*scalar)->begin))
            : ScalarText(*value, event.value,
                         {.style = (*scalar)->style, .in_flow = event.in_flow, .tagged = tagged});
    edits_.push_back({.scalar = *scalar, .value = *std::move(value), .text = std::move(text)});
    return absl::OkStatus();
  }

  // The one value on the line of a comment.
  absl::StatusOr<const YamlLayout::Scalar*> MarkedScalar(const YamlLayout::Comment& comment) const {
    // npos + 1 is the start of the text.
    const size_t line = text_.rfind('\n', comment.begin) + 1;
    const auto is_before = [](const YamlLayout::Scalar& scalar, size_t position) {
      return scalar.begin < position;
    };
    const auto& scalars = layout_.scalars;
    auto scalar = std::lower_bound(scalars.begin(), scalars.end(), line, is_before);
    const YamlLayout::Scalar* found = nullptr;
    for (; scalar != scalars.end() && scalar->begin < comment.begin; ++scalar) {
      if (events_[scalar->event].is_key) continue;
      if (found != nullptr)
        return Refuse("several values are on the line of the marker; use a line for each");
      found = &*scalar;
    }
    if (found == nullptr) {
      return Refuse(
          "no value begins on the line of the marker; put it behind the value that it marks");
    }
    if (events_[found->event].kind == Kind::kAlias) {
      return Refuse("the marked value is an alias; mark the value of its anchor");
    }
    if (found->style == ScalarStyle::kBlock) {
      return Refuse("the marked value is a block scalar; write it on one line");
    }
    if (found->multi_line)
      return Refuse("the marked value has several lines; write it on one line");
    const absl::string_view between = text_.substr(found->end, comment.begin - found->end);
    if (found->begin == found->end) return Refuse("the marked value is empty; give it a value");
    if (between.find_first_not_of(" \t,]}") != absl::string_view::npos) {
      return Refuse("the marker is not directly behind a value");
    }
    return found;
  }

  // Comments, and so the edits, are in the order of the text.
  std::string Written() const {
    std::string written;
    size_t at = 0;
    for (const Edit& edit : edits_) {
      absl::StrAppend(&written, text_.substr(at, edit.scalar->begin - at), edit.text);
      at = edit.scalar->end;
    }
    absl::StrAppend(&written, text_.substr(at));
    return written;
  }

  // That a parser finds the new values, and everything else as it was.
  absl::Status Check(absl::string_view written) {
    if (edits_.empty()) return absl::OkStatus();
    const auto events = ParseYamlEvents(written);
    for (const Edit& edit : edits_) {
      YamlEvent& event = events_[edit.scalar->event];
      event.value = edit.value;
      const bool quoted = edit.text.front() == '"' || edit.text.front() == '\'';
      if (event.tag == "?" && quoted) event.tag = "!";
    }
    if (events.ok() && *events == events_) return absl::OkStatus();
    return Refuse(absl::StrCat("line ", LineOf(text_, edits_[0].scalar->begin),
                               ": setting the marked values would change other parts of the file"));
  }

  const absl::string_view text_;
  const MarkedEnvironment& environment_;
  const PromotedVersion& version_;
  std::vector<YamlEvent> events_;
  YamlLayout layout_;
  std::vector<Edit> edits_;
};

}  // namespace

absl::StatusOr<YamlEdit> SetMarkedScalars(absl::string_view text, absl::string_view file,
                                          const MarkedEnvironment& environment,
                                          const PromotedVersion& version) {
  if (auto status = CheckVersion(version.version); !status.ok()) return status;
  // UTF-16 has a NUL beside each of these characters.
  const bool marked =
      absl::StrContains(text, kMarkerKey) ||
      (absl::StrContains(text, '\0') &&
       absl::StrContains(absl::StrReplaceAll(text, {{absl::string_view("\0", 1), ""}}),
                         kMarkerKey));
  if (!marked) return YamlEdit{.text = std::string(text)};
  absl::Status checked = CheckText(text);
  absl::StatusOr<YamlEdit> result =
      checked.ok() ? Editor(text, environment, version).Run() : checked;
  if (result.ok()) return result;
  absl::string_view message = result.status().message();
  const std::string prefix = "line ";
  message.remove_prefix(std::min(prefix.size(), message.size()));
  return Refuse(absl::StrCat(file, ":", message));
}

}  // namespace gitops
