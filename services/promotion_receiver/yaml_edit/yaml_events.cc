#include "services/promotion_receiver/yaml_edit/yaml_events.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <exception>
#include <sstream>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

constexpr size_t kMostEvents = 1'000'000;
constexpr absl::string_view kByteOrderMark = "\xef\xbb\xbf";

// Ends parsing: yaml-cpp's interface has no other way.
struct TooManyEvents : std::exception {};

class Recorder final : public YAML::EventHandler {
 public:
  // The parser does not count a byte-order mark.
  explicit Recorder(size_t first_position) : first_position_(first_position) {}

  std::vector<YamlEvent> Take() { return std::move(events_); }

  void OnDocumentStart(const YAML::Mark&) override { Add(YamlEvent::Kind::kDocumentStart); }
  void OnDocumentEnd() override { Add(YamlEvent::Kind::kDocumentEnd); }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    AddNode(YamlEvent::Kind::kNull, mark, "", anchor, "");
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    AddNode(YamlEvent::Kind::kAlias, mark, "", anchor, "");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    AddNode(YamlEvent::Kind::kScalar, mark, tag, anchor, value);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    AddNode(YamlEvent::Kind::kSequenceStart, mark, tag, anchor, "");
    Open(/*is_map=*/false, style, mark.column);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    AddNode(YamlEvent::Kind::kMapStart, mark, tag, anchor, "");
    Open(/*is_map=*/true, style, mark.column);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Collection {
    bool is_map = false, in_flow = false, at_key = false, empty = true;
    int indentation = -1;
  };

  YamlEvent& Add(YamlEvent::Kind kind) {
    if (events_.size() >= kMostEvents) throw TooManyEvents();
    events_.emplace_back().kind = kind;
    return events_.back();
  }

  void AddNode(YamlEvent::Kind kind, const YAML::Mark& mark, const std::string& tag,
               YAML::anchor_t anchor, const std::string& value) {
    YamlEvent& event = Add(kind);
    event.tag = tag;
    event.value = value;
    event.anchor = anchor;
    event.position = first_position_ + static_cast<size_t>(mark.pos);
    if (open_.empty()) return;
    Collection& around = open_.back();
    // A map with a tag or an anchor begins there, and not where its keys are.
    if (around.is_map && !around.in_flow && around.empty) around.indentation = mark.column;
    around.empty = false;
    event.is_key = around.is_map && around.at_key;
    event.in_flow = around.in_flow;
    event.indentation = around.indentation;
    around.at_key = around.is_map && !around.at_key;
  }

  void Open(bool is_map, YAML::EmitterStyle::value style, int column) {
    Collection opened{.is_map = is_map, .at_key = is_map};
    opened.in_flow = style == YAML::EmitterStyle::Flow || (!open_.empty() && open_.back().in_flow);
    if (!opened.in_flow) {
      opened.indentation = column;
    } else if (!open_.empty()) {
      opened.indentation = open_.back().indentation;
    }
    open_.push_back(opened);
  }

  void Close() {
    Add(YamlEvent::Kind::kCollectionEnd);
    open_.pop_back();
  }

  const size_t first_position_;
  std::vector<YamlEvent> events_;
  std::vector<Collection> open_;
};

}  // namespace

bool YamlEvent::operator==(const YamlEvent& other) const {
  return kind == other.kind && tag == other.tag && value == other.value && anchor == other.anchor &&
         is_key == other.is_key;
}

absl::StatusOr<std::vector<YamlEvent>> ParseYamlEvents(absl::string_view text) {
  std::istringstream stream{std::string(text)};
  Recorder recorder(absl::StartsWith(text, kByteOrderMark) ? kByteOrderMark.size() : 0);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(recorder)) {
    }
  } catch (const TooManyEvents&) {
    return absl::ResourceExhaustedError(absl::StrCat("has more than ", kMostEvents, " nodes"));
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("line ", error.mark.line + 1, ": ", error.msg));
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("line 1: ", error.what()));
  }
  return recorder.Take();
}

}  // namespace gitops
