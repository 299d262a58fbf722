#include "services/promotion_receiver/yaml_edit/yaml_layout.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

constexpr absl::string_view kSpaces = " \t\r\n";

bool IsBlank(absl::string_view line) {
  return line.find_first_not_of(kSpaces) == absl::string_view::npos;
}

// Walks through the text from scalar to scalar. What is between them is white space, indicators,
// anchors, tags, directives and comments, so that a '#' after white space there begins a comment.
class Walk {
 public:
  Walk(absl::string_view text, const std::vector<YamlEvent>& events)
      : text_(text), events_(events) {}

  absl::StatusOr<YamlLayout> Run() {
    for (size_t i = 0; i < events_.size(); ++i) {
      const YamlEvent::Kind kind = events_[i].kind;
      if (kind == YamlEvent::Kind::kAlias) {
        if (auto status = PassTo(events_[i].position); !status.ok()) return status;
        layout_.scalars.push_back({.event = i, .begin = at_, .end = at_});
      } else if (kind == YamlEvent::Kind::kScalar) {
        if (auto status = PassScalar(i); !status.ok()) return status;
      }
    }
    if (auto status = PassTo(text_.size()); !status.ok()) return status;
    return std::move(layout_);
  }

 private:
  absl::Status Misfit(size_t position) const {
    return absl::InternalError(absl::StrCat("line ", LineOf(text_, position),
                                            ": cannot tell where the values of this file are"));
  }

  size_t LineEnd(size_t position) const {
    return std::min(text_.find('\n', position), text_.size());
  }
  absl::string_view Line(size_t begin) const { return text_.substr(begin, LineEnd(begin) - begin); }

  // Goes on to `end`, and notes the comments on the way.
  absl::Status PassTo(size_t end) {
    if (end < at_ || end > text_.size()) return Misfit(at_);
    while (at_ < end) {
      const bool after_space = at_ == 0 ||
                               kSpaces.find(text_[at_ - 1]) != absl::string_view::npos ||
                               (at_ == 3 && absl::StartsWith(text_, "\xef\xbb\xbf"));
      if (text_[at_] != '#' || !after_space) {
        ++at_;
        continue;
      }
      size_t comment_end = LineEnd(at_);
      if (comment_end > end) return Misfit(at_);
      const size_t next = comment_end;
      if (comment_end > at_ && text_[comment_end - 1] == '\r') --comment_end;
      layout_.comments.push_back({.begin = at_, .end = comment_end});
      at_ = next;
    }
    return absl::OkStatus();
  }

  // Skips the anchor and the tag at `position`, and comments after them.
  size_t AfterProperties(size_t position) const {
    while (position < text_.size()) {
      const char c = text_[position];
      if (c == '&' || c == '!') {
        position = std::min(text_.find_first_of(kSpaces, position), text_.size());
      } else if (kSpaces.find(c) != absl::string_view::npos) {
        ++position;
      } else if (c == '#') {
        position = LineEnd(position);
      } else {
        return position;
      }
    }
    return position;
  }

  absl::Status PassScalar(size_t index) {
    const YamlEvent& event = events_[index];
    const size_t begin = AfterProperties(event.position);
    // Only a tag, without a value.
    if (event.value.empty() &&
        (begin >= text_.size() || !absl::StrContains("'\"|>", text_[begin]))) {
      if (auto status = PassTo(event.position); !status.ok()) return status;
      layout_.scalars.push_back({.event = index, .begin = at_, .end = at_});
      return absl::OkStatus();
    }
    if (auto status = PassTo(begin); !status.ok()) return status;
    if (begin >= text_.size()) return Misfit(begin);
    switch (text_[begin]) {
      case '"':
        return PassQuoted(index, ScalarStyle::kDoubleQuoted);
      case '\'':
        return PassQuoted(index, ScalarStyle::kSingleQuoted);
      case '|':
      case '>':
        if (!event.in_flow) return PassBlock(index);
    }
    return PassPlain(index);
  }

  absl::Status PassQuoted(size_t index, ScalarStyle style) {
    const bool is_double = style == ScalarStyle::kDoubleQuoted;
    const char quote = is_double ? '"' : '\'';
    size_t end = at_ + 1;
    for (; end < text_.size(); ++end) {
      if (is_double && text_[end] == '\\') {
        ++end;
      } else if (text_[end] == quote) {
        if (is_double || end + 1 >= text_.size() || text_[end + 1] != quote) break;
        ++end;
      }
    }
    if (end >= text_.size()) return Misfit(at_);
    ++end;
    const bool multi_line = absl::StrContains(text_.substr(at_, end - at_), '\n');
    layout_.scalars.push_back(
        {.event = index, .begin = at_, .end = end, .style = style, .multi_line = multi_line});
    at_ = end;
    return absl::OkStatus();
  }

  absl::Status PassPlain(size_t index) {
    const std::string& value = events_[index].value;
    const bool one_line = !value.empty() && absl::StartsWith(text_.substr(at_), value);
    // The other lines of a plain scalar cannot have comments, so they need not be told apart from
    // what is between scalars.
    const size_t end = one_line ? at_ + value.size() : at_ + 1;
    layout_.scalars.push_back({.event = index, .begin = at_, .end = end, .multi_line = !one_line});
    at_ = end;
    return absl::OkStatus();
  }

  // The indentation that the header of a block scalar says; none: it is that of its first line.
  static std::optional<size_t> IndicatedIndentation(absl::string_view header, int around) {
    for (size_t i = 1; i < header.size() && i < 3; ++i) {
      if (header[i] >= '1' && header[i] <= '9') {
        return static_cast<size_t>(std::max(around, 0) + (header[i] - '0'));
      }
    }
    return std::nullopt;
  }

  absl::Status PassBlock(size_t index) {
    layout_.scalars.push_back({.event = index,
                               .begin = at_,
                               .end = at_ + 1,
                               .style = ScalarStyle::kBlock,
                               .multi_line = true});
    const int around = events_[index].indentation;
    std::optional<size_t> indentation = IndicatedIndentation(Line(at_), around);
    ++at_;
    if (auto status = PassTo(LineEnd(at_)); !status.ok()) return status;
    size_t next = std::min(at_ + 1, text_.size());
    size_t end = next;
    while (next < text_.size()) {
      const absl::string_view line = Line(next);
      if (!IsBlank(line)) {
        const size_t spaces = line.find_first_not_of(' ');
        if (!indentation.has_value() && static_cast<int>(spaces) > around) indentation = spaces;
        if (!indentation.has_value() || spaces < *indentation) break;
        if (spaces == 0 && (absl::StartsWith(line, "---") || absl::StartsWith(line, "..."))) break;
        end = std::min(next + line.size() + 1, text_.size());
      }
      next = std::min(next + line.size() + 1, text_.size());
    }
    at_ = end;
    return absl::OkStatus();
  }

  const absl::string_view text_;
  const std::vector<YamlEvent>& events_;
  size_t at_ = 0;
  YamlLayout layout_;
};

}  // namespace

absl::StatusOr<YamlLayout> LayoutOf(absl::string_view text, const std::vector<YamlEvent>& events) {
  return Walk(text, events).Run();
}

size_t LineOf(absl::string_view text, size_t position) {
  const absl::string_view before = text.substr(0, position);
  return static_cast<size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
}

}  // namespace gitops
