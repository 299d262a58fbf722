#include "agent/git/tree.h"

#include <sys/stat.h>

#include <charconv>
#include <system_error>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/git/refs.h"

namespace gitops {
namespace {

constexpr size_t kMaxModeDigits = 7;

absl::Status NotATree(absl::string_view what) {
  return absl::FailedPreconditionError(
      absl::StrCat("the commit is refused: a directory of it ", what));
}

// The mode before `name`, in octal. Old gits wrote some with a leading zero.
bool ParseMode(absl::string_view text, uint32_t* mode) {
  const char* const end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data(), end, *mode, 8);
  if (error != std::errc() || read != end || text.size() > kMaxModeDigits) return false;
  // Of a file git knows only whether its owner may execute it.
  if ((*mode & S_IFMT) == S_IFREG) {
    *mode = (*mode & S_IXUSR) != 0 ? kExecutableMode : kFileMode;
  }
  return true;
}

}  // namespace

absl::StatusOr<std::string> TreeOfCommit(absl::string_view commit, size_t id_length) {
  const absl::string_view line = commit.substr(0, commit.find('\n'));
  absl::string_view id = line;
  if (!absl::ConsumePrefix(&id, "tree ") || id.size() != id_length || !IsObjectId(id)) {
    return absl::FailedPreconditionError("it is refused: it does not begin with its tree");
  }
  return std::string(id);
}

// "MODE NAME\0ID", one after the other, with the id in binary.
absl::Status ForEachEntry(
    absl::string_view tree, size_t id_length,
    absl::FunctionRef<absl::Status(uint32_t mode, absl::string_view name, std::string id)> visit) {
  const size_t id_bytes = id_length / 2;
  while (!tree.empty()) {
    const size_t space = tree.find(' ');
    const size_t end = tree.find('\0');
    if (space == absl::string_view::npos || end == absl::string_view::npos || space > end ||
        tree.size() - end - 1 < id_bytes) {
      return NotATree("is damaged");
    }
    uint32_t mode = 0;
    if (!ParseMode(tree.substr(0, space), &mode)) return NotATree("has an entry without a mode");
    const absl::string_view name = tree.substr(space + 1, end - space - 1);
    if (name.empty()) return NotATree("has an entry without a name");
    if (auto status = visit(mode, name, absl::BytesToHexString(tree.substr(end + 1, id_bytes)));
        !status.ok()) {
      return status;
    }
    tree.remove_prefix(end + 1 + id_bytes);
  }
  return absl::OkStatus();
}

}  // namespace gitops
