#include "agent/git/blob_stream.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace gitops {
namespace {

constexpr size_t kMaxHeader = 200;

}  // namespace

absl::Status BlobStream::Add(absl::string_view output) {
  while (!output.empty()) {
    if (state_ == State::kContent) {
      const size_t size = std::min(output.size(), static_cast<size_t>(left_));
      if (auto status = sink_->Data(output.substr(0, size)); !status.ok()) return status;
      output.remove_prefix(size);
      left_ -= static_cast<int64_t>(size);
      if (left_ == 0) state_ = State::kNewline;
      continue;
    }
    if (state_ == State::kNewline) {
      output.remove_prefix(1);
      state_ = State::kHeader;
      if (auto status = sink_->End(); !status.ok()) return status;
      continue;
    }
    const size_t newline = output.find('\n');
    header_.append(output.substr(0, newline).data(), output.substr(0, newline).size());
    if (header_.size() > kMaxHeader)
      return absl::InternalError("git cat-file returned invalid output");
    if (newline == absl::string_view::npos) return absl::OkStatus();
    output.remove_prefix(newline + 1);
    if (auto status = AddHeader(); !status.ok()) return status;
    header_.clear();
  }
  return absl::OkStatus();
}

// "OID TYPE SIZE" or "OID missing"
absl::Status BlobStream::AddHeader() {
  const std::vector<absl::string_view> parts = absl::StrSplit(header_, ' ');
  if (parts.size() == 2 && parts[1] == "missing") return sink_->Missing();
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[2], &left_) || left_ < 0) {
    return absl::InternalError("git cat-file returned invalid output");
  }
  if (parts[1] != "blob") {
    return absl::FailedPreconditionError(
        absl::StrCat("the commit uses object ", parts[0], " as a file, but it is a ", parts[1]));
  }
  state_ = left_ == 0 ? State::kNewline : State::kContent;
  return sink_->Begin(left_);
}

}  // namespace gitops
