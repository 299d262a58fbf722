#include "agent/git/object_stream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace gitops {
namespace {

constexpr size_t kMaxLine = 200;

absl::Status NotAnAnswer() {
  return absl::DataLossError("git cat-file wrote something that is no answer");
}

// Moves the text up to a newline from `output` to `line`. Returns whether the line is complete.
absl::StatusOr<bool> TakeLine(absl::string_view* output, std::string* line) {
  const absl::string_view part = output->substr(0, output->find('\n'));
  if (line->size() + part.size() > kMaxLine) return NotAnAnswer();
  line->append(part.data(), part.size());
  if (part.size() == output->size()) {
    output->remove_prefix(part.size());
    return false;
  }
  output->remove_prefix(part.size() + 1);
  return true;
}

// "ID TYPE SIZE", or "ID missing".
absl::StatusOr<ObjectInfo> ParseLine(absl::string_view line, absl::string_view id) {
  const std::vector<absl::string_view> parts = absl::StrSplit(line, ' ');
  if (parts[0] != id) return NotAnAnswer();
  if (parts.size() == 2 && parts[1] == "missing") return ObjectInfo{};
  ObjectInfo info;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[2], &info.size) || info.size < 0) {
    return NotAnAnswer();
  }
  info.type = std::string(parts[1]);
  if (info.type != "blob" && info.type != "tree" && info.type != "commit" && info.type != "tag") {
    return NotAnAnswer();
  }
  return info;
}

}  // namespace

absl::StatusOr<bool> InfoStream::Add(absl::string_view output) {
  while (!output.empty()) {
    if (infos_.size() == ids_.size()) return NotAnAnswer();
    const absl::StatusOr<bool> whole = TakeLine(&output, &line_);
    if (!whole.ok()) return whole;
    if (!*whole) return false;
    absl::StatusOr<ObjectInfo> info = ParseLine(line_, ids_[infos_.size()]);
    if (!info.ok()) return info.status();
    infos_.push_back(*std::move(info));
    line_.clear();
  }
  return infos_.size() == ids_.size();
}

absl::StatusOr<bool> ContentStream::Add(absl::string_view output) {
  while (!output.empty()) {
    if (next_ == ids_.size()) return NotAnAnswer();
    absl::Status status;
    if (state_ == State::kHeader) {
      const absl::StatusOr<bool> whole = TakeLine(&output, &header_);
      if (!whole.ok()) return whole;
      if (!*whole) return false;
      status = AddHeader();
      header_.clear();
    } else if (state_ == State::kContent) {
      const absl::string_view piece =
          output.substr(0, std::min(output.size(), static_cast<size_t>(left_)));
      output.remove_prefix(piece.size());
      left_ -= static_cast<int64_t>(piece.size());
      hash_->Update(piece);
      status = sink_->Data(piece);
      if (left_ == 0) state_ = State::kNewline;
    } else {
      if (output.front() != '\n') return NotAnAnswer();
      output.remove_prefix(1);
      status = EndObject();
    }
    if (!status.ok()) return status;
  }
  return next_ == ids_.size();
}

absl::Status ContentStream::AddHeader() {
  const absl::StatusOr<ObjectInfo> info = ParseLine(header_, ids_[next_]);
  if (!info.ok()) return info.status();
  if (info->type.empty()) {
    return absl::DataLossError(absl::StrCat("the mirror lacks object ", ids_[next_]));
  }
  left_ = info->size;
  hash_.emplace(info->type, info->size, ids_[next_].size());
  state_ = left_ == 0 ? State::kNewline : State::kContent;
  return sink_->Begin(*info);
}

absl::Status ContentStream::EndObject() {
  state_ = State::kHeader;
  if (hash_->Finish() != ids_[next_]) {
    return absl::DataLossError(absl::StrCat("object ", ids_[next_],
                                            " in the mirror has other content than its name says: "
                                            "it was forged or is damaged"));
  }
  ++next_;
  return sink_->End();
}

}  // namespace gitops
