#include "agent/git/tree_listing.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

// Longer than any path of a file system; a tree may have longer ones.
constexpr size_t kMaxRecord = 16 << 10;

absl::Status NotAListing() { return absl::InternalError("git ls-tree returned invalid output"); }

bool ParseMode(absl::string_view text, uint32_t* mode) {
  *mode = 0;
  if (text.empty() || text.size() > 7) return false;
  for (char c : text) {
    if (c < '0' || c > '7') return false;
    *mode = *mode * 8 + static_cast<uint32_t>(c - '0');
  }
  return true;
}

}  // namespace

absl::Status TreeListingParser::Add(absl::string_view output) {
  for (size_t end; (end = output.find('\0')) != absl::string_view::npos;) {
    partial_.append(output.data(), end);
    output.remove_prefix(end + 1);
    if (auto status = AddRecord(partial_); !status.ok()) return status;
    partial_.clear();
  }
  if (partial_.size() + output.size() > kMaxRecord) {
    return absl::FailedPreconditionError("a path in the commit is longer than 16 KiB");
  }
  partial_.append(output.data(), output.size());
  return absl::OkStatus();
}

// "MODE TYPE OID\tPATH"
absl::Status TreeListingParser::AddRecord(absl::string_view record) {
  const size_t tab = record.find('\t');
  const size_t first = record.find(' ');
  const size_t second = record.find(' ', first + 1);
  if (tab == absl::string_view::npos || second == absl::string_view::npos || second > tab) {
    return NotAListing();
  }
  TreeEntry entry;
  if (!ParseMode(record.substr(0, first), &entry.mode)) return NotAListing();
  const bool directory = entry.mode == kTreeMode;
  if ((directory ? ++directories_ : static_cast<int64_t>(entries_.size()) + 1) > max_entries_) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "it has more than ", max_entries_, directory ? " directories" : " files", " (max_files)"));
  }
  if (directory) return absl::OkStatus();
  entry.oid = std::string(record.substr(second + 1, tab - second - 1));
  entry.path = std::string(record.substr(tab + 1));
  entries_.push_back(std::move(entry));
  return absl::OkStatus();
}

}  // namespace gitops
